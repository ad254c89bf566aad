import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cellweave.core import Cells, DatasetError, InvalidInputError, OutputError
from cellweave.data import CellClass, CellDataset, DatasetWriter

CLASSES = ("lymphocyte", "tumor")


def write(root: Path, *, overwrite: bool = False) -> Path:
    """Write two images (one with three cells, one with none) and a layout."""
    about = {"name": "mine", "licence": "CC0", "source": "a test"}
    with DatasetWriter(root, classes=CLASSES, overwrite=overwrite, **about) as writer:
        cells = Cells([[1.5, 2.5], [9.0, 0.25], [3, 3]], [0, 1, -1], classes=CLASSES, shape=(8, 10), mpp=0.5)
        writer.add("one", cells, pixels=np.full((8, 10, 3), 7, np.uint8), group="p1")
        empty = Cells.empty(classes=CLASSES, shape=(4, 4))
        writer.add("two", empty, pixels=np.zeros((4, 4, 3), np.uint8), split="validation")
        writer.add("layout", Cells([[5, 5]], [1], classes=CLASSES, shape=(6, 6)), split="test")
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "set")


def edit_about(root: Path, **changes: object) -> None:
    path = root / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def edit_table(root: Path, table: str, **columns: object) -> None:
    path = root / f"{table}.parquet"
    pd.read_parquet(path).assign(**columns).to_parquet(path)


def test_what_is_written_is_read_back(root: Path) -> None:
    dataset = CellDataset.open(root)
    assert (dataset.name, dataset.licence, dataset.source) == ("mine", "CC0", "a test")
    assert dataset.class_names == CLASSES
    assert dataset.names() == ["one", "two", "layout"]
    assert dataset.names("validation") == ["two"]
    assert dataset.groups() == {"one": "p1", "two": "two", "layout": "layout"}
    cells = dataset.read_cells("one")
    assert cells.xy.tolist() == [[1.5, 2.5], [9.0, 0.25], [3, 3]]
    assert cells.labels.tolist() == [0, 1, -1]
    assert (cells.shape, cells.mpp) == ((8, 10), 0.5)
    assert (len(dataset.read_cells("two")), dataset.read_cells("two").mpp) == (0, None)
    assert dataset.read_image("one").tolist() == np.full((8, 10, 3), 7).tolist()


def test_checksum_is_equal_for_equal_data_and_differs_otherwise(tmp_path: Path, root: Path) -> None:
    again = CellDataset.open(write(tmp_path / "again"))
    assert again.checksum == CellDataset.open(root).checksum
    with DatasetWriter(tmp_path / "other", name="", classes=["a"], licence="", source="") as writer:
        writer.add("one", Cells.empty(classes=["a"], shape=(2, 2)))
    assert CellDataset.open(tmp_path / "other").checksum != again.checksum


def test_a_layout_has_no_image(root: Path) -> None:
    dataset = CellDataset.open(root)
    assert dataset.read_cells("layout").xy.tolist() == [[5, 5]]
    with pytest.raises(DatasetError, match="layout without an image file"):
        dataset.image_path("layout")


def test_colours_are_kept_and_defaults_differ(tmp_path: Path) -> None:
    classes = [CellClass("a", "#010203"), "b", "c"]
    with DatasetWriter(tmp_path / "set", name="", classes=classes, licence="", source=""):
        pass
    colours = CellDataset.open(tmp_path / "set").colours
    assert colours["a"] == "#010203"
    assert len(set(colours.values())) == 3


@pytest.mark.parametrize("file", ["../secret.png", "/etc/hostname", "images/../../secret.png"])
def test_a_file_outside_the_data_set_is_refused(root: Path, file: str) -> None:
    edit_table(root, "images", file=file)
    with pytest.raises(DatasetError, match=r"images\.parquet: file .* of image 'one' leaves the data set"):
        CellDataset.open(root).read_image("one")


def test_a_link_out_of_the_data_set_is_refused(tmp_path: Path, root: Path) -> None:
    outside = tmp_path / "outside.png"
    (root / "images" / "one.png").rename(outside)
    (root / "images" / "one.png").symlink_to(outside)
    with pytest.raises(DatasetError, match="leaves the data set"):
        CellDataset.open(root).read_image("one")


