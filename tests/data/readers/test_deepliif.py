import os
from pathlib import Path

import numpy as np
import pytest

from cellweave.core import DatasetError, InvalidImageError, InvalidInputError
from cellweave.data import read_image, write_png
from cellweave.data.readers import ImportedImage, read_deepliif
from cellweave.data.readers.deepliif import cells_of_mask
from cellweave.data.readers.mask_alignment import moved_mask

SIDE = 64


def mask_of(*nuclei: tuple[int, int, str], side: int = SIDE) -> np.ndarray:
    """Return a mask with nuclei of 8 × 8 pixels in rings of one green pixel, by row, column and colour."""
    mask = np.zeros((side, side, 3), np.uint8)
    for row, column, _ in nuclei:
        mask[row : row + 10, column : column + 10] = (0, 255, 0)
    for row, column, colour in nuclei:
        mask[row + 1 : row + 9, column + 1 : column + 9] = (255, 0, 0) if colour == "red" else (0, 0, 255)
    return mask


def strip_of(mask: np.ndarray) -> np.ndarray:
    panels = [np.full_like(mask, 40 * number) for number in range(5)]
    return np.concatenate([*panels, mask], axis=1)


def read(source: Path, **options: float | bool) -> dict[str, ImportedImage]:
    return {image.name: image for image in read_deepliif(source, **options).images}


def test_borders_separate_touching_nuclei() -> None:
    cells = cells_of_mask(mask_of((0, 0, "red"), (0, 9, "red"), (0, 18, "blue")), file=Path("m.png"))
    assert cells.xy.tolist() == [[5.0, 5.0], [14.0, 5.0], [23.0, 5.0]]
    assert cells.label_names() == ["positive", "positive", "negative"]


def test_nuclei_that_meet_at_a_corner_are_two_and_specks_are_none() -> None:
    mask = np.zeros((SIDE, SIDE, 3), np.uint8)
    mask[0:8, 0:8, 2] = mask[8:16, 8:16, 2] = 255
    mask[30, 30, 0] = 255
    mask[40:43, 40:46, 2] = 255  # 18 pixels
    assert cells_of_mask(mask, file=Path("m.png")).xy.tolist() == [[4.0, 4.0], [12.0, 12.0]]


def test_colours_may_be_a_little_off() -> None:
    mask = mask_of((0, 0, "red"))
    mask[mask == 255] = 210
    assert cells_of_mask(mask, file=Path("m.png")).counts() == {"positive": 1, "negative": 0}


def test_a_mask_without_nuclei() -> None:
    assert len(cells_of_mask(mask_of(), file=Path("m.png"))) == 0


@pytest.mark.parametrize("colour", [(255, 255, 255), (200, 180, 20)])
def test_a_photograph_is_no_mask(colour: tuple[int, int, int]) -> None:
    mask = mask_of((0, 0, "red"))
    mask[30, 20] = colour
    with pytest.raises(DatasetError, match=r"m\.png: the mask has the colour \[\d+, \d+, \d+\] at x 20, y 30"):
        cells_of_mask(mask, file=Path("m.png"))


def test_strips_pairs_and_groups(tmp_path: Path) -> None:
    write_png(tmp_path / "train/Lung_100_200_0_1_neg.png", strip_of(mask_of((0, 0, "blue"))))
    write_png(tmp_path / "train/Lung_100_200_0_2.png", strip_of(mask_of()))
    write_png(tmp_path / "test/22_2.png", np.full((SIDE, SIDE, 3), 200, np.uint8))
    write_png(tmp_path / "test_groundtruth/22_2.png", mask_of((20, 30, "red")))
    (tmp_path / "notes").mkdir()
    images = read(tmp_path)
    assert [(one.name, one.split, one.group) for one in images.values()] == [
        ("Lung_100_200_0_1_neg", "training", "Lung_100_200"),
        ("Lung_100_200_0_2", "training", "Lung_100_200"),
        ("22_2", "test", "22"),
    ]
    first, last = images["Lung_100_200_0_1_neg"], images["22_2"]
    assert first.pixels is not None
    assert (first.pixels == 0).all()
    assert (first.pixels.shape, first.cells.shape) == ((SIDE, SIDE, 3), (SIDE, SIDE))
    assert first.cells.label_names() == ["negative"]
    assert (last.file, last.pixels) == (tmp_path / "test/22_2.png", None)
    assert (last.cells.xy.tolist(), last.cells.mpp) == ([[35.0, 25.0]], None)
    assert read(tmp_path, mpp=0.25)["22_2"].cells.mpp == 0.25
    assert read_deepliif(tmp_path).notes == ("There is no validation split.",)


