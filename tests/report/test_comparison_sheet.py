"""Real images, conditions and synthetic images on one sheet."""

from pathlib import Path

import numpy as np
import pytest

from cellweave.core import Cells, DatasetError, InvalidInputError
from cellweave.data import CellClass, CellDataset, DatasetWriter, SemanticMask, read_image
from cellweave.report import comparison_sheet

CLASSES = (CellClass("lymphocyte", "#0000ff"), CellClass("tumor", "#ff0000"))
NAMES = tuple(one.name for one in CLASSES)
CELLS = Cells([[20, 20], [40, 30]], [0, 1], classes=NAMES, shape=(60, 60))
GREEN, ORANGE = (20, 200, 20), (250, 160, 20)


def make(
    folder: Path,
    names: str,
    colour: tuple[int, int, int] | None,
    mask: SemanticMask | None = None,
    *,
    cells: Cells = CELLS,
    classes: tuple[CellClass, ...] = CLASSES,
) -> CellDataset:
    with DatasetWriter(folder, name=folder.name, classes=classes, licence="CC0", source="a test") as writer:
        for name in names:
            pixels = None if colour is None else np.full((*cells.shape, 3), colour, np.uint8)
            writer.add(name, cells, pixels=pixels, mask=mask)
    return CellDataset.open(folder)


def test_a_synthetic_image_stands_two_rows_below_the_real_one_of_its_name(tmp_path: Path) -> None:
    real, painted = make(tmp_path / "real", "abc", GREEN), make(tmp_path / "painted", "cb", ORANGE)
    out = comparison_sheet(painted, real, ["b", "c"], tmp_path / "sheet.png", columns=2, tile_px=100)
    sheet = read_image(out)
    assert sheet.shape[1] == 84 + 2 * 116
    for column in (0, 1):
        middle = 84 + column * 116 + 10
        tops = [np.flatnonzero(np.abs(sheet[:, middle].astype(int) - one).max(axis=-1) < 10) for one in (GREEN, ORANGE)]
        assert len(tops[0]) == len(tops[1]) == 98  # a tile but for its frame
        assert tops[1][0] - tops[0][0] == 2 * 108
        between = sheet[tops[0][0] + 108 : tops[0][0] + 206, 84 + column * 116 : 184 + column * 116]
        for colour in ((0, 0, 255), (255, 0, 0)):  # the layout's dots
            assert (np.abs(between.astype(int) - colour).max(axis=-1) < 40).any()


def test_a_mask_is_drawn_where_there_is_one(tmp_path: Path) -> None:
    classes = np.zeros((60, 60), np.uint8)
    classes[10:40, 10:50] = 2
    classes[50:, :] = 255
    mask = SemanticMask(classes)
    real, painted = make(tmp_path / "real", "a", GREEN, mask), make(tmp_path / "painted", "a", ORANGE, mask)
    sheet = read_image(comparison_sheet(painted, real, ["a"], tmp_path / "sheet.png", tile_px=240))[:, 84:324]
    red = (np.abs(sheet.astype(int) - (255, 0, 0)).max(axis=-1) < 10).sum()
    assert 0.9 * 28 * 38 * 16 <= red <= 30 * 40 * 16  # four pixels a pixel, without the edges


def test_images_that_are_not_in_both_are_refused(tmp_path: Path) -> None:
    real, painted = make(tmp_path / "real", "a", GREEN), make(tmp_path / "painted", "ab", ORANGE)
    with pytest.raises(DatasetError, match=r"real has no image named b; compare data sets of"):
        comparison_sheet(painted, real, ["a", "b"], tmp_path / "sheet.png")
    with pytest.raises(InvalidInputError, match="at least one image"):
        comparison_sheet(painted, real, [], tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_data_sets_that_are_no_counterparts_are_refused(tmp_path: Path) -> None:
    real, painted = make(tmp_path / "real", "abcdefg", GREEN), make(tmp_path / "painted", "abcdefg", ORANGE)
    layouts = make(tmp_path / "layouts", "abcdefg", None)
    wide = make(tmp_path / "wide", "a", ORANGE, cells=Cells.empty(classes=NAMES, shape=(60, 61)))
    one = Cells.empty(classes=NAMES[:1], shape=(60, 60))
    other = make(tmp_path / "other", "a", ORANGE, cells=one, classes=CLASSES[:1])
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    for synthetic, beside, names, message in (
        (real, CellDataset.open(link), "a", "link is compared with itself"),
        (other, real, "a", "other has the classes lymphocyte, .*real lymphocyte, tumor; compare"),
        (wide, real, "a", "image 'a' has 61×60 pixels in .*wide, 60×60 in .*real, and"),
        (painted, layouts, "abcdefg", "layouts has no pixels for a, b, c, d, e and 2 more; --beside needs the real im"),
        (layouts, real, "ab", "layouts has no pixels for a, b; --beside needs the synthetic images"),
    ):
        with pytest.raises(DatasetError, match=message):
            comparison_sheet(synthetic, beside, list(names), tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_classes_may_stand_in_another_order(tmp_path: Path) -> None:
    turned = Cells(CELLS.xy, [1, 0], classes=NAMES[::-1], shape=(60, 60))
    real = make(tmp_path / "real", "a", GREEN, cells=turned, classes=CLASSES[::-1])
    painted = make(tmp_path / "painted", "a", ORANGE)
    assert comparison_sheet(painted, real, ["a"], tmp_path / "sheet.png").is_file()


@pytest.mark.parametrize("shape", [(2, 1200), (1200, 2), (1, 1)])
@pytest.mark.parametrize("masked", [True, False])
def test_thin_scenes_are_shown(tmp_path: Path, shape: tuple[int, int], masked: bool) -> None:
    cells = Cells([[0.5, 0.5]], [1], classes=NAMES, shape=shape)
    mask = SemanticMask(np.full(shape, 2, np.uint8)) if masked else None
    real = make(tmp_path / "real", "a", GREEN, mask, cells=cells)
    painted = make(tmp_path / "painted", "a", ORANGE, mask, cells=cells)
    sheet = read_image(comparison_sheet(painted, real, ["a"], tmp_path / "sheet.png", tile_px=100))
    for colour in (GREEN, ORANGE, *([(255, 0, 0)] if masked else [])):  # a dot on one row of pixels is pale
        assert (np.abs(sheet[90:, 84:].astype(int) - colour).max(axis=-1) < 60).any()
