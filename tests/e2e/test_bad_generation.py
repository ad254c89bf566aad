"""Generating with options, places and layouts that make no sense: one line, exit code 2, nothing written or lost."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cellweave.cli.main import main
from cellweave.core import Cells
from cellweave.data import CellDataset, DatasetWriter

CLASSES = ("lymphocyte", "tumor", "stromal")
COMMANDS = {
    "layouts": "generate layouts --model lay --count 3 --device cpu --out out",
    "images": "generate images --model img --layouts drawn --device cpu --out out",
    "dataset": "generate dataset --layouts lay --images img --count 2 --device cpu --out out",
}

OF_ALL = {
    "--seed -1": "Invalid value for '--seed'",
    "--seed 4294967296": "a seed is a number from 0 to 4294967295, got 4294967296",
    "--batch-size 0": "the batch size must be at least 1, got 0",
    "--device gpu": "a device is auto, cpu, cuda, cuda:N or mps, got 'gpu'",
    "--out=": ". is the folder you are in, or holds it; give the path of an output of its own",
    "--out .": ". is the folder you are in, or holds it",
    "--out ..": ".. is the folder you are in, or holds it",
    "--out /": "/ is the folder you are in, or holds it",
    "--out file": "file is a file where a folder is to be written; choose another output path",
    "--out file/out": "cannot be written (Not a directory); choose another output path",
    "--out /dev/null/out": "cannot be written (Not a directory); choose another output path",
    "--out full": "full exists and is not empty; choose another output folder or pass --overwrite",
    "--out full --overwrite": "full is not a data set and is not overwritten; choose another output folder",
    "--out set": "set exists and is not empty; choose another output folder or pass --overwrite",
    "--out localiser --overwrite": "localiser is not a data set and is not overwritten",
}
OF_LAYOUTS = {
    "--count 0": "a data set has 1 to 1,000,000 samples, got a count of 0",
    "--count -1": "a data set has 1 to 1,000,000 samples, got a count of -1",
    "--count 1000000000000": "got a count of 1000000000000; for more, make several with other seeds",
    "--category 2": "there is no counting category 2; the model has 2, from 0",
    "--category -1": "there is no counting category -1; the model has 2, from 0",
}
OF_SAMPLERS = {
    "--sampler euler": "sampler: name = 'euler' does not fit: Input should be 'ddpm', 'ddim', ",
    "--steps 0": "sampler: steps = 0 does not fit: Input should be greater than or equal to 1",
    "--steps 1001": "the sampler would take 1001 steps, but the model has 1000 noise levels; take at most as many",
}
OPTIONS = {
    "layouts": OF_ALL
    | OF_LAYOUTS
    | OF_SAMPLERS
    | {
        "--model nope": "'nope' is no model folder; shipped models are",
        "--model=": "'' is no model folder; shipped models are",
        "--model set": "model folder set has no config.json; give the folder that `cellweave train` made",
        "--model img": "img/config.json is of format 'cellweave-images', not 'cellweave-layouts'",
        "--model localiser": "localiser/config.json is of format 'cellweave-locator', not 'cellweave-layouts'",
        "--out lay --overwrite": "lay is, lies in or holds lay, which is read; choose another output path",
        "--out lay/out": "lay/out is, lies in or holds lay, which is read",
    },
    "images": OF_ALL
    | OF_SAMPLERS
    | {
        "--model lay": "lay/config.json is of format 'cellweave-layouts', not 'cellweave-images'",
        "--layouts nope": "nope does not exist; give a data set",
        "--layouts file": "file has no dataset.json; give a data set",
        "--layouts lay": "lay has no dataset.json; give a data set",
        "--split tset": "drawn has no image in split 'tset'; it has {'training': 3}",
        "--out drawn --overwrite": "drawn is, lies in or holds drawn, which is read",
        "--out drawn/out": "drawn/out is, lies in or holds drawn, which is read",
        "--out out/../drawn/out": "out/../drawn/out is, lies in or holds drawn, which is read",
        "--layouts set --out set --overwrite": "set is, lies in or holds set, which is read",
    },
    "dataset": OF_ALL
    | OF_LAYOUTS
    | {
        "--images lay": "lay/config.json is of format 'cellweave-layouts', not 'cellweave-images'",
        "--layouts img": "img/config.json is of format 'cellweave-images', not 'cellweave-layouts'",
        "--images nope": "'nope' is no model folder",
        "--out img/out": "img/out is, lies in or holds img, which is read",
    },
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_bad_options(workshop, refuse, kind):
    for options, message in OPTIONS[kind].items():
        refuse(f"{COMMANDS[kind]} {options}", message)


def test_a_model_without_categories_is_asked_for_one(workshop, refuse, tiny_recipes, capsys):
    words = ["--data", "set", "--device", "cpu", "--steps", "1", "--out", "plain", *tiny_recipes["layouts"]]
    assert main(["train", "layouts", *words, "--set", "condition=none"]) == 0
    capsys.readouterr()
    refuse(
        "generate layouts --model plain --category 0 --out out",
        "there is no counting category 0; the model has none: leave it out",
    )


def test_models_that_do_not_fit_one_another(workshop, refuse):
    config = json.loads(Path("img/config.json").read_text())
    Path("img/config.json").write_text(json.dumps(config | {"mpp": 0.25}))
    refuse(COMMANDS["dataset"], "img cannot paint what lay draws: layout 0 has 0.5 µm per pixel, the image model 0.25")


def write_layouts(*frames, cells=1, classes=CLASSES, mpp=0.5):
    shutil.rmtree("drawn")
    with DatasetWriter("drawn", name="", classes=classes, licence="", source="") as writer:
        for number, shape in enumerate(frames):
            labels = np.zeros(cells, int) if classes else None
            places = Cells(np.full((cells, 2), 0.5), labels, classes=classes, shape=shape, mpp=mpp)
            writer.add(f"layout {number}", places)


def edit_table(path, column, value):
    table = pd.read_parquet(path)
    table[column] = [value, *table[column][1:]]
    table.to_parquet(path, index=False)


LAYOUTS = {
    "no images": (lambda: write_layouts(), "drawn/images.parquet has no images; import some"),
    "other classes": (
        lambda: write_layouts((64, 64), classes=("a", "b")),
        "image 'layout 0' of drawn cannot be painted: layout 0 has the classes ['a', 'b'], the image model",
    ),
    "another order of classes": (
        lambda: write_layouts((64, 64), classes=CLASSES[::-1]),
        "layout 0 has the classes ['stromal', 'tumor', 'lymphocyte'], the image model",
    ),
    "no classes": (lambda: write_layouts((64, 64), classes=()), "layout 0 has the classes [], the image model"),
    "another scale": (
        lambda: write_layouts((64, 64), mpp=0.25),
        "layout 0 has 0.25 µm per pixel, the image model 0.5; use models that were trained at one scale",
    ),
    "no pixel": (
        lambda: write_layouts((64, 64), (0, 5), cells=0),
        "image 'layout 1' of drawn cannot be painted: layout 1 has a frame of 5×0 pixels; an image has at least one",
    ),
    "too many pixels": (
        lambda: write_layouts((40_000, 50_000)),
        "has a frame of 50000×40000 pixels; an image has at least one and at most 178,956,970",
    ),
    "unknown split": (
        lambda: edit_table("drawn/images.parquet", "split", "train"),
        "image 'sample-000000' of drawn cannot be painted: its split is 'train'; the splits are",
    ),
    "cell outside": (
        lambda: edit_table("drawn/cells.parquet", "x", 1e5),
        "drawn/cells.parquet: image 'sample-0000",
    ),
    "name that leaves": (
        lambda: edit_table("drawn/images.parquet", "image", "../evil"),
        "drawn/images.parquet: image name '../evil' cannot be a file name",
    ),
    "name twice": (
        lambda: edit_table("drawn/images.parquet", "image", "sample-000001"),
        "drawn/images.parquet names the image 'sample-000001' twice",
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_bad_layouts(workshop, refuse, name):
    damage, message = LAYOUTS[name]
    damage()
    refuse(COMMANDS["images"], message)


def test_frames_of_any_size_are_painted(workshop):
    frames = [(1, 1), (3, 5), (64, 31), (64, 31), (33, 64)]
    write_layouts(*frames)
    assert main(COMMANDS["images"].split()) == 0
    painted = CellDataset.open("out")
    assert [painted.read_image(name).shape[:2] for name in painted.names()] == frames


@pytest.mark.parametrize("cells", [0, 5])
def test_layouts_without_cells_or_with_all_in_one_place_are_painted(workshop, cells):
    write_layouts((64, 64), cells=cells)
    assert main(COMMANDS["images"].split()) == 0
    assert len(CellDataset.open("out").read_cells("layout 0")) == cells


def unfinished(text):
    os.mkdir(".out.unfinished")
    Path(".out.unfinished/run.json").write_text(text)


TAKEN = {
    "a file": lambda: Path(".out.unfinished").write_text("mine"),
    "a folder": lambda: (os.mkdir(".out.unfinished"), Path(".out.unfinished/mine.txt").write_text("mine")),
    "a link": lambda: os.symlink("full", ".out.unfinished"),
}


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("overwrite", ["", " --overwrite"])
@pytest.mark.parametrize("kind", COMMANDS)
def test_what_is_not_an_unfinished_run_is_left_alone(workshop, refuse, kind, overwrite, name):
    TAKEN[name]()
    refuse(COMMANDS[kind] + overwrite, ".out.unfinished is where unfinished samples are kept, and is something else")


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, '{"layouts": {}}'], ids=["cut", "list", "deep", "other"])
def test_another_unfinished_run_is_thrown_away_only_when_asked_to(workshop, refuse, text):
    unfinished(text)
    refuse(COMMANDS["layouts"], ".out.unfinished holds an unfinished run with other settings; give the same settings")
    assert main([*COMMANDS["layouts"].split(), "--overwrite"]) == 0
    assert not Path(".out.unfinished").exists()


def test_a_link_to_itself_is_no_place(workshop, refuse):
    os.symlink("out", "out")
    refuse(COMMANDS["dataset"], "out is a symbolic link that leads to itself; choose another output path")


def test_links_lead_to_the_output(workshop):
    os.symlink("elsewhere", "out")
    assert main(COMMANDS["layouts"].split()) == 0
    assert Path("out").is_symlink()
    assert CellDataset.open("elsewhere").names() == CellDataset.open("drawn").names()


def test_overwriting_replaces_a_data_set(workshop):
    shutil.copytree("set", "out")
    assert main([*COMMANDS["layouts"].split(), "--overwrite"]) == 0
    assert not list(Path("out/images").iterdir())
    assert len(CellDataset.open("out").names()) == 3


def test_a_data_set_says_where_every_sample_comes_from(workshop):
    assert main(COMMANDS["dataset"].split()) == 0
    table = pd.read_parquet("out/provenance.parquet")
    assert table["category"].tolist() == [0, 1]
    assert table["layout_model"].str.len().tolist() == table["image_model"].str.len().tolist() == [64, 64]
    assert table[["seed", "layout_sampler_steps", "sampler_steps"]].to_numpy().tolist() == 2 * [[0, 3, 3]]