def test_what_cannot_be_opened_is_said_in_one_line(tmp_path: Path, root: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere does not exist"):
        CellDataset.open(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"empty has no dataset\.json; .*cellweave data import"):
        CellDataset.open(tmp_path / "empty")
    edit_about(root, version=2)
    with pytest.raises(DatasetError, match=r"dataset\.json is of version 2, this program reads 1"):
        CellDataset.open(root)
    edit_about(root, version=1, format="coco")
    with pytest.raises(DatasetError, match='"format": "cellweave-dataset"'):
        CellDataset.open(root)
    (root / "dataset.json").write_text("{")
    with pytest.raises(DatasetError, match="not valid JSON"):
        CellDataset.open(root)


@pytest.mark.parametrize("classes", [None, [{"name": "a"}], ["a"]])
def test_garbled_classes_are_said(root: Path, classes: object) -> None:
    edit_about(root, classes=classes)
    with pytest.raises(DatasetError, match=r"dataset\.json lacks or garbles"):
        CellDataset.open(root)


@pytest.mark.parametrize("table", ["images.parquet", "cells.parquet"])
def test_damaged_tables_are_said_with_their_file(root: Path, table: str) -> None:
    whole = (root / table).read_bytes()
    (root / table).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=f"{table} cannot be read"):
        CellDataset.open(root)
    (root / table).unlink()
    with pytest.raises(DatasetError, match=f"{table} is missing"):
        CellDataset.open(root)


def test_missing_columns_and_wrong_types_are_said(root: Path) -> None:
    path = root / "cells.parquet"
    pd.read_parquet(path).drop(columns="x").to_parquet(path)
    with pytest.raises(DatasetError, match=r"cells\.parquet lacks the columns \['x'\]"):
        CellDataset.open(root)
    pd.read_parquet(path).assign(x="left").to_parquet(path)
    with pytest.raises(DatasetError, match=r"cells\.parquet cannot be read"):
        CellDataset.open(root)


@pytest.mark.parametrize("x", [10.0, -0.1, np.nan])
def test_a_cell_outside_its_image_names_file_and_image(root: Path, x: float) -> None:
    edit_table(root, "cells", x=x)
    with pytest.raises(DatasetError, match=r"cells\.parquet: image 'one': xy\[0\] is .* outside the 10×8"):
        CellDataset.open(root).read_cells("one")


def test_an_unknown_label_names_the_classes(root: Path) -> None:
    edit_table(root, "cells", label="mast cell")
    with pytest.raises(DatasetError, match=r"class 'mast cell'.*\['lymphocyte', 'tumor'\]"):
        CellDataset.open(root).read_cells("one")


def test_an_image_of_another_size_is_refused(root: Path) -> None:
    edit_table(root, "images", width=11)
    with pytest.raises(DatasetError, match=r"one\.png is 10×8, but images\.parquet says 11×8"):
        CellDataset.open(root).read_image("one")


def test_unknown_names_and_empty_splits_are_said(tmp_path: Path, root: Path) -> None:
    with pytest.raises(DatasetError, match="has no image 'three'"):
        CellDataset.open(root).read_cells("three")
    with pytest.raises(DatasetError, match=r"no image in split 'training '; it has \{'training': 1"):
        CellDataset.open(root).names("training ")


def test_a_generative_model_needs_one_scale(tmp_path: Path) -> None:
    for number, (scales, expected) in enumerate(
        [([0.5, 0.51], 0.505), ([None, None], None), ([0.5, 0.25], "differ in scale"), ([0.5, None], "1 of the 2")]
    ):
        with DatasetWriter(tmp_path / str(number), classes=CLASSES, name="n", licence="CC0", source="s") as writer:
            for name, mpp in zip("ab", scales, strict=True):
                writer.add(name, Cells.empty(classes=CLASSES, shape=(4, 4), mpp=mpp))
        dataset = CellDataset.open(tmp_path / str(number))
        if isinstance(expected, str):
            with pytest.raises(DatasetError, match=expected):
                dataset.one_scale("training")
        else:
            assert dataset.one_scale("training") == (None if expected is None else pytest.approx(expected))


