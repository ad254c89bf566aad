"""Reading tables of points, CSV or Parquet, with every way in which they can be bad told in one line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cellweave.core import Cells, TableError

REQUIRED = ("image", "x", "y")
OPTIONAL = ("label", "score")
_EXPECTED = "a table of points has the columns image, x, y, and perhaps label and score, separated by commas"


@dataclass(frozen=True, eq=False)
class PointTable:
    """A table of points and the file it came from.

    Attributes:
        path: The file.
        points: One row a point; the index is its place in the file, from 0: image (text, ``007`` stays ``007``),
            x and y (float64, finite), label (text, None where not given), score (float64, NaN where not given).
        has_labels: Whether the table speaks of classes at all: it has the column label, and not all of it is empty.
            A table with that column and without any row does.
    """

    path: Path
    points: pd.DataFrame
    has_labels: bool

    def row_name(self, index: int) -> str:
        """Return what a message calls the point at a position: its row, from 1 without the header, and its image."""
        return f"row {self.points.index[index] + 1} (image {self.points['image'].iloc[index]})"

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> PointTable:
        """Read a table; Parquet when the name ends in ``.parquet``, otherwise CSV in UTF-8, separated by commas.

        Other columns are not looked at.

        Raises:
            TableError: The file is missing, empty, damaged or no table, lacks a column, or has a row without image, or
                with a position or score that is not a finite number.
        """
        path = Path(path)
        if not path.is_file():
            found = "is a folder" if path.is_dir() else "does not exist"
            raise TableError(f"{path} {found}; give a CSV or Parquet file: {_EXPECTED}.")
        raw = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path)
        text = pd.Series(pd.NA, index=raw.index, dtype="string")
        points = pd.DataFrame(
            {
                "image": _images(raw["image"], path),
                "x": _numbers(raw["x"], path),
                "y": _numbers(raw["y"], path),
                "label": _labels(raw.get("label", text)),
                "score": _numbers(raw.get("score", text.rename("score")), path, may_be_empty=True),
            }
        )
        has_labels = "label" in raw.columns and (points.empty or bool(points["label"].notna().any()))
        return cls(path, points, has_labels)


def cells_by_image(
    table: PointTable,
    *,
    shapes: Mapping[str, tuple[int, int]],
    classes: Sequence[str],
    mpp: Mapping[str, float | None] | None = None,
) -> dict[str, Cells]:
    """Return the points of a table as the cells of each image.

    Args:
        table: The points; all of their images are in ``shapes``.
        shapes: Height and width of every image, in pixels.
        classes: Names of the classes; when there are none, labels are not looked at.
        mpp: µm per pixel of images, None where unknown.

    Returns:
        The cells of every image of ``shapes``, empty where the table has none.

    Raises:
        TableError: A point lies outside its image, or its class is not among the classes.
    """
    points = table.points
    xy = points[["x", "y"]].to_numpy()
    frames = np.array([shapes[image][::-1] for image in points["image"]], np.float64).reshape(-1, 2)
    inside = ((xy >= 0) & (xy < frames)).all(axis=1)
    if not inside.all():
        i = int(np.argmin(inside))
        (x, y), (width, height) = xy[i].tolist(), frames[i].tolist()
        raise TableError(
            f"{table.path}: {table.row_name(i)}: x {x:g}, y {y:g} is outside the image, which is {width:g}×{height:g} "
            "(width×height) with (0, 0) at its top left corner; exchange x and y, or correct or remove the row."
        )
    labels = _label_indices(table, classes) if classes else np.full(len(points), -1)
    rows = points.groupby("image", sort=False).indices
    return {
        image: Cells(
            xy[rows.get(image, [])],
            labels[rows.get(image, [])],
            classes=classes,
            shape=shape,
            mpp=(mpp or {}).get(image),
        )
        for image, shape in shapes.items()
    }


def _label_indices(table: PointTable, classes: Sequence[str]) -> npt.NDArray[np.int64]:
    labels = table.points["label"]
    indices = labels.map({name: i for i, name in enumerate(classes)}).to_numpy(np.float64, na_value=np.nan)
    strange = np.isnan(indices) & labels.notna().to_numpy()
    if strange.any():
        i = int(np.argmax(strange))
        raise TableError(
            f"{table.path}: {table.row_name(i)}: class {labels.iloc[i]!r} is not known; the classes are "
            f"{', '.join(classes)}: correct the row, or give the table that belongs to them."
        )
    return np.where(np.isnan(indices), -1, indices).astype(np.int64)


def read_point_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the points of a table, see :attr:`PointTable.points`.

    Raises:
        TableError: The table cannot be used, see :meth:`PointTable.read`.
    """
    return PointTable.read(path).points


