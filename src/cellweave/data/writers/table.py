"""Cells of many images as one table, CSV or Parquet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cellweave.core import Cells, InvalidInputError, atomic_file

# Stated, so that a table without cells or without classes is read by the same code as any other.
SCHEMA = pa.schema(
    [
        ("image", pa.string()),
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("label", pa.string()),
        ("score", pa.float32()),
    ]
)
ANNOTATION_SCHEMA = pa.schema(
    [
        ("image", pa.string()),
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("label", pa.string()),
        ("split", pa.string()),
        ("group", pa.string()),
        ("mpp", pa.float64()),
    ]
)


def cells_table(cells: Mapping[str, Cells]) -> pd.DataFrame:
    """Return the cells of many images as one table.

    The columns are image, x, y (pixels), label (None where unknown) and score (NaN where there is none).

    Example:
        >>> cells_table({"a": Cells([[1.5, 2.0]], [0], classes=("tumor",), shape=(4, 4))}).to_dict("records")
        [{'image': 'a', 'x': 1.5, 'y': 2.0, 'label': 'tumor', 'score': nan}]
    """
    per_image = cells.values()
    xy = np.concatenate([np.zeros((0, 2)), *(one.xy for one in per_image)])
    scores = [np.full(len(one), np.nan, np.float32) if one.scores is None else one.scores for one in per_image]
    return pd.DataFrame(
        {
            "image": pd.Series([name for name, one in cells.items() for _ in range(len(one))], dtype=object),
            "x": xy[:, 0],
            "y": xy[:, 1],
            "label": pd.Series([label for one in per_image for label in one.label_names()], dtype=object),
            "score": np.concatenate([np.zeros(0, np.float32), *scores]),
        }
    )


def write_cells_table(path: str | os.PathLike[str], cells: Mapping[str, Cells]) -> None:
    """Write the cells of many images, as :func:`cells_table` has them; CSV or Parquet by the ending of ``path``.

    Raises:
        InvalidInputError: The ending is neither ``.csv`` nor ``.parquet``.
        OutputError: The file cannot be written.
    """
    _write_table(path, cells_table(cells), SCHEMA)


def write_annotation_table(path: str | os.PathLike[str], cells: Mapping[str, Cells], images: pd.DataFrame) -> None:
    """Write annotated cells of many images with what is known of the images; CSV or Parquet by the ending of ``path``.

    The columns are image, x, y (pixels), label (empty where unknown), split, group and mpp (µm per pixel, empty where
    unknown): what :func:`cellweave.data.readers.read_points_csv` takes. An image without cells has no row.

    Args:
        path: The file to write.
        cells: Cells of every image.
        images: One row an image of ``cells``: image, split, group; see :attr:`cellweave.data.CellDataset.images`.

    Raises:
        InvalidInputError: The ending is neither ``.csv`` nor ``.parquet``.
        OutputError: The file cannot be written.
    """
    table = cells_table(cells).drop(columns="score")
    facts = images.set_index("image")
    scales = {image: np.nan if one.mpp is None else one.mpp for image, one in cells.items()}
    table = table.assign(
        split=table["image"].map(facts["split"]).astype(object),
        group=table["image"].map(facts["group"]).astype(object),
        mpp=table["image"].map(scales).astype(np.float64),
    )
    _write_table(path, table, ANNOTATION_SCHEMA)


def _write_table(path: str | os.PathLike[str], table: pd.DataFrame, schema: pa.Schema) -> None:
    suffix = Path(path).suffix.lower()
    if suffix not in {".csv", ".parquet"}:
        raise InvalidInputError(f"{path} must end in .csv or .parquet, which says the format of the table.")
    with atomic_file(path) as partial:
        if suffix == ".csv":
            table.to_csv(partial, index=False)
        else:
            pq.write_table(pa.Table.from_pandas(table, schema, preserve_index=False), partial)
