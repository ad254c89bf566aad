"""Exporting a data set through the command line, and importing what was exported."""

import json
import os
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cellweave.cli.main import main
from cellweave.core import Cells
from cellweave.data import CellDataset, DatasetWriter


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set, ``set``, of three images (one without cells, one of unknown scale) in the working folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    images = (("a", 7, "training", 0.5), ("007", 0, "validation", 0.25), ("c d", 5, "test", None))
    with DatasetWriter("set", name="mine", classes=("blue", "red"), licence="CC0", source="a test") as writer:
        for name, count, split, mpp in images:
            xy, labels = rng.uniform(0, 48, (count, 2)), rng.integers(-1, 2, count)
            cells = Cells(xy, labels, classes=("blue", "red"), shape=(48, 64), mpp=mpp)
            writer.add(name, cells, pixels=pixels, split=split, group=f"patient-{name}")
    return tmp_path


def run(command: str) -> None:
    assert main(command.split()) == 0


def cells_of(dataset: str) -> dict[str, Cells]:
    opened = CellDataset.open(dataset)
    return {name: opened.read_cells(name) for name in opened.names()}


def require_same(left: dict[str, Cells], right: dict[str, Cells]) -> None:
    assert left.keys() == right.keys()
    for name, one in left.items():
        assert one.xy.tolist() == right[name].xy.tolist()
        assert one.label_names() == right[name].label_names()
        assert (one.shape, one.mpp) == (right[name].shape, right[name].mpp)


def test_coco_comes_back_whole(workplace: Path) -> None:
    run("data export set out.json --format coco")
    run("data import coco out.json again --images set/images")
    require_same(cells_of("set"), cells_of("again"))
    before, after = CellDataset.open("set"), CellDataset.open("again")
    pd.testing.assert_frame_equal(before.images, after.images)
    assert (before.classes, before.licence) == (after.classes, after.licence)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_come_back_but_for_images_without_cells(workplace: Path, capsys, suffix: str) -> None:
    run(f"data export set out.{suffix} --format csv")
    assert "note    Without a row, because there is no cell in them: 1 image." in capsys.readouterr().out
    run(f"data import points-csv out.{suffix} again --images set/images --classes blue,red")
    expected = {name: cells for name, cells in cells_of("set").items() if len(cells)}
    require_same(expected, cells_of("again"))
    before, after = (CellDataset.open(name).images.set_index("image") for name in ("set", "again"))
    pd.testing.assert_frame_equal(before.drop("007").sort_index(), after.sort_index())
    run(f"data import points-csv out.{suffix} whole --images set/images --classes blue,red --unlisted-are-empty")
    assert len(cells_of("whole")["007"]) == 0


def test_geojson_comes_back(workplace: Path) -> None:
    run("data export set out --format geojson")
    assert sorted(os.listdir("out")) == ["007.geojson", "a.geojson", "c d.geojson"]
    Path("facts.csv").write_text("image,mpp\na,0.5\n007,0.25\nc d,\n")
    run("data import qupath-geojson out again --images set/images --classes blue,red --image-table facts.csv")
    require_same(cells_of("set"), cells_of("again"))


def test_anndata_holds_everything(workplace: Path) -> None:
    run("data export set out.h5ad --format anndata")
    read = anndata.read_h5ad("out.h5ad")
    expected = cells_of("set")
    assert read.obsm["spatial"].tolist() == [xy for one in expected.values() for xy in one.xy.tolist()]
    labels = [None if pd.isna(label) else label for label in read.obs["label"]]
    assert labels == [label for one in expected.values() for label in one.label_names()]
    assert read.uns["images"].loc["007", ["split", "group", "mpp"]].tolist() == ["validation", "patient-007", 0.25]
    assert read.uns["cellweave"] == {"name": "mine", "licence": "CC0", "source": "a test"}


@pytest.mark.parametrize(("to", "out"), [("coco", "出力/ä.json"), ("csv", "出力/ä.csv"), ("anndata", "出力/ä.h5ad")])
def test_data_sets_without_cells_and_places_of_any_script(workplace: Path, to: str, out: str) -> None:
    with DatasetWriter("größe", name="日本", classes=(), licence="©", source="é") as writer:
        writer.add("組織 ä", Cells.empty(classes=(), shape=(4, 4)), pixels=np.zeros((4, 4, 3), np.uint8))
    run(f"data export größe {out} --format {to}")
    if to == "anndata":
        assert anndata.read_h5ad(out).uns["images"].index.tolist() == ["組織 ä"]
    elif to == "coco":
        assert json.loads(Path(out).read_text())["images"][0]["file_name"] == "組織 ä.png"
    else:
        assert Path(out).read_text() == "image,x,y,label,split,group,mpp\n"


