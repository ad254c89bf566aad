import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cellweave.core import DatasetError, InvalidImageError, TableError
from cellweave.data import write_png
from cellweave.data.readers import ImportedImage, read_brca_m2c

FIRST = "TCGA-A7-A0D9-01Z-00-DX2_18001_13001_1000_1000_0.9824"
SECOND = "TCGA-A7-A0DB-01Z-00-DX1_1_2_1000_1000_0.986"


def add(source: Path, name: str, lines: str) -> None:
    write_png(source / "images" / f"{name}.png", np.zeros((20, 30, 3), np.uint8))
    (source / "labels").mkdir(exist_ok=True)
    (source / "labels" / f"{name}_gt_class_coords.txt").write_text(lines)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    add(tmp_path, FIRST, "3 7 1\n0 0 2\n19 29 3\n")
    add(tmp_path, SECOND, "20 4 2\n\n")
    (tmp_path / "brca_ds_train.txt").write_text(f"{FIRST}.png\nTCGA-A7-A0DA_gone.png\n")
    (tmp_path / "brca_ds_val.txt").write_text(f"{SECOND}.png\n")
    return tmp_path


def read(source: Path) -> list[ImportedImage]:
    return list(read_brca_m2c(source).images)


def test_rows_and_columns_become_pixel_centres(source: Path) -> None:
    first, second = read(source)
    assert (first.name, first.split, first.group, first.clipped) == (FIRST, "training", "TCGA-A7-A0D9", 0)
    assert first.cells.xy.tolist() == [[7.5, 3.5], [0.5, 0.5], [29.5, 19.5]]
    assert first.cells.label_names() == ["lymphocyte", "tumor", "stromal"]
    assert (first.cells.shape, first.cells.mpp) == ((20, 30), 0.5)
    assert (second.split, second.group) == ("validation", "TCGA-A7-A0DB")


def test_a_point_just_outside_is_clipped_and_counted(source: Path) -> None:
    second = read(source)[1]
    assert (second.cells.xy.tolist(), second.clipped) == ([[4.5, 19.5]], 1)


def test_missing_parts_are_noted(source: Path) -> None:
    add(source, "TCGA-XX-0000_unlisted", "")
    annotated = read_brca_m2c(source)
    assert annotated.total == 2
    assert annotated.notes == (
        "The training split has 1 of the 2 images that brca_ds_train.txt names.",
        "There is no test split: brca_ds_test.txt is missing.",
        "Left out, because they stand in no list: 1 image (TCGA-XX-0000_unlisted.png).",
    )


def test_an_image_without_cells_is_kept(source: Path) -> None:
    add(source, FIRST, "")
    assert len(read(source)[0].cells) == 0


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("3 7 4\n", r"row 1: class '4' is not known; the classes are \['lymphocyte', 'tumor', 'stromal'\]"),
        ("3 7 1\n3 7\n", r"row 2: '3 7' is not row, column and class"),
        ("3 x 1\n", r"row 1: '3 x 1' is not row, column and class"),
        ("3 7 1\n\n7 300 1\n", r"row 3: x 300\.5, y 7\.5 is not inside the image, which is 30×20"),
        ("3 nan 1\n", r"row 1: x nan, y 3\.5 is not inside"),
        ("3 7 1.5\n", r"row 1: class '1\.5' is not known"),
        ("3 7 nan\n", r"row 1: class 'nan' is not known"),
    ],
)
def test_bad_labels_name_file_row_and_value(source: Path, lines: str, message: str) -> None:
    add(source, FIRST, lines)
    with pytest.raises(TableError, match=rf"{FIRST}_gt_class_coords\.txt: {message}"):
        read(source)


def test_bad_layouts_are_said(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="not BRCA-M2C in its released layout"):
        read(source / "images")
    labels = source / "labels" / f"{FIRST}_gt_class_coords.txt"
    labels.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TableError, match="is not a text file"):
        read(source)
    labels.unlink()
    with pytest.raises(DatasetError, match=r"coords\.txt is missing, but its image is there"):
        read(source)


def test_an_image_in_two_lists_is_refused(source: Path) -> None:
    (source / "brca_ds_test.txt").write_text(f"{FIRST}.png\n")
    with pytest.raises(DatasetError, match=r"brca_ds_test\.txt names TCGA-A7-A0D9.*as the list of the training images"):
        read(source)


def test_a_list_that_is_no_text_is_refused(source: Path) -> None:
    (source / "brca_ds_train.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(TableError, match=r"brca_ds_train\.txt is not a text file; copy it from the release again"):
        read(source)


def test_lists_without_their_images_are_refused(source: Path) -> None:
    for image in (source / "images").iterdir():
        image.unlink()
    with pytest.raises(DatasetError, match="none of the images that its lists name"):
        read(source)


def test_names_without_a_patient_and_broken_images_are_refused(source: Path) -> None:
    (source / "images" / f"{FIRST}.png").write_text("text")
    with pytest.raises(InvalidImageError, match=rf"{FIRST}\.png is not an image"):
        read(source)
    add(source, "slide-1", "")
    (source / "brca_ds_train.txt").write_text("slide-1.png")
    with pytest.raises(DatasetError, match=r"slide-1\.png: the name does not begin with a patient"):
        read(source)


@pytest.mark.data
def test_the_released_data() -> None:
    if "CELLWEAVE_DATA" not in os.environ:
        pytest.skip("CELLWEAVE_DATA is not set: the real data are not here")
    images = read(Path(os.environ["CELLWEAVE_DATA"]) / "brca-m2c")
    assert Counter(image.split for image in images) == {"training": 80, "validation": 10}
    assert sum(len(image.cells) for image in images) == 21_780
    groups = {split: {image.group for image in images if image.split == split} for split in ("training", "validation")}
    assert groups["training"] & groups["validation"] == {"TCGA-A7-A0DB", "TCGA-A7-A13G"}
