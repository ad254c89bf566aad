import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cellweave.core import DatasetError, TableError
from cellweave.data import write_png
from cellweave.data.readers import ImportedImage, read_coco

FILE: dict[str, Any] = {
    "info": {"description": "two images", "version": "1.0"},
    "licenses": [{"id": 4, "name": "CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"}],
    "images": [
        {"id": 7, "file_name": "b.png", "width": 30, "height": 20, "license": 4},
        {"id": 3, "file_name": "patient-1/a.png", "width": 30, "height": 20, "license": 4},
    ],
    "categories": [
        {"id": 5, "name": "tumor", "supercategory": "cell", "color": [213, 94, 0]},
        {"id": 2, "name": "lymphocyte", "supercategory": "cell"},
    ],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 5, "bbox": [2, 4, 7, 4], "area": 28, "iscrowd": 0},
        {
            "id": 2,
            "image_id": 7,
            "category_id": 2,
            "bbox": [0, 0, 6, 6],
            "segmentation": [[0, 0, 6, 0, 0, 6]],
            "area": 18,
            "iscrowd": 0,
        },
        {
            "id": 3,
            "image_id": 3,
            "category_id": 2,
            "bbox": [0, 0, 30, 20],
            "segmentation": [],
            "keypoints": [12.25, 3.5, 2],
            "num_keypoints": 1,
            "area": 600,
            "iscrowd": 0,
        },
        {
            "id": 4,
            "image_id": 3,
            "category_id": 5,
            "bbox": [0, 0, 30, 20],
            "segmentation": {"counts": [0, 600], "size": [20, 30]},
            "area": 600,
            "iscrowd": 1,
        },
    ],
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("b.png", "patient-1/a.png", "c.png"):
        write_png(tmp_path / name, np.zeros((20, 30, 3), np.uint8))
    (tmp_path / "cells.json").write_text(json.dumps(FILE))
    return tmp_path / "cells.json"


def change(source: Path, where: tuple[Any, ...], value: Any) -> None:
    content = copy.deepcopy(FILE)
    part = content
    for key in where[:-1]:
        part = part[key]
    part[where[-1]] = value
    source.write_text(json.dumps(content))


def read(source: Path, **options: Any) -> list[ImportedImage]:
    return list(read_coco(source, **options).images)


def test_boxes_outlines_and_keypoints_become_points(source: Path) -> None:
    first, second = read(source)
    assert first.cells.xy.tolist() == [[5.5, 6.0], [2.0, 2.0]]
    assert first.cells.label_names() == ["tumor", "lymphocyte"]
    assert second.cells.xy.tolist() == [[12.25, 3.5]]
    assert [(one.name, one.split, one.group) for one in (first, second)] == [
        ("b", "training", "b"),
        ("patient-1-a", "training", "patient-1-a"),
    ]


def test_the_source_is_described(source: Path) -> None:
    annotated = read_coco(source)
    assert [(one.name, one.colour) for one in annotated.classes] == [("lymphocyte", "#1f77e0"), ("tumor", "#d55e00")]
    assert (annotated.name, annotated.licence, annotated.total) == ("cells", "CC BY 4.0", 2)
    assert annotated.notes == (
        "Left out, because they stand for many cells at once: 1 crowd.",
        "Left out, because the file does not name them: 1 image (c.png).",
    )


def test_several_keypoints_are_no_centre(source: Path) -> None:
    change(source, ("annotations", 2, "keypoints"), [1, 1, 2, 12, 3, 1])
    assert read(source)[1].cells.xy.tolist() == [[15.0, 10.0]]
    change(source, ("annotations", 2, "keypoints"), [1, 1, 0, 12, 3, 1])
    assert read(source)[1].cells.xy.tolist() == [[12.0, 3.0]]


def test_run_lengths_are_placed_by_their_box(source: Path) -> None:
    change(source, ("annotations", 1, "segmentation"), {"counts": "abc", "size": [20, 30]})
    assert read(source)[0].cells.xy.tolist() == [[5.5, 6.0], [3.0, 3.0]]


def test_a_table_and_options_say_more(source: Path) -> None:
    table = source.with_name("facts.csv")
    table.write_text("image,split,group,mpp\nb,test,p,0.5\npatient-1/a.png,validation,q,\n")
    images = read(source, image_table=table, mpp=0.25, classes=["tumor", "lymphocyte"])
    assert [(one.split, one.group, one.cells.mpp) for one in images] == [("test", "p", 0.5), ("validation", "q", 0.25)]
    assert images[0].cells.labels.tolist() == [0, 1]
    with pytest.raises(TableError, match=r"cells\.json: annotations\[1\]: class 'lymphocyte' is not known"):
        read(source, classes=["tumor"])


