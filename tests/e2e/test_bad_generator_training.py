"""Training generators from recipes and data sets that make no sense: one line, exit code 2, nothing written or lost."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cellweave.cli.main import main
from cellweave.core import Cells
from cellweave.data import DatasetWriter

KINDS = ("layouts", "images")
OPTIONS = {
    "": "give the budget as --steps or as --minutes, one of the two",
    "--steps 2 --minutes 1": "give the budget as --steps or as --minutes, one of the two",
    "--steps 0": "--steps must be at least 1, got 0",
    "--minutes 0": "--minutes must be a positive number, got 0",
    "--minutes nan": "--minutes must be a positive number, got nan",
    "--minutes inf": "--minutes must be a positive number, got inf",
    "--steps 2 --seed -1": "Invalid value for '--seed'",
    "--steps 2 --device gpu": "a device is auto, cpu, cuda, cuda:N or mps, got 'gpu'",
    "--steps 2 --recipe nope": "there is no recipe 'nope' of kind",
    "--steps 2 --set fit.batch_size=2026-13-45": "the value of 'fit.batch_size=2026-13-45' is not valid YAML",
    f"--steps 2 --set fit.batch_size={'9' * 5000}": "999…' is not valid YAML",
    "--steps 2 --recipe no.yaml": "recipe no.yaml cannot be read",
    "--steps 2 --recipe folder.yaml": "recipe folder.yaml cannot be read",
    "--steps 2 --recipe bytes.yaml": "recipe bytes.yaml cannot be read",
    "--steps 2 --recipe cut.yaml": "cut.yaml is not valid YAML",
    "--steps 2 --recipe list.yaml": "list.yaml must hold keys and values, it holds a list",
    "--steps 2 --recipe tags.yaml": "tags.yaml is not valid YAML (could not determine a constructor for the tag",
    "--steps 2 --set garbage": "a change of a recipe has the form a.b=value, got 'garbage'",
    "--steps 2 --set a=1": "recipe default: a = 1 does not fit: Extra inputs are not permitted",
    "--steps 2 --set fit.batch_size=0": "fit.batch_size = 0 does not fit",
    "--steps 2 --set network.widths=[]": "there must be 1 to 8 widths, one a level",
    "--steps 2 --set network.widths=[8,8,8,8,8,8,8,8,8]": "there must be 1 to 8 widths, one a level",
    "--steps 2 --set network.widths=[7]": "widths must be multiples of 8, up to 4096",
    "--steps 2 --set network.widths=[8000000]": "widths must be multiples of 8, up to 4096",
    "--steps 2 --set network.blocks=1000000000": "network.blocks = 1000000000 does not fit",
    "--steps 2 --set process.steps=1000000000": "process.steps = 1000000000 does not fit",
    "--steps 2 --set process.snr_shift=.inf": "process.snr_shift = inf does not fit",
    "--steps 2 --set process.steps=2": "a sampler takes at most the 2 steps of its process",
    "--steps 2 --set network.attention_levels=[5]": "attention level 5 is not one of the 2 levels, from 0",
    "--steps 2 --set network.head_channels=5": "16 channels cannot be divided among heads of about 5",
    "--steps 2 --set network.fold=3": "must be a multiple of",
    "--steps 2 --set process.steps=1": "process.steps = 1 does not fit",
    "--steps 2 --set sampler.steps=0": "sampler.steps = 0 does not fit",
    "--steps 2 --out file": "file is a file; give a folder for the model with --out",
    "--steps 2 --out file/out": "cannot be written (Not a directory); choose another output path",
    "--steps 2 --out full --overwrite": "full exists and is not a training run; give another --out",
    "--steps 2 --out set --overwrite": "set exists and is not a training run; give another --out",
    "--steps 2 --out drawn --overwrite": "drawn exists and is not a training run; give another --out",
    "--steps 2 --out lay": "lay holds a run with another",
    "--steps 2 --out img": "img holds a run with another",
}
OF_LAYOUTS = {
    "--seed 4294967296": "a seed is a number from 0 to 4294967295, got 4294967296",
    "--set frame.crop_px=128": "no training image is as large as the crop of 128 px",
    "--set frame.crop_px=65": "crop_px 65 must be a multiple of reduce 2",
    "--set frame.pad_px=3": "which must be a multiple of 4, the network's stride; change frame.crop_px or frame.pad_px",
    "--set categories=101": "categories = 101 does not fit",
    "--set categories=100": "do not tell 100 counting categories apart",
}
OF_IMAGES = {
    "--set crop_px=128": "no training image is as large as the crop of 128 px",
    "--set crop_px=33": "crop_px 33 must be a multiple of",
}


@pytest.fixture
def refuse_training(workshop, refuse, tiny_recipes):
    """A function that checks that a training of a kind of model is refused with some options."""

    def check(kind, options, message):
        refuse(f"train {kind} --data set --device cpu --out out {' '.join(tiny_recipes[kind])} {options}", message)

    return check


def write_bad_recipes():
    os.mkdir("folder.yaml")
    Path("bytes.yaml").write_bytes(b"\xff\xfe\x00\x01")
    Path("cut.yaml").write_text("network: {widths: [8")
    Path("list.yaml").write_text("- network\n")
    Path("tags.yaml").write_text("crop_px: !!python/object/apply:os.system ['touch pwned']\n")


@pytest.mark.parametrize("kind", KINDS)
def test_bad_options(refuse_training, kind):
    write_bad_recipes()
    for options, message in OPTIONS.items():
        refuse_training(kind, options, message)
    for options, message in (OF_LAYOUTS if kind == "layouts" else OF_IMAGES).items():
        refuse_training(kind, f"--steps 2 {options}", message)


def edit_json(path, **changes):
    Path(path).write_text(json.dumps(json.loads(Path(path).read_text()) | changes))


def edit_images(column, value):
    """Change a column of a training image, the second."""
    table = pd.read_parquet("set/images.parquet")
    row = int(np.flatnonzero(table["split"] == "training")[1])
    table[column] = [value if i == row else old for i, old in enumerate(table[column])]
    table.to_parquet("set/images.parquet", index=False)
    return table["image"][row]


def edit_cells(change):
    change(pd.read_parquet("set/cells.parquet")).to_parquet("set/cells.parquet", index=False)


def write_set(*, classes=("a", "b"), split="training", shape=(96, 96), cells=6, labels=True):
    """Replace the data set by three images."""
    shutil.rmtree("set")
    rng = np.random.default_rng(0)
    with DatasetWriter("set", name="", classes=classes, licence="", source="") as writer:
        for number in range(3):
            known = np.zeros(cells, int) if labels and classes else None
            places = Cells(rng.uniform(0, min(shape), (cells, 2)), known, classes=classes, shape=shape, mpp=0.5)
            writer.add(str(number), places, pixels=np.zeros((*shape, 3), np.uint8), split=split)


DATA = {
    "missing": (lambda: shutil.rmtree("set"), "set does not exist; give a data set"),
    "a model": (lambda: (shutil.rmtree("set"), os.rename("lay", "set")), "set has no dataset.json; give a data set"),
    "later version": (lambda: edit_json("set/dataset.json", version=2), "set/dataset.json is of version 2, this"),
    "table missing": (lambda: os.remove("set/cells.parquet"), "set/cells.parquet is missing"),
    "no training split": (lambda: write_set(split="test"), "set has no image in split 'training'; it has {'test': 3}"),
    "no classes": (lambda: write_set(classes=()), "set has no classes"),
    "no cells": (lambda: write_set(cells=0), "the training images of set have no cell of a known class"),
    "no known class": (lambda: write_set(labels=False), "the training images of set have no cell of a known class"),
    "small images": (lambda: write_set(shape=(30, 96)), "no training image is as large as the crop of"),
    "mixed scales": (
        lambda: edit_images("mpp", 0.25),
        "the training images of set differ in scale (0.25 to 0.5 µm per pixel), and a generative model needs one scale",
    ),
    "scale of 0": (lambda: edit_images("mpp", 0.0), "mpp (µm per pixel) must be a positive number"),
    "cell outside": (lambda: edit_cells(lambda cells: cells.assign(x=1e5)), "outside the 96×96 (width×height) frame"),
    "unknown class": (lambda: edit_cells(lambda cells: cells.assign(label="alien")), "has a cell of class 'alien'"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DATA)
def test_bad_data_sets(refuse_training, kind, name):
    damage, message = DATA[name]
    damage()
    refuse_training(kind, "--steps 2", message)


def replace_image(write):
    write(Path(f"set/images/{edit_images('split', 'training')}.png"))


IMAGES = {
    "missing": (lambda: replace_image(os.remove), "does not exist; give the path of an image file"),
    "cut": (lambda: replace_image(lambda path: path.write_bytes(path.read_bytes()[:2000])), "is damaged or cut short"),
    "text": (lambda: replace_image(lambda path: path.write_text("x")), "is not an image that can be read (1 bytes)"),
    "another size": (lambda: edit_images("width", 200), "is 96×96, but images.parquet says 200×96; import the data"),
    "a layout": (lambda: edit_images("file", ""), "is a layout without an image file"),
    "elsewhere": (lambda: edit_images("file", "../full/thesis.txt"), "leaves the data set"),
}


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("out", ["out", "img --overwrite"])
def test_bad_images_are_found_before_anything_is_written_or_thrown_away(refuse_training, out, name):
    damage, message = IMAGES[name]
    damage()
    refuse_training("images", f"--steps 2 --out {out}", message)


@pytest.mark.parametrize("kind", KINDS)
def test_one_image_is_enough(workshop, tiny_recipes, kind):
    table = pd.read_parquet("set/images.parquet")
    table[table["split"] == "training"].iloc[:1].to_parquet("set/images.parquet", index=False)
    words = ["--data", "set", "--device", "cpu", "--steps", "1", "--out", "out", *tiny_recipes[kind]]
    assert main(["train", kind, *words]) == 0


def test_training_anew_over_another_kind_of_model_leaves_a_model_of_the_new_kind(workshop, tiny_recipes):
    words = ["--data", "set", "--device", "cpu", "--steps", "1", "--out", "img", *tiny_recipes["layouts"]]
    assert main(["train", "layouts", *words, "--overwrite"]) == 0
    assert main(["generate", "layouts", "--model", "img", "--count", "1", "--out", "out"]) == 0
