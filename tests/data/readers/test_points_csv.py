from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cellweave.core import DatasetError, InvalidInputError, TableError
from cellweave.data import write_png
from cellweave.data.readers import ImportedImage, read_points_csv

TABLE = "image,x,y,label\na.png,1,2,tumor\nb,4,4,stromal\na.png,3.25,0,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        write_png(tmp_path / f"{name}.png", np.zeros((20, 30, 3), np.uint8))
    return tmp_path


def read(folder: Path, content: str = TABLE, **options: object) -> dict[str, ImportedImage]:
    (folder / "points.csv").write_text(content)
    return {image.name: image for image in read_points_csv(folder / "points.csv", **options).images}


def test_points_and_labels(folder: Path) -> None:
    images = read(folder)
    assert list(images) == ["a", "b"]
    assert images["a"].cells.xy.tolist() == [[1, 2], [3.25, 0]]
    assert images["a"].cells.label_names() == ["tumor", None]
    assert images["a"].cells.classes == ("stromal", "tumor")
    assert (images["b"].split, images["b"].group, images["b"].cells.mpp) == ("training", "b", None)


@pytest.mark.parametrize(("coordinates", "x"), [("continuous", 1.0), ("zero-based", 1.5), ("one-based", 0.5)])
def test_how_pixels_are_counted(folder: Path, coordinates: str, x: float) -> None:
    images = read(folder, "image,x,y\na,1,2\n", coordinates=coordinates)
    assert images["a"].cells.xy.tolist() == [[x, x + 1]]


def test_without_labels_there_are_no_classes(folder: Path) -> None:
    cells = read(folder, "image,x,y\na,1,2\n")["a"].cells
    assert (cells.classes, cells.labels.tolist()) == ((), [-1])


def test_parquet_holds_the_same(folder: Path) -> None:
    expected = read(folder)
    pd.read_csv(folder / "points.csv").to_parquet(folder / "points.parquet")
    images = {image.name: image for image in read_points_csv(folder / "points.parquet").images}
    assert {name: one.cells.xy.tolist() for name, one in images.items()} == {
        name: one.cells.xy.tolist() for name, one in expected.items()
    }


def test_split_group_and_scale_of_the_same_table(folder: Path) -> None:
    images = read(folder, "image,x,y,split,group,mpp\na,1,2,test,p1,0.25\na,2,2,test,p1,0.25\nb,1,1,,,\n", mpp=0.5)
    assert (images["a"].split, images["a"].group, images["a"].cells.mpp) == ("test", "p1", 0.25)
    assert (images["b"].split, images["b"].group, images["b"].cells.mpp) == ("training", "b", 0.5)


def test_an_image_table_of_its_own(folder: Path) -> None:
    (folder / "images.csv").write_text("image,split\na,validation\n")
    assert [one.split for one in read(folder, image_table=folder / "images.csv").values()] == ["validation", "training"]
    notes = read_points_csv(folder / "points.csv", image_table=folder / "images.csv").notes
    assert notes == ("Of the training split and each its own group, because images.csv lacks them: 1 image (b.png).",)


def test_unlisted_images_are_left_out_or_empty(folder: Path) -> None:
    assert list(read(folder, "image,x,y\na,1,2\n")) == ["a"]
    assert read_points_csv(folder / "points.csv").notes == (
        "Left out, because the table does not name them: 1 image (b.png).",
    )
    images = read(folder, "image,x,y\na,1,2\n", unlisted_are_empty=True)
    assert {name: len(image.cells) for name, image in images.items()} == {"a": 1, "b": 0}


def test_images_elsewhere_and_in_folders_below(folder: Path) -> None:
    write_png(folder / "images" / "p1" / "c.png", np.zeros((5, 5, 3), np.uint8))
    assert list(read(folder, "image,x,y\np1/c.png,1,2\n", images=folder / "images")) == ["c"]


def test_points_just_outside_are_clipped_and_counted(folder: Path) -> None:
    image = read(folder, "image,x,y\na,30,20\n")["a"]
    assert (image.cells.xy.tolist(), image.clipped) == ([[29.5, 19.5]], 1)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("image,x,y\na,1,2\na,400,2\n", {}, r"row 2 .*x 400, y 2 is not inside the image, which is 30×20"),
        ("image,x,y\na,nan,2\n", {}, r"."),
        ("image,x\na,1\n", {}, r"\by\b"),
        ("image,x,y\nz,1,2\n", {}, r"image 'z' is not in .*give the folder of the images"),
        ("image,x,y\n../a,1,2\n", {}, r"image '\.\./a' leaves the folder"),
        (TABLE, {"classes": ["tumor"]}, r"row 2 .*class 'stromal' is not known; the classes are \['tumor'\]"),
        (
            "image,x,y,split\na,1,2,train\n",
            {},
            r"image 'a' has split 'train'; the splits are training, validation, test",
        ),
        ("image,x,y,split\na,1,2,test\na,1,3,training\n", {}, r"rows of image 'a' disagree"),
        ("image,x,y,mpp\na,1,2,0\n", {}, r"image 'a' has mpp '0'"),
        ("image,x,y,mpp\na,1,2,small\n", {}, r"image 'a' has mpp 'small'"),
    ],
)
def test_bad_tables_name_the_file_and_the_value(folder: Path, content: str, options: dict, message: str) -> None:
    with pytest.raises(TableError, match=rf"points\.csv.*{message}"):
        read(folder, content, **options)


def test_two_images_of_the_name_need_an_ending(folder: Path) -> None:
    (folder / "b.jpg").write_bytes(b"")
    with pytest.raises(TableError, match=r"image 'b' may be b\.jpg or b\.png; add the ending"):
        read(folder)


def test_bad_options_are_said(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match="coordinates are continuous, zero-based, one-based, got 'matlab'"):
        read(folder, coordinates="matlab")
    with pytest.raises(InvalidInputError, match=r"mpp .* must be a positive number, got -1"):
        read(folder, mpp=-1.0)
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        read(folder, images=folder / "nowhere")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,split\na,training,5\n", "images.csv cannot be read as a table"),
        ("image,split,split\na,training,test\n", "images.csv has the column split 2 times; keep one of them"),
        ("image,split\na,test\n ,test\n", "images.csv: row 2: image is empty; name the image of every row"),
        ("", "images.csv is empty; give a CSV or Parquet file with the column image and any of split"),
    ],
)
def test_bad_image_tables(folder: Path, text: str, message: str) -> None:
    (folder / "points.csv").write_text("image,x,y\na,1,2\n")
    (folder / "images.csv").write_text(text)
    with pytest.raises(TableError, match=message):
        read_points_csv(folder / "points.csv", image_table=folder / "images.csv")
