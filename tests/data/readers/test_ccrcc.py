from pathlib import Path

import numpy as np
import pytest
import scipy.io

from cellweave.core import DatasetError, InvalidInputError
from cellweave.data import write_png
from cellweave.data.readers import ImportedImage, read_ccrcc

SLIDE = "TCGA-B0-5711-01Z-00-DX1.svs"


def add(source: Path, name: str, *, slide: object = SLIDE, code: int = 1) -> None:
    """Write an image with a nucleus of 2 × 2 pixels, and one of most pixels of grade 2 that touches it."""
    mask, classes = np.zeros((16, 16), np.int32), np.zeros((16, 16), np.uint8)
    mask[4:6, 4:6], mask[4:6, 6:10] = 11, 3
    classes[4:6, 4:6], classes[4:6, 6:10], classes[4:6, 6] = code, 2, 4
    write_png(source / f"{name}.png", np.zeros((16, 16, 3), np.uint8))
    scipy.io.savemat(source / f"{name}.mat", {"instance_map": mask, "class_map": classes, "TCGA_file_name": slide})


def read(source: Path, **options: float) -> dict[str, ImportedImage]:
    return {image.name: image for image in read_ccrcc(source, **options).images}


def test_nuclei_grades_splits_and_patients(tmp_path: Path) -> None:
    add(tmp_path, "Train/1")
    add(tmp_path, "Val/2", slide=np.array(["TCGA-AK-3427-01Z"], object))
    add(tmp_path, "Test/3", code=4)
    images = read(tmp_path)
    assert {name: (one.split, one.group) for name, one in images.items()} == {
        "3": ("test", "TCGA-B0-5711"),
        "1": ("training", "TCGA-B0-5711"),
        "2": ("validation", "TCGA-AK-3427"),
    }
    assert images["1"].cells.xy.tolist() == [[8.0, 5.0], [5.0, 5.0]]
    assert images["1"].cells.label_names() == ["grade 2", "grade 1"]
    assert images["3"].cells.label_names() == ["grade 2", "endothelial"]
    assert (images["1"].cells.mpp, read(tmp_path, mpp=0.25)["1"].cells.mpp) == (None, 0.25)


def test_folders_of_images_and_annotations_and_names_in_two_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        add(tmp_path / split, "1")
        for ending, folder in ((".png", "images"), (".mat", "labels")):
            (tmp_path / split / folder).mkdir()
            (tmp_path / split / f"1{ending}").rename(tmp_path / split / folder / f"1{ending}")
    assert list(read(tmp_path)) == ["test_images_1", "train_images_1"]
    assert read_ccrcc(tmp_path).notes == ("There is no validation split.",)


@pytest.mark.parametrize("slide", ["", "slide 7", np.zeros((0, 0))])
def test_a_slide_without_a_patient_is_refused(tmp_path: Path, slide: object) -> None:
    add(tmp_path, "Train/1", slide=slide)
    with pytest.raises(DatasetError, match=r"1\.mat: TCGA_file_name is .*without a patient's code"):
        read(tmp_path)


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no \.png images and no \.mat annotations"):
        read(tmp_path)
    with pytest.raises(InvalidInputError, match="must be a positive number"):
        read(tmp_path, mpp=0)
    add(tmp_path, "Train/1", code=9)
    with pytest.raises(DatasetError, match=r"1\.mat: class code 9 is not known"):
        read(tmp_path)
    write_png(tmp_path / "Train/1.png", np.zeros((8, 16, 3), np.uint8))
    with pytest.raises(DatasetError, match=r"1\.mat: the mask is 16×16, the image 1\.png 16×8"):
        read(tmp_path)
    (tmp_path / "Train/1.png").unlink()
    with pytest.raises(DatasetError, match=r"Train/1\.mat has no image"):
        read(tmp_path)
    with pytest.raises(DatasetError, match="in no folder of a split"):
        read(tmp_path / "Train")