def test_interrupted_writing_leaves_nothing(tmp_path: Path) -> None:
    def write_and_interrupt() -> None:
        with DatasetWriter(tmp_path / "set", name="", classes=["a"], licence="", source="") as writer:
            writer.add("one", Cells.empty(classes=["a"], shape=(2, 2)), pixels=np.zeros((2, 2, 3), np.uint8))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_interrupt()
    assert list(tmp_path.iterdir()) == []


def test_interrupted_overwriting_leaves_the_old_data_set(root: Path) -> None:
    before = CellDataset.open(root).checksum
    with (
        pytest.raises(KeyboardInterrupt),
        DatasetWriter(root, name="", classes=["a"], licence="", source="", overwrite=True),
    ):
        raise KeyboardInterrupt
    assert CellDataset.open(root).checksum == before
    assert list(root.parent.iterdir()) == [root]


def test_only_data_sets_are_replaced_and_only_when_asked_to(tmp_path: Path, root: Path) -> None:
    with pytest.raises(OutputError, match="pass --overwrite"):
        write(root)
    write(root, overwrite=True)
    originals = tmp_path / "originals"
    originals.mkdir()
    (originals / "slide.png").touch()
    with pytest.raises(OutputError, match="originals is not a data set and is not overwritten"):
        write(originals, overwrite=True)
    assert [path.name for path in originals.iterdir()] == ["slide.png"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("one", {}, "'one' is there already"),
        ("a/b", {}, "'a/b' cannot be a file name"),
        ("..", {}, "'..' cannot be a file name"),
        ("", {}, "'' cannot be a file name"),
        ("new", {"split": "train"}, r"split 'train'; the splits are \['training', 'validation', 'test'\]"),
        ("new", {"pixels": np.zeros((3, 3, 3), np.uint8)}, r"is \(3, 3\), its cells live in \(2, 2\)"),
        ("new", {"pixels": np.zeros((2, 2, 3))}, r"is float64 \(2, 2, 3\); pixels are uint8 \(H, W, 3\)"),
        ("new", {"pixels": np.zeros((2, 2), np.uint8)}, r"is uint8 \(2, 2\); pixels are uint8"),
    ],
)
def test_what_cannot_be_added(tmp_path: Path, name: str, options: dict, message: str) -> None:
    def add_both() -> None:
        cells = Cells.empty(classes=["a"], shape=(2, 2))
        with DatasetWriter(tmp_path / "set", name="", classes=["a"], licence="", source="") as writer:
            writer.add("one", cells)
            writer.add(name, cells, **options)

    with pytest.raises(DatasetError, match=message):
        add_both()
    assert not (tmp_path / "set").exists()


def test_cells_of_other_classes_cannot_be_added(tmp_path: Path) -> None:
    with (
        pytest.raises(DatasetError, match=r"cells of classes \['b'\], the data set has \['a'\]"),
        DatasetWriter(tmp_path / "set", name="", classes=["a"], licence="", source="") as writer,
    ):
        writer.add("one", Cells.empty(classes=["b"], shape=(2, 2)))


def test_unlabelled_cells_are_null_in_the_table(root: Path) -> None:
    assert pq.read_table(root / "cells.parquet").column("label").to_pylist() == ["lymphocyte", "tumor", None, "tumor"]


@pytest.mark.parametrize("column", ["file", "width", "split"])
def test_empty_values_in_the_images_table_are_said(root: Path, column: str) -> None:
    edit_table(root, "images", **{column: None})
    with pytest.raises(DatasetError, match=rf"images\.parquet has rows with an empty {column}"):
        CellDataset.open(root)


@pytest.mark.parametrize(
    ("name", "colour", "message"),
    [
        ("tumor", "red", "the colour of class 'tumor' is 'red'; write it as #rrggbb"),
        (" ", "#ff0000", "a class cannot be called ' '"),
        ("all", "#ff0000", "a class cannot be called 'all'"),
    ],
)
def test_classes_have_a_name_and_a_colour(name: str, colour: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        CellClass(name, colour)
