"""The files of a data set on disk: their names, the columns of the tables, and reading them checked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cellweave.core import DatasetError

FORMAT = "cellweave-dataset"
VERSION = 1
SPLITS = ("training", "validation", "test")
IMAGE_SCHEMA = pa.schema(
    [
        pa.field("image", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("mpp", pa.float64()),
        pa.field("split", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
    ]
)
CELL_SCHEMA = pa.schema(
    [
        pa.field("image", pa.string(), nullable=False),
        pa.field("x", pa.float64()),  # an empty position reads as NaN, which `Cells` refuses with the image's name
        pa.field("y", pa.float64()),
        pa.field("label", pa.string()),
        pa.field("instance", pa.int64()),
    ]
)

_SAFE_NAME = re.compile(r"[^\x00-\x1f/\\:*?\"<>|\ud800-\udfff]+")  # Python's stand-ins for bytes that are not UTF-8


def is_safe_name(image: str) -> bool:
    """Return whether the name of an image can be that of a file in any folder on any system."""
    return image not in {".", ".."} and _SAFE_NAME.fullmatch(image) is not None


def is_inside(root: Path, name: str) -> bool:
    """Return whether a relative path stays in a folder."""
    return "\0" not in name and (root / name).resolve().is_relative_to(root.resolve())


def read_description(root: Path) -> dict[str, Any]:
    """Return what ``dataset.json`` says.

    Raises:
        DatasetError: There is none, or it is not that of a data set that this program reads.
    """
    path = root / "dataset.json"
    if not path.is_file():
        missing = "does not exist" if not root.exists() else "has no dataset.json"
        raise DatasetError(f"{root} {missing}; give a data set made by `cellweave data import` or `data phantom`.")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise DatasetError(f"{path} is not valid JSON ({error}); import the data again.") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise DatasetError(f'{path} does not say "format": "{FORMAT}"; is it another program\'s file?')
    if about.get("version") != VERSION:
        raise DatasetError(f"{path} is of version {about.get('version')!r}, this program reads {VERSION}; update it.")
    return about


def read_table(path: Path, schema: pa.Schema) -> pd.DataFrame:
    """Return a table with the columns of a schema.

    Raises:
        DatasetError: It is missing or damaged, lacks a column, or is empty where it may not be.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is missing; copy the whole data set, or import the data again.")
    try:
        table = pq.read_table(path)
        missing = [name for name in schema.names if name not in table.column_names]
        if missing:
            raise DatasetError(f"{path} lacks the columns {missing}; it has {table.column_names}.")
        for name in schema.names:
            if not schema.field(name).nullable and table.column(name).null_count:
                raise DatasetError(f"{path} has rows with an empty {name}; import the data again.")
        frame: pd.DataFrame = table.select(schema.names).cast(schema).to_pandas()
        return frame
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} cannot be read ({str(error).splitlines()[0]}); import the data again.") from error
