from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from cellweave.core import DatasetError, InvalidInputError, TableError
from cellweave.data.readers import read_psu


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, points in (("img1", [[1, 1], [8.5, 20]]), ("img11", []), ("img2", [[30, 4]])):
        (tmp_path / name).mkdir()
        Image.new("RGB", (30, 20)).save(tmp_path / name / f"{name}.bmp")
        array = np.array(points, np.float64).reshape(-1, 2)
        scipy.io.savemat(tmp_path / name / f"{name}_detection.mat", {"detection": array})
    return tmp_path


def test_pixels_counted_from_one_become_centres_of_cells_without_classes(source: Path) -> None:
    annotated = read_psu(source)
    images = list(annotated.images)
    assert (annotated.classes, annotated.total) == ((), 3)
    assert annotated.notes == ("There are 3 images, where the release has 120.",)
    assert [image.name for image in images] == ["img1", "img2", "img11"]
    assert images[0].cells.xy.tolist() == [[0.5, 0.5], [8.0, 19.5]]
    assert images[0].cells.label_names() == [None, None]
    assert (images[1].split, images[1].group, images[1].cells.mpp) == ("training", "img2", None)


def test_a_table_gives_splits_and_scale(source: Path) -> None:
    (source / "facts.csv").write_text("image,split,mpp\nimg1,validation,\nimg2,test,0.5\nimg11/img11.bmp,test,\n")
    images = list(read_psu(source, image_table=source / "facts.csv", mpp=0.25).images)
    assert [(image.split, image.cells.mpp) for image in images] == [("validation", 0.25), ("test", 0.5), ("test", 0.25)]


def test_bad_sources_are_said(source: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        read_psu(source / "nowhere")
    with pytest.raises(DatasetError, match="img1 holds no folders such as img1/, one an image"):
        read_psu(source / "img1")
    with pytest.raises(InvalidInputError, match="mpp"):
        read_psu(source, mpp=-1)
    (source / "facts.csv").write_text("image,split\nimg7,test\n")
    with pytest.raises(TableError, match=r"facts\.csv: image 'img7/img7' is not in"):
        read_psu(source, image_table=source / "facts.csv")
    (source / "img2/img2_detection.mat").unlink()
    with pytest.raises(DatasetError, match=r"img2_detection\.mat is missing"):
        read_psu(source)
