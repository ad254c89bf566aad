"""Real and synthetic layouts of the same size on one sheet."""

import csv
from pathlib import Path

import numpy as np
import pytest

from cellweave.core import Cells, DatasetError
from cellweave.data import CellClass, CellDataset, DatasetWriter, read_image
from cellweave.report import key_path, layout_sheet

CLASSES = (CellClass("lymphocyte", "#0000ff"), CellClass("tumor", "#ff0000"))
NAMES = tuple(one.name for one in CLASSES)
BLUE, RED = (0, 0, 255), (255, 0, 0)
TILE = 100


def make(
    folder: Path,
    names: str,
    label: int,
    shape: tuple[int, int],
    *,
    mpp: float | None = 0.5,
    classes: tuple[CellClass, ...] = CLASSES,
) -> CellDataset:
    """Write images that hold a cell of one class every 20 pixels; those with pixels are green."""
    rows, columns = np.mgrid[10 : shape[0] : 20, 10 : shape[1] : 20]
    xy = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(float)
    cells = Cells(xy, [label] * len(xy), classes=[one.name for one in classes], shape=shape, mpp=mpp)
    with DatasetWriter(folder, name=folder.name, classes=classes, licence="CC0", source="a test") as writer:
        for name in names:
            pixels = np.full((*shape, 3), (20, 200, 20), np.uint8) if folder.name == "real" else None
            writer.add(name, cells, pixels=pixels)
    return CellDataset.open(folder)


@pytest.fixture
def real(tmp_path: Path) -> CellDataset:
    return make(tmp_path / "real", "pqrs", 0, (90, 120))


@pytest.fixture
def made(tmp_path: Path) -> CellDataset:
    return make(tmp_path / "made", "abcdef", 1, (60, 60))


def has(tile: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((np.abs(tile.astype(int) - colour).max(axis=-1) < 20).any())


def test_every_layout_stands_below_a_real_one(real: CellDataset, made: CellDataset, tmp_path: Path) -> None:
    out = layout_sheet(made, real, ["a", "b", "c"], tmp_path / "sheet.png", columns=2, tile_px=TILE)
    sheet = read_image(out)
    assert sheet.shape[1] == 84 + 2 * 116
    top = sheet.shape[0] - 2 * 2 * 152  # two rows of pairs
    for number in range(3):
        y, x = top + number // 2 * 2 * 152, 84 + number % 2 * 116
        above, below = sheet[y : y + TILE, x : x + TILE], sheet[y + 152 : y + 252, x : x + TILE]
        assert has(above, BLUE)
        assert not has(above, RED)
        assert not has(above, (20, 200, 20))  # of images, cells alone are shown
        assert has(below, RED)
        assert not has(below, BLUE)
    assert not key_path(out).exists()


def test_blind_layouts_are_mixed_and_the_key_says_which_is_which(
    real: CellDataset, made: CellDataset, tmp_path: Path
) -> None:
    out = layout_sheet(made, real, list("abcdef"), tmp_path / "sheet.png", columns=3, tile_px=TILE, blind=True)
    sheet = read_image(out)
    with open(tmp_path / "sheet.csv", newline="") as stream:
        key = list(csv.DictReader(stream))
    assert [one["number"] for one in key] == [str(number) for number in range(1, 13)]
    sources = [one["source"] for one in key]
    assert sorted(sources) == ["real"] * 6 + ["synthetic"] * 6
    assert sources != sorted(sources)
    assert sources[::2] != ["real"] * 6
    top = sheet.shape[0] - 4 * 152
    for i, source in enumerate(sources):
        y, x = top + i // 3 * 152, 16 + i % 3 * 116
        tile = sheet[y : y + TILE, x : x + TILE]
        assert has(tile, BLUE) == (source == "real")
        assert has(tile, RED) == (source == "synthetic")
    assert sorted(one["image"] for one in key if one["source"] == "synthetic") == list("abcdef")
    drawn = [one["image"] for one in key if one["source"] == "real"]
    assert set(drawn) == set("pqrs")  # none twice before all were shown once
    assert all(int(one["row"]) <= 30 and int(one["column"]) <= 60 for one in key)
    again = layout_sheet(made, real, list("abcdef"), tmp_path / "b.png", columns=3, tile_px=TILE, blind=True)
    assert again.read_bytes() == out.read_bytes()
    other = layout_sheet(made, real, list("abcdef"), tmp_path / "c.png", columns=3, tile_px=TILE, blind=True, seed=1)
    assert key_path(other).read_bytes() != key_path(out).read_bytes()


def test_layouts_that_cannot_be_compared_are_refused(real: CellDataset, made: CellDataset, tmp_path: Path) -> None:
    other = tuple(CellClass(name, "#00ff00") for name in ("lymphocyte", "stromal"))
    for against, message in (
        (made, "made is compared with itself; --beside needs"),
        (make(tmp_path / "other", "p", 0, (90, 120), classes=other), "made has the classes .*stromal; compare layouts"),
        (make(tmp_path / "small", "p", 0, (90, 40)), r"no image of .*small is as large as the layout 'a', 60×60 px"),
        (make(tmp_path / "fine", "p", 0, (90, 120), mpp=0.25), "has 0.25 µm per pixel, the layout 'a' 0.5; compare"),
    ):
        with pytest.raises(DatasetError, match=message):
            layout_sheet(made, against, ["a"], tmp_path / "sheet.png", blind=True)
    assert not list(tmp_path.glob("sheet*"))


def test_a_scale_that_is_not_known_is_taken_to_fit(made: CellDataset, tmp_path: Path) -> None:
    real = make(tmp_path / "unknown", "p", 0, (60, 60), mpp=None)
    assert layout_sheet(made, real, ["a"], tmp_path / "sheet.png").is_file()