def test_the_folders_of_the_archives(tmp_path: Path) -> None:
    for folder in ("DeepLIIF_Training_Set", "BC-DeepLIIF_Training_Set", "BC-DeepLIIF_Validation_Set"):
        write_png(tmp_path / folder / "1.png", strip_of(mask_of()))
    assert {name: one.split for name, one in read(tmp_path).items()} == {
        "BC-DeepLIIF_Training_Set_1": "training",
        "DeepLIIF_Training_Set_1": "training",
        "BC-DeepLIIF_Validation_Set_1": "validation",
    }


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="has no images in train/, val/, test/"):
        read(tmp_path)
    with pytest.raises(InvalidInputError, match="must be a positive number"):
        read(tmp_path, mpp=-1)
    write_png(tmp_path / "train/1.png", np.zeros((SIDE, SIDE, 3), np.uint8))
    with pytest.raises(InvalidImageError, match=r"1\.png is 64×64 .* not a strip of 6 .* called train_groundtruth"):
        read(tmp_path)
    write_png(tmp_path / "train_groundtruth/1.png", np.zeros((SIDE, 32, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"1\.png: the mask is 32×64, the image 1\.png 64×64"):
        read(tmp_path)
    write_png(tmp_path / "train_groundtruth/2.png", mask_of())
    with pytest.raises(DatasetError, match=r"train_groundtruth/2\.png has no image"):
        read(tmp_path)


def test_masks_are_moved_onto_their_images_only_when_asked(tmp_path: Path) -> None:
    nuclei = [(20, 10, "red"), (44, 30, "blue"), (10, 44, "blue")]
    strip = strip_of(mask_of(*nuclei))
    strip[:, :SIDE] = 240
    for row, column, _ in nuclei:  # the nuclei lie 4 to the right of the mask, and 3 above it
        strip[row - 2 : row + 6, column + 5 : column + 13] = 90
    write_png(tmp_path / "train/1.png", strip)
    write_png(tmp_path / "test/2.png", strip[:, :SIDE])
    write_png(tmp_path / "test_groundtruth/2.png", moved_mask(mask_of(*nuclei), (4, -3)))
    as_drawn, moved = read(tmp_path), read(tmp_path, align_masks=True)
    assert (moved["1"].cells.xy - as_drawn["1"].cells.xy).tolist() == [[4.0, -3.0]] * 3
    assert moved["2"].cells.xy.tolist() == as_drawn["2"].cells.xy.tolist() == moved["1"].cells.xy.tolist()
    notes = read_deepliif(tmp_path, align_masks=True).notes
    assert notes[-1] == "Moved onto the nuclei of their images, x and y in pixels: 1 mask, 1 (4, -3)."
    (tmp_path / "train/1.png").unlink()
    assert read_deepliif(tmp_path, align_masks=True).notes[-1].startswith("No mask was moved: all stand on the nuclei")


@pytest.mark.data
def test_the_samples_of_the_release() -> None:
    if "CELLWEAVE_DATA" not in os.environ:
        pytest.skip("CELLWEAVE_DATA is not set: the real data are not here")
    source = Path(os.environ["CELLWEAVE_DATA"]) / "deepliif-ihc"
    counts = {name: tuple(image.cells.counts().values()) for name, image in read(source).items()}
    assert counts == {"Bladder1": (15, 168), "Lung1": (11, 50), "22_2": (10, 127), "34_3": (21, 79)}
    photograph = read_image(source / "test/22_2.png")
    with pytest.raises(DatasetError, match="the mask has the colour"):
        cells_of_mask(photograph, file=source / "test/22_2.png")
    notes = read_deepliif(source, align_masks=True).notes
    assert notes[-1].endswith("2 masks, Bladder1 (6, 1), Lung1 (0, -7).")
