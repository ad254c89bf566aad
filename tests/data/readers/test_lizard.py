from pathlib import Path

import numpy as np
import pytest
import scipy.io

from cellweave.core import DatasetError, TableError
from cellweave.data import write_png
from cellweave.data.readers import ImportedImage, read_lizard

LABELS = "lizard_labels/Lizard_Labels"


def add(source: Path, name: str, mask: np.ndarray, numbers: list[int], codes: list[int]) -> None:
    folder = "lizard_images1/Lizard_Images1" if name.startswith("c") else "lizard_images2/Lizard_Images2"
    write_png(source / folder / f"{name}.png", np.zeros((*mask.shape, 3), np.uint8))
    (source / LABELS / "Labels").mkdir(parents=True, exist_ok=True)
    mat = {
        "inst_map": mask.astype(np.int32),
        "id": np.array(numbers).reshape(-1, 1),
        "class": np.array(codes).reshape(-1, 1),
        "bbox": np.zeros((len(numbers), 4)),
        "centroid": np.zeros((len(numbers), 2)),
    }
    scipy.io.savemat(source / LABELS / "Labels" / f"{name}.mat", mat)


def info(source: Path, text: str) -> None:
    (source / LABELS / "info.csv").write_text(text)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    mask = np.zeros((20, 30), int)
    mask[0:4, 0:4], mask[0:4, 4:8], mask[10:12, 20:30] = 2, 40, 7
    add(tmp_path, "consep_1", mask, [40, 2, 7], [6, 1, 5])
    add(tmp_path, "glas_10", np.zeros((10, 10), int), [], [])
    add(tmp_path, "glas_9", mask, [2, 40], [2, 3])
    write_png(tmp_path / "overlay/Overlay/consep_1.png", np.zeros((4, 4, 3), np.uint8))
    info(tmp_path, "Filename,Source,Split\nconsep_1,consep,1\nglas_10,glas,2\nglas_9,glas,3\n")
    return tmp_path


def read(source: Path) -> dict[str, ImportedImage]:
    return {image.name: image for image in read_lizard(source).images}


def test_the_table_of_a_mask_gives_classes_by_number(source: Path) -> None:
    images = read(source)
    assert {name: one.split for name, one in images.items()} == {
        "consep_1": "training",
        "glas_10": "validation",
        "glas_9": "test",
    }
    cells = images["consep_1"].cells
    assert cells.xy.tolist() == [[2.0, 2.0], [25.0, 11.0], [6.0, 2.0]]
    assert cells.label_names() == ["neutrophil", "eosinophil", "connective"]
    assert (cells.mpp, cells.shape, len(images["glas_10"].cells)) == (0.5, (20, 30), 0)


def test_a_nucleus_that_the_table_lacks_has_no_class(source: Path) -> None:
    assert read(source)["glas_9"].cells.label_names() == ["epithelial", None, "lymphocyte"]


def test_images_that_are_not_there_are_noted(source: Path) -> None:
    info(source, "Filename,Source,Split\nconsep_1,consep,1\nglas_10,glas,1\nglas_9,glas,3\nglas_11,glas,2\n")
    assert read_lizard(source).notes == (
        "There is no validation split.",
        "Not there, though info.csv names them: 1 image (glas_11).",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Filename,Source\nconsep_1,consep\n", "info.csv lacks the column Split"),
        ("Filename,Split\nconsep_1,4\n", "info.csv: image 'consep_1' has Split '4'; the folds are 1, 2, 3"),
        ("Filename,Split\nconsep_1,1\n", r"info.csv does not name 2 images \(glas_9.png, glas_10.png\)"),
        ("", "info.csv is empty; copy it from the release"),
    ],
)
def test_bad_tables(source: Path, text: str, message: str) -> None:
    info(source, text)
    with pytest.raises(TableError, match=message):
        read(source)


def test_bad_layouts_and_masks(source: Path) -> None:
    with pytest.raises(DatasetError, match=r"is not Lizard in its released layout: .*found 0 masks, 0 tables"):
        read(source / "overlay")
    add(source, "consep_1", np.ones((20, 30)), [1, 2], [1, 1])
    with pytest.raises(DatasetError, match=r"consep_1\.mat: the table of classes has nuclei that are not in the mask"):
        read(source)
    add(source, "consep_1", np.ones((20, 30)), [1], [7])
    with pytest.raises(DatasetError, match=r"consep_1\.mat: class code 7 is not known"):
        read(source)
    (source / LABELS / "Labels/glas_9.mat").unlink()
    with pytest.raises(DatasetError, match=r"glas_9\.png has no annotation"):
        read(source)
