from pathlib import Path

import numpy as np
import pytest
import scipy.io

from cellweave.core import DatasetError
from cellweave.data import write_png
from cellweave.data.readers import ImportedImage, read_consep


def add(source: Path, name: str, inst_map: np.ndarray, type_map: np.ndarray) -> Path:
    folder = source / ("Train" if name.startswith("train") else "Test")
    write_png(folder / "Images" / f"{name}.png", np.zeros((*inst_map.shape, 3), np.uint8))
    write_png(folder / "Overlay" / f"{name}.png", np.zeros((*inst_map.shape, 3), np.uint8))
    (folder / "Labels").mkdir(exist_ok=True)
    numbers = [number for number in np.unique(inst_map) if number]
    mat = {
        "inst_map": inst_map.astype(float),  # as in the release
        "type_map": type_map.astype(float),
        "inst_type": np.array([[type_map[inst_map == number][0]] for number in numbers], float).reshape(-1, 1),
        "inst_centroid": np.array([np.argwhere(inst_map == number).mean(axis=0)[::-1] for number in numbers]),
    }
    scipy.io.savemat(folder / "Labels" / f"{name}.mat", mat)
    return folder / "Labels" / f"{name}.mat"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    mask, types = np.zeros((20, 30), int), np.zeros((20, 30), int)
    for number, (column, code) in enumerate([(0, 3), (4, 4), (8, 5), (12, 7), (16, 1), (20, 2)], start=1):
        mask[2:6, column : column + 4] = number  # each touches the next
        types[2:6, column : column + 4] = code
    add(tmp_path, "train_1", mask, types)
    add(tmp_path, "train_2", np.zeros((20, 30), int), np.zeros((20, 30), int))
    add(tmp_path, "test_1", mask[::-1], types[::-1])
    return tmp_path


def read(source: Path, **options: bool) -> dict[str, ImportedImage]:
    return {image.name: image for image in read_consep(source, **options).images}


def test_centroids_and_the_merged_classes_of_hovernet(source: Path) -> None:
    images = read(source)
    assert list(images) == ["test_1", "train_1", "train_2"]
    first = images["train_1"]
    assert first.cells.xy.tolist() == [[x, 4.0] for x in (2, 6, 10, 14, 18, 22)]
    assert first.cells.label_names() == ["epithelial", "epithelial", "spindle", "spindle", "other", "inflammatory"]
    assert (first.split, first.group, first.cells.mpp, first.cells.shape) == ("training", "train_1", 0.25, (20, 30))
    assert images["test_1"].split == "test"
    assert images["test_1"].cells.xy[0].tolist() == [2.0, 16.0]


def test_all_seven_classes(source: Path) -> None:
    annotated = read_consep(source, all_classes=True)
    assert len(annotated.classes) == 7
    cells = read(source, all_classes=True)["train_1"].cells
    assert cells.label_names()[:4] == ["healthy epithelial", "malignant epithelial", "fibroblast", "endothelial"]


def test_an_image_without_nuclei_is_kept(source: Path) -> None:
    assert len(read(source)["train_2"].cells) == 0


def test_a_missing_split_is_noted(source: Path) -> None:
    assert read_consep(source).notes == ()
    (source / "Test").rename(source.parent / "elsewhere")
    assert read_consep(source).notes == ("There is no test split.",)


def test_bad_layouts_and_masks(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not CoNSeP in its released layout"):
        read(source / "Train" / "Overlay")
    with pytest.raises(DatasetError, match="lies in no folder of a split"):
        read(source / "Train")
    mask = add(source, "train_1", np.ones((20, 30), int), np.full((20, 30), 8))
    with pytest.raises(DatasetError, match=r"train_1\.mat: class code 8 is not known; the codes are \[1, 2, 3"):
        read(source)
    write_png(source / "Train/Images/train_1.png", np.zeros((20, 31, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"train_1\.mat: the mask is 30×20, the image train_1\.png 31×20"):
        read(source)
    scipy.io.savemat(mask, {"inst_map": np.zeros((20, 30))})
    with pytest.raises(DatasetError, match=r"train_1\.mat has no variable 'type_map'"):
        read(source)
    mask.write_bytes(b"text")
    with pytest.raises(DatasetError, match=r"train_1\.mat is not a MATLAB file that can be read"):
        read(source)
    mask.unlink()
    with pytest.raises(DatasetError, match=r"train_1\.png has no annotation"):
        read(source)