def read_csv_text(path: Path, *, expected: str) -> pd.DataFrame:
    """Return all columns of a CSV as text, empty where nothing is given, under the names of its first line.

    Args:
        path: The file, in UTF-8, separated by commas.
        expected: What such a table looks like, for the messages.

    Raises:
        TableError: The file is missing, empty, not such text, or a row is longer than the first line.
    """
    try:
        # The header is read as a row: pandas would otherwise rename columns that are there twice, and take the first
        # column for row names where rows are longer than the header.
        rows = pd.read_csv(
            path, header=None, dtype="string", keep_default_na=False, skipinitialspace=True, encoding="utf-8-sig"
        )
    except pd.errors.EmptyDataError as error:
        raise TableError(f"{path} is empty; {expected}.") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{path} is not text in UTF-8 ({error.reason}); save it as CSV in UTF-8.") from error
    except (OSError, ValueError) as error:
        raise TableError(f"{path} cannot be read as a table ({_first_line(error)}); {expected}.") from error
    rows = rows.fillna("")
    table = rows.iloc[1:].reset_index(drop=True)
    table.columns = pd.Index([name.strip() for name in rows.iloc[0]])
    return table


def require_unique_columns(header: Sequence[str], columns: Sequence[str], path: Path) -> None:
    """Make sure that none of the columns is there twice.

    Raises:
        TableError: One is.
    """
    twice = [name for name in columns if header.count(name) > 1]
    if twice:
        raise TableError(f"{path} has the column {twice[0]} {header.count(twice[0])} times; keep one of them.")


def _read_csv(path: Path) -> pd.DataFrame:
    table = read_csv_text(path, expected=_EXPECTED)
    header = list(table.columns)
    _require_columns(header, path)
    wanted: pd.DataFrame = table[[name for name in (*REQUIRED, *OPTIONAL) if name in header]]
    return wanted


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        header = pq.read_schema(path).names
        _require_columns(header, path)
        wanted = [name for name in (*REQUIRED, *OPTIONAL) if name in header]
        table = pq.ParquetFile(path).read(columns=wanted)
        return pd.DataFrame({name: _numbers_or_text(table[name]) for name in wanted})
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{path} cannot be read as a table ({_first_line(error)}); {_EXPECTED}.") from error


def _numbers_or_text(column: pa.ChunkedArray) -> pd.Series[Any]:
    """Return a column of floating-point numbers as float64, and any other as text."""
    if column.type in (pa.float16(), pa.float32(), pa.float64()):
        floats: pd.Series[Any] = column.cast(pa.float64()).to_pandas()
        return floats
    text: pd.Series[Any] = column.cast(pa.string()).to_pandas().astype("string").fillna("")
    return text


def _require_columns(header: list[str], path: Path) -> None:
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        there = ", ".join(header)
        there = there if len(there) <= 80 else there[:80] + "…"
        raise TableError(f"{path} lacks {', '.join(missing)}; it has {there!r}: {_EXPECTED}.")
    require_unique_columns(header, (*REQUIRED, *OPTIONAL), path)


def _images(values: pd.Series[Any], path: Path) -> pd.Series[str]:
    names = values.astype("string")
    empty = (names.str.strip() == "").to_numpy(bool)
    if empty.any():
        raise TableError(f"{path}: row {int(np.argmax(empty)) + 1}: image is empty; name the image of every row.")
    return names.astype(object)


def _labels(values: pd.Series[Any]) -> pd.Series[str]:
    names = values.astype("string").fillna("")
    return names.astype(object).where((names != "").to_numpy(bool), None)


def _numbers(values: pd.Series[Any], path: Path, *, may_be_empty: bool = False) -> pd.Series[float]:
    text = values.astype(object)
    given = (
        ~(values.isna() | text.isin(["", "nan", "NaN"])).to_numpy(bool) if may_be_empty else np.ones(len(text), bool)
    )
    numbers = np.full(len(text), np.nan)
    try:
        numbers[given] = text[given].to_numpy().astype(np.float64)  # exact, where pandas' own parser rounds
    except ValueError:
        numbers[given] = pd.to_numeric(text[given], errors="coerce")
    bad = given & ~np.isfinite(numbers)
    if bad.any():
        row = int(np.argmax(bad))
        raise TableError(
            f"{path}: row {row + 1}: {values.name} is {text.iloc[row]!r}, which is not a finite number; "
            "correct or remove the row."
        )
    return pd.Series(numbers, index=values.index)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
