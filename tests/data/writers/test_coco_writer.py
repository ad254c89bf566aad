import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellweave.core import Cells, DatasetError
from cellweave.data import write_png
from cellweave.data.readers import read_coco
from cellweave.data.writers import write_coco

COLOURS = {"tumor": "#d55e00", "unlabelled": "#56b4e9"}
ABOUT = {"name": "mine", "licence": "CC0 1.0", "source": "a test"}


def table(*images: str, file: str = "images/{}.png") -> pd.DataFrame:
    rows = [{"image": name, "file": file.format(name), "split": "test", "group": f"p-{name}"} for name in images]
    return pd.DataFrame(rows)


def cells_of(xy: list[list[float]], labels: list[int], *, mpp: float | None = 0.5) -> Cells:
    return Cells(xy, labels, classes=tuple(COLOURS), shape=(20, 30), mpp=mpp)


def write(path: Path, cells: dict[str, Cells]) -> dict:
    write_coco(path, cells, table(*cells), COLOURS, **ABOUT)
    return json.loads(path.read_text())


def test_the_file_by_hand(tmp_path: Path) -> None:
    content = write(tmp_path / "a.json", {"a": cells_of([[1.5, 2.0], [9.0, 8.0]], [0, -1]), "b": cells_of([], [])})
    assert content["images"][0] == {
        "id": 1,
        "file_name": "a.png",
        "width": 30,
        "height": 20,
        "license": 1,
        "cellweave": {"split": "test", "group": "p-a", "mpp": 0.5},
    }
    assert [image["id"] for image in content["images"]] == [1, 2]
    assert content["licenses"] == [{"id": 1, "name": "CC0 1.0", "url": ""}]
    assert content["annotations"][0] == {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [-6.5, -6.0, 16.0, 16.0],
        "area": 256.0,
        "iscrowd": 0,
        "segmentation": [],
        "keypoints": [1.5, 2.0, 2],
        "num_keypoints": 1,
    }
    assert content["categories"][0]["color"] == [0xD5, 0x5E, 0x00]
    assert [one["name"] for one in content["categories"]] == ["tumor", "unlabelled", "unlabelled_"]
    assert content["annotations"][1]["category_id"] == content["categories"][2]["id"] == 3


def test_boxes_are_eight_micrometres_wide(tmp_path: Path) -> None:
    content = write(tmp_path / "a.json", {"a": cells_of([[10, 10]], [0], mpp=0.25)})
    assert content["annotations"][0]["bbox"] == [-6, -6, 32, 32]
    content = write(tmp_path / "a.json", {"a": cells_of([[10, 10]], [0], mpp=None)})
    assert content["annotations"][0]["bbox"] == [2, 2, 16, 16]


def test_only_cells_without_a_class_need_a_category_of_their_own(tmp_path: Path) -> None:
    content = write(tmp_path / "a.json", {"a": cells_of([[1, 1]], [1])})
    assert [one["name"] for one in content["categories"]] == ["tumor", "unlabelled"]


def test_layouts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="'a' is a layout without an image, which COCO cannot hold"):
        write_coco(tmp_path / "a.json", {"a": cells_of([], [])}, table("a", file=""), COLOURS, **ABOUT)
    assert not (tmp_path / "a.json").exists()


place = st.tuples(st.floats(0, 30, exclude_max=True), st.floats(0, 20, exclude_max=True), st.integers(-1, 1))


@settings(max_examples=40)  # every example writes and reads files
@given(st.lists(place), st.none() | st.floats(0.1, 2))
def test_what_was_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[float, float, int]], mpp: float | None
) -> None:
    folder = tmp_path_factory.mktemp("coco")
    write_png(folder / "a.png", np.zeros((20, 30, 3), np.uint8))
    cells = cells_of([[x, y] for x, y, _ in places], [label for _, _, label in places], mpp=mpp)
    write(folder / "a.json", {"a": cells})
    annotated = read_coco(folder / "a.json")
    (image,) = annotated.images
    assert image.cells.xy.tolist() == cells.xy.tolist()
    assert image.cells.label_names() == cells.label_names()
    assert (image.cells.classes, image.cells.mpp) == (cells.classes, mpp)
    assert (image.split, image.group, annotated.licence) == ("test", "p-a", "CC0 1.0")
    assert {one.name: one.colour for one in annotated.classes} == COLOURS
