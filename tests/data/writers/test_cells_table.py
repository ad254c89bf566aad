from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cellweave.core import Cells, InvalidInputError, OutputError
from cellweave.data import write_cells_table


def two_images() -> dict[str, Cells]:
    classes = ("tumor", "stromal")
    return {
        "a": Cells([[1.5, 2.25], [0.1, 0]], [1, -1], classes=classes, shape=(4, 4), scores=[0.5, 0.25]),
        "b": Cells.empty(classes=classes, shape=(4, 4)),
        "c": Cells([[3, 3]], [0], classes=classes, shape=(4, 4)),
    }


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_both_formats_hold_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cells.{suffix}"
    write_cells_table(path, two_images())
    table = pd.read_csv(path) if suffix == "csv" else pd.read_parquet(path)
    assert list(table.columns) == ["image", "x", "y", "label", "score"]
    assert table["image"].tolist() == ["a", "a", "c"]
    assert table[["x", "y"]].to_numpy().tolist() == [[1.5, 2.25], [0.1, 0.0], [3.0, 3.0]]
    assert table["label"].where(table["label"].notna(), None).tolist() == ["stromal", None, "tumor"]
    assert np.array_equal(table["score"], [0.5, 0.25, np.nan], equal_nan=True)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_no_cells_keep_the_columns(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cells.{suffix}"
    write_cells_table(path, {})
    table = pd.read_csv(path) if suffix == "csv" else pd.read_parquet(path)
    assert list(table.columns) == ["image", "x", "y", "label", "score"]
    assert table.empty


def test_other_endings_and_unwritable_places_are_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"cells\.xlsx must end in \.csv or \.parquet"):
        write_cells_table(tmp_path / "cells.xlsx", {})
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write_cells_table(tmp_path / "file" / "cells.csv", {})
