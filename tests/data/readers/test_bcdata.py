from pathlib import Path

import h5py
import numpy as np
import pytest

from cellweave.core import DatasetError, InvalidInputError, TableError
from cellweave.data import write_png
from cellweave.data.readers import ImportedImage, read_bcdata


def add(source: Path, split: str, number: int, *, positive: list[list[int]], negative: list[list[int]]) -> None:
    write_png(source / f"images/{split}/{number}.png", np.zeros((20, 30, 3), np.uint8))
    for kind, points in (("positive", positive), ("negative", negative)):
        folder = source / "annotations" / split / kind
        folder.mkdir(parents=True, exist_ok=True)
        with h5py.File(folder / f"{number}.h5", "w") as file:
            file["coordinates"] = np.array(points, np.int64).reshape(-1, 2)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    add(tmp_path, "train", 0, positive=[[7, 3], [29, 19]], negative=[[0, 0]])
    add(tmp_path, "train", 10, positive=[], negative=[])
    add(tmp_path, "train", 2, positive=[], negative=[[30, 4]])
    add(tmp_path, "test", 0, positive=[[1, 1]], negative=[])
    return tmp_path


def read(source: Path) -> list[ImportedImage]:
    return list(read_bcdata(source).images)


def test_x_comes_first_and_whole_pixels_become_their_centres(source: Path) -> None:
    first = read(source)[0]
    assert first.cells.xy.tolist() == [[7.5, 3.5], [29.5, 19.5], [0.5, 0.5]]
    assert first.cells.label_names() == ["positive", "positive", "negative"]
    assert (first.cells.shape, first.cells.mpp, first.clipped) == ((20, 30), None, 0)


def test_images_are_named_after_their_split_in_the_order_of_their_numbers(source: Path) -> None:
    images = read(source)
    assert [image.name for image in images] == ["train-0", "train-2", "train-10", "test-0"]
    assert [image.split for image in images] == ["training"] * 3 + ["test"]
    assert [image.group for image in images] == [image.name for image in images]
    assert len(images[2].cells) == 0


def test_a_point_just_outside_is_clipped_and_counted(source: Path) -> None:
    image = read(source)[1]
    assert (image.cells.xy.tolist(), image.clipped) == ([[29.5, 4.5]], 1)


def test_missing_splits_and_images_are_noted(source: Path) -> None:
    assert read_bcdata(source).notes == (
        "The training split has 3 images, where the release has 803.",
        "There is no validation split: images/validation has no PNG.",
        "The test split has 1 image, where the release has 402.",
    )


def test_the_scale_is_what_is_given(source: Path) -> None:
    assert next(iter(read_bcdata(source, mpp=0.25).images)).cells.mpp == 0.25
    with pytest.raises(InvalidInputError, match="mpp"):
        read_bcdata(source, mpp=0)


def test_bad_layouts_are_said(source: Path) -> None:
    with pytest.raises(DatasetError, match="images is not BCData in its released layout; give the folder that holds"):
        read(source / "images")
    (source / "annotations/train/negative/0.h5").unlink()
    with pytest.raises(DatasetError, match=r"train/negative/0\.h5 is missing, but its image is there"):
        read(source)


def write_scalar(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["coordinates"] = 3


def write_group(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_group("coordinates")


def write_other_name(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["points"] = [[1, 2]]


def write_words(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["coordinates"] = ["one", "two"]


def write_three_columns(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["coordinates"] = [[1, 2, 3]]


def write_far_point(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["coordinates"] = [[1, 2], [300, 4]]


DAMAGE = {
    "empty": (lambda path: path.write_bytes(b""), "is not an HDF5 file that can be read"),
    "text": (lambda path: path.write_text("1,2\n"), "is not an HDF5 file that can be read"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:900]), "is not an HDF5 file that can be read"),
    "scalar": (write_scalar, r"coordinates has shape \(\), not \(N, 2\)"),
    "group": (write_group, "has no data set 'coordinates'"),
    "other name": (write_other_name, "has no data set 'coordinates'"),
    "words": (write_words, "coordinates holds object values, not numbers"),
    "three columns": (write_three_columns, r"coordinates has shape \(1, 3\), not \(N, 2\)"),
    "far outside": (write_far_point, r"row 2: x 300\.5, y 4\.5 is not inside the image, which is 30×20"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_annotations_are_told_with_their_file(source: Path, name: str) -> None:
    damage, message = DAMAGE[name]
    damage(source / "annotations/train/positive/0.h5")
    with pytest.raises((DatasetError, TableError), match=rf"train/positive/0\.h5:? {message}") as told:
        read(source)
    assert "\n" not in str(told.value)
