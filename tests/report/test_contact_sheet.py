from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cellweave.core import Cells, DatasetError, InvalidInputError, OutputError
from cellweave.data import CellClass, CellDataset, DatasetWriter, read_image
from cellweave.report import contact_sheet

CLASSES = (CellClass("lymphocyte", "#0000ff"), CellClass("tumor", "#ff0000"))
NAMES = tuple(one.name for one in CLASSES)


@pytest.fixture
def dataset(tmp_path: Path) -> CellDataset:
    with DatasetWriter(tmp_path / "set", name="mine", classes=CLASSES, licence="CC0", source="a test") as writer:
        cells = Cells([[20, 20], [40, 30]], [0, 1], classes=NAMES, shape=(60, 80))
        for i in range(3):
            writer.add(f"image-{i}", cells, pixels=np.full((60, 80, 3), 120, np.uint8))
        writer.add("layout", Cells([[50, 50]], [1], classes=NAMES, shape=(100, 100)), split="test")
    return CellDataset.open(tmp_path / "set")


def count(sheet: Any, colour: tuple[int, int, int], *, below: int = 90) -> int:
    """Count pixels of about a colour below the legend."""
    return int((np.abs(sheet[below:].astype(int) - colour).max(axis=-1) < 40).sum())


def test_tiles_stand_in_columns(dataset: CellDataset, tmp_path: Path) -> None:
    out = contact_sheet(dataset, dataset.names(), tmp_path / "new" / "sheet.png", columns=3, tile_px=100)
    assert out == tmp_path / "new" / "sheet.png"
    sheet = read_image(out)
    assert sheet.shape[1] == 16 + 3 * (100 + 16)
    assert 2 * 100 < sheet.shape[0] < 2 * 100 + 250
    assert count(sheet, (120, 120, 120)) > 3 * 0.6 * 100 * 75 * 0.8
    one = read_image(contact_sheet(dataset, ["image-0"], tmp_path / "one.png", columns=3, tile_px=100))
    assert one.shape[1] == 16 + 100 + 16, "no empty columns"


def test_cells_are_drawn_or_not(dataset: CellDataset, tmp_path: Path) -> None:
    names = dataset.names("training")
    drawn, bare = (
        read_image(contact_sheet(dataset, names, tmp_path / f"{draw}.png", draw=draw)) for draw in (True, False)
    )
    for colour in ((0, 0, 255), (255, 0, 0)):
        assert count(drawn, colour) > 3 * 10
        assert count(bare, colour) == 0


def test_a_layout_is_drawn_as_dots_even_when_images_are_bare(dataset: CellDataset, tmp_path: Path) -> None:
    sheet = read_image(contact_sheet(dataset, ["layout"], tmp_path / "sheet.png", tile_px=200, draw=False))
    rows, columns = np.nonzero((np.abs(sheet[-252:].astype(int) - (255, 0, 0)) < 40).all(axis=-1))
    assert len(rows) > 30
    assert columns.mean() + 0.5 == pytest.approx(16 + 100, abs=0.5), "in the middle of the tile"
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=1)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"names": []}, InvalidInputError, "needs at least one image"),
        ({"columns": 0}, InvalidInputError, "got columns 0 and tile_px 320"),
        ({"tile_px": 8}, InvalidInputError, "tile_px >= 64, got columns 4 and tile_px 8"),
        ({"names": ["layout"] * 2000}, InvalidInputError, "2000 images would have .* show fewer images"),
        ({"names": ["nobody"]}, DatasetError, "has no image 'nobody'"),
    ],
)
def test_what_cannot_be_shown_is_told(
    dataset: CellDataset, tmp_path: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    options = {"names": ["layout"], **change}
    with pytest.raises(error, match=message):
        contact_sheet(dataset, out_png=tmp_path / "sheet.png", **options)
    assert list(tmp_path.glob("*sheet*")) == []


def test_an_unwritable_place_is_told(dataset: CellDataset, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another output path"):
        contact_sheet(dataset, ["layout"], tmp_path / "file" / "sheet.png")