def test_one_split_alone(workplace: Path, capsys) -> None:
    run("data export set out.json --format coco --split test --json")
    summary = json.loads(capsys.readouterr().out)
    assert (summary["path"], summary["images"]) == ("out.json", 1)
    assert sum(summary["cells"].values()) + summary["unlabelled"] == 5
    assert [image["file_name"] for image in json.loads(Path("out.json").read_text())["images"]] == ["c d.png"]


@pytest.mark.parametrize(("to", "out"), [("coco", "out.json"), ("csv", "out.csv"), ("anndata", "out.h5ad")])
def test_a_file_is_replaced_only_when_asked(workplace: Path, refuse, to: str, out: str) -> None:
    Path(out).write_text("mine")
    refuse(f"data export set {out} --format {to}", f"{out} exists; choose another output path or pass --overwrite")
    run(f"data export set {out} --format {to} --overwrite")
    assert Path(out).read_bytes() != b"mine"


def test_a_folder_is_replaced_only_when_asked_and_ours(workplace: Path, refuse, capsys) -> None:
    run("data export set out --format geojson --split test")
    capsys.readouterr()
    refuse("data export set out --format geojson", "out exists and is not empty")
    run("data export set out --format geojson --overwrite")
    run("data export set out --format geojson --split training --overwrite")
    assert os.listdir("out") == ["a.geojson"]
    capsys.readouterr()
    Path("out/regions.geojson").write_text("drawn by hand")
    refuse("data export set out --format geojson --overwrite", "holds 'regions.geojson', which no such output has")


BAD = {
    "data export nowhere out.json --format coco": "nowhere does not exist",
    "data export set out.json --format csv": "out.json must end in .csv or .parquet, as files of the format csv do",
    "data export set out.csv --format coco": "out.csv must end in .json, as files of the format coco do",
    "data export set out --format anndata": "out must end in .h5ad",
    "data export set set/cells.parquet --format csv --overwrite": "lies in the data set, which holds nothing but its",
    "data export set set/out --format geojson": "lies in the data set, which holds nothing but its own files",
    "data export set file --format geojson": "is a file where a folder is to be written",
    "data export set file/out.json --format coco": "cannot be written",
    "data export set taken.json --format coco --overwrite": "is a folder where a file is to be written",
    "data export layouts out.json --format coco": "'l' is a layout without an image, which COCO cannot hold",
    "data export layouts out.json --format coco --split test": "has no image in split 'test'",
    "data import coco file again": "file is not valid JSON in UTF-8",
    "data import bcdata . again": "is not BCData in its released layout",
    "data import crchistophenotypes . again": "is not CRCHistoPhenotypes in its released layout",
    "data import psu . again": "holds 0 images called",
    "data import nucls . again": "is not NuCLS",
    "data import psu . again --fold 1": "the reader psu has no option 'fold'",
}


@pytest.mark.parametrize("command", BAD)
def test_bad_requests_are_told_in_one_line(workplace: Path, refuse, command: str) -> None:
    Path("file").write_text("mine")
    Path("taken.json").mkdir()
    with DatasetWriter("layouts", name="l", classes=("blue",), licence="CC0", source="a test") as writer:
        writer.add("l", Cells([[1, 1]], [0], classes=("blue",), shape=(4, 4)))
    refuse(command, BAD[command])


def test_layouts_can_be_exported_to_what_needs_no_images(workplace: Path) -> None:
    with DatasetWriter("layouts", name="l", classes=("blue",), licence="CC0", source="a test") as writer:
        writer.add("l", Cells([[1, 1]], [0], classes=("blue",), shape=(4, 4)))
    for to, out in (("csv", "out.csv"), ("anndata", "out.h5ad"), ("geojson", "out")):
        run(f"data export layouts {out} --format {to}")
    assert pd.read_csv("out.csv").to_dict("records")[0]["label"] == "blue"


def test_the_readers_of_releases_are_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for split, name in (("train", "train_1"), ("test", "test_1")):
        Path(split, "images").mkdir(parents=True)
        Path(split, "labels").mkdir()
        Image.new("RGB", (30, 20)).save(Path(split, "images", f"{name}.png"))
        Path(split, "labels", f"{name}.csv").write_text("7,3,0\n29,19,1\n")
    Path("label_map.yaml").write_text("0: tumor_any\n1: sTIL\n")
    run("data import nucls . ../again-nucls --mpp 0.5")
    cells = cells_of("../again-nucls")
    assert cells["train_1"].xy.tolist() == [[7.5, 3.5], [29.5, 19.5]]
    assert cells["test_1"].label_names() == ["tumor_any", "sTIL"]