def test_images_may_lie_elsewhere(source: Path) -> None:
    elsewhere = source.parent / "patient-1"
    change(source, ("images",), [{"id": 3, "file_name": "a.png"}, {"id": 7, "file_name": "a"}])
    with pytest.raises(TableError, match=r"image 'a\.png' is not in"):
        read(source)
    assert read(source, images=elsewhere)[0].file == elsewhere / "a.png"
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        read(source, images=source.parent / "nowhere")


def test_images_of_another_size_are_refused(source: Path) -> None:
    change(source, ("images", 0, "width"), 60)
    with pytest.raises(DatasetError, match=r"image 'b\.png' is 60×20 \(width×height\), but .* is 30×20"):
        read(source)


BAD = {
    "a file beyond the folder": (("images", 0, "file_name"), "../b.png", r"image '\.\./b\.png' leaves the folder"),
    "no file name": (("images", 0, "file_name"), None, r"images\[0\]: file_name is None"),
    "an id of letters": (("images", 0, "id"), "b", r"images\[0\]: id is 'b', not a whole number"),
    "an id of a boolean": (("images", 0, "id"), True, r"images\[0\]: id is True, not a whole number"),
    "an id twice": (("images", 0, "id"), 3, "2 images are called 3; ids and names must differ"),
    "a file twice": (("images", 0, "file_name"), "patient-1/a.png", "2 images are called 'patient-1/a.png'"),
    "a class twice": (("categories", 0, "name"), "lymphocyte", "2 categories are called 'lymphocyte'"),
    "a nameless class": (("categories", 0, "name"), " ", r"categories\[0\]: name is ' '"),
    "no categories": (("categories",), None, "has no list 'categories'; a COCO file of instances is"),
    "a word for an image": (("images",), ["b.png"], r"images\[0\] is no object"),
    "an unknown image": (("annotations", 0, "image_id"), 8, r"annotations\[0\]: image_id 8 is not among those"),
    "an unknown class": (("annotations", 0, "category_id"), 8, r"annotations\[0\]: category_id 8 is not among those"),
    "no place": (("annotations", 0, "bbox"), None, r"annotations\[0\] has no keypoint, polygon or bbox"),
    "half a box": (("annotations", 0, "bbox"), [1, 2], r"annotations\[0\]: bbox is \[1, 2\], not a list of numbers, 4"),
    "a box of words": (
        ("annotations", 0, "bbox"),
        list("abcd"),
        r"annotations\[0\]: bbox is \['a', 'b', 'c', 'd'\], not a list of",
    ),
    "a box without end": (
        ("annotations", 0, "bbox"),
        [0, 0, 10**400, 1],
        r"annotations\[0\]: bbox is \[0, 0, 10+…, not a list of",
    ),
    "a box of NaN": (
        ("annotations", 0, "bbox"),
        [float("nan"), 0, 1, 1],
        r"annotations\[0\]: bbox is \[nan, 0, 1, 1\], not a list of",
    ),
    "a negative box": (
        ("annotations", 0, "bbox"),
        [5, 5, -2, 2],
        r"annotations\[0\]: bbox \[5, 5, -2, 2\] has a negative width",
    ),
    "a box outside": (
        ("annotations", 0, "bbox"),
        [90, 0, 2, 2],
        r"annotations\[0\]: x 91, y 1 is not inside the image",
    ),
    "a polygon of two points": (
        ("annotations", 1, "segmentation"),
        [[0, 0, 1, 1]],
        r"annotations\[1\]: segmentation has a polygon of 2 points; it needs three",
    ),
    "an odd polygon": (
        ("annotations", 1, "segmentation"),
        [[0, 0, 1]],
        r"annotations\[1\]: segmentation is \[0, 0, 1\], not a list of",
    ),
    "a stored split": (("images", 0, "cellweave"), {"split": "dev"}, r"images\[0\]: split is 'dev'; the splits are"),
    "a stored scale": (("images", 0, "cellweave"), {"mpp": -1}, r"images\[0\]: mpp is -1, not a positive number"),
    "a stored word": (("images", 0, "cellweave"), "x", r"images\[0\]: cellweave is 'x', not an object"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_parts_are_told_by_name(source: Path, name: str) -> None:
    where, value, message = BAD[name]
    change(source, where, value)
    with pytest.raises(TableError, match=rf"cells\.json:? {message}") as told:
        read(source)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not valid JSON in UTF-8"),
        (b'{"images": [', "is not valid JSON in UTF-8"),
        (b"\xff\xfe\x00", "is not valid JSON in UTF-8"),
        (b"[" * 100_000, "is not valid JSON in UTF-8"),
        (b"[1, 2]", "is a JSON list; a COCO file"),
    ],
)
def test_what_is_no_coco_is_refused(source: Path, content: bytes, message: str) -> None:
    source.write_bytes(content)
    with pytest.raises(TableError, match=message):
        read(source)


def test_missing_files_are_told(source: Path) -> None:
    with pytest.raises(TableError, match=r"nothing\.json does not exist"):
        read(source.with_name("nothing.json"))
    with pytest.raises(TableError, match="is a folder; give a file"):
        read(source.parent)
