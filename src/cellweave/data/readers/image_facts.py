"""What a table says of whole images: their split, their patient or slide, and their scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cellweave.core import InvalidInputError, TableError
from cellweave.data.dataset import SPLITS
from cellweave.data.readers.image_folder import ImageFolder
from cellweave.data.tables import read_csv_text, require_unique_columns
from cellweave.data.wording import listing

COLUMNS = ("split", "group", "mpp")
_EXPECTED = f"give a CSV or Parquet file with the column image and any of {', '.join(COLUMNS)}"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Split, group (patient or slide; the image's own name where None) and µm per pixel (None where unknown)."""

    split: str = "training"
    group: str | None = None
    mpp: float | None = None


def check_mpp(mpp: float | None) -> float | None:
    """Return ``mpp`` (µm per pixel).

    Raises:
        InvalidInputError: It is not a positive number.
    """
    if mpp is not None and not (math.isfinite(mpp) and mpp > 0):
        raise InvalidInputError(f"mpp (µm per pixel) must be a positive number, got {mpp}; 0.5 is usual at 20x.")
    return mpp


def read_image_facts(path: Path, images: ImageFolder, *, mpp: float | None = None) -> dict[Path, ImageFacts]:
    """Return what a table with the column ``image``, and any of ``split``, ``group`` and ``mpp``, says of images.

    Args:
        path: CSV or Parquet; an image may have many rows, which must agree.
        images: Where its images are.
        mpp: µm per pixel of the images that the table gives none for.

    Raises:
        TableError: The table cannot be read, lacks ``image``, or has a value that cannot be used.
    """
    table = _read_columns(path)
    columns = [name for name in ("image", *COLUMNS) if name in table.columns]
    facts: dict[Path, ImageFacts] = {}
    for row in table[columns].drop_duplicates().to_dict("records"):
        name = str(row["image"])
        one = ImageFacts(
            split=_split(row.get("split") or "training", name, path),
            group=str(row["group"]) if row.get("group") else None,
            mpp=_mpp(row["mpp"], name, path) if row.get("mpp") else mpp,
        )
        file = images.find(name, file=path)
        if facts.setdefault(file, one) != one:
            raise TableError(
                f"{path}: the rows of image {name!r} disagree on its split, group or mpp; make them equal."
            )
    return facts


def note_unlisted(facts: dict[Path, ImageFacts], images: Iterable[Path], table: Path) -> list[str]:
    """Return a sentence on the images that the table of facts does not name, or nothing when it names all."""
    unlisted = [image.name for image in images if image not in facts]
    if not unlisted:
        return []
    return [
        f"Of the training split and each its own group, because {table.name} lacks them: {listing(unlisted, 'image')}."
    ]


def _read_columns(path: Path) -> pd.DataFrame:
    """Return the columns on images as text, empty where nothing is given."""
    wanted = ("image", *COLUMNS)
    if path.suffix.lower() == ".parquet":
        table = _read_parquet(path, wanted)
    else:
        table = read_csv_text(path, expected=_EXPECTED)
    require_unique_columns(list(table.columns), wanted, path)
    if "image" not in table.columns:
        raise TableError(f"{path} lacks the column image; name the image of every row in it.")
    unnamed = (table["image"].str.strip() == "").to_numpy(bool)
    if unnamed.any():
        row = int(np.argmax(unnamed)) + 1
        raise TableError(f"{path}: row {row}: image is empty; name the image of every row.")
    return table


def _read_parquet(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    try:
        present = [name for name in pq.read_schema(path).names if name in wanted]
        table: pd.DataFrame = pq.read_table(path, columns=present).to_pandas().astype("string").fillna("")
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise TableError(f"{path} cannot be read as a table ({reason}); {_EXPECTED}.") from error
    return table


def _split(value: str, image: str, path: Path) -> str:
    if value not in SPLITS:
        raise TableError(f"{path}: image {image!r} has split {value!r}; the splits are {', '.join(SPLITS)}.")
    return value


def _mpp(value: str, image: str, path: Path) -> float | None:
    try:
        return check_mpp(float(value))
    except ValueError as error:
        raise TableError(
            f"{path}: image {image!r} has mpp {value!r}; give a positive number of µm per pixel."
        ) from error
