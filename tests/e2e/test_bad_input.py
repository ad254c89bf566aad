"""Bad input through the command line: one line that names what is wrong and what helps, exit code 2, nothing left."""

import json
import os
import shutil
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cellweave.cli.main import main
from cellweave.core import Cells
from cellweave.data import DatasetWriter


def cut(path, share=0.5):
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[: int(len(whole) * share)])


def claim_size(path, width, height):
    """Let the header of a PNG claim another size."""
    whole = Path(path).read_bytes()
    header = b"IHDR" + struct.pack(">II", width, height) + whole[24:29]
    Path(path).write_bytes(whole[:12] + header + struct.pack(">I", zlib.crc32(header)) + whole[33:])


def edit_json(path, **changes):
    Path(path).write_text(json.dumps(json.loads(Path(path).read_text()) | changes))


def edit_table(path, column, value, row=0):
    table = pd.read_parquet(path)
    table[column] = [value if i == row else old for i, old in enumerate(table[column])]
    table.to_parquet(path, index=False)


IMAGES = {
    "missing": (lambda: os.remove("a.png"), "a.png does not exist; give the path of an image file"),
    "empty": (lambda: Path("a.png").write_bytes(b""), "a.png is not an image that can be read (0 bytes); export it"),
    "text": (lambda: Path("a.png").write_text("hello"), "a.png is not an image that can be read (5 bytes); export it"),
    "truncated": (lambda: cut("a.png"), "a.png is damaged or cut short (image file is truncated); copy or export it"),
    "16-bit grey": (
        lambda: cv2.imwrite("a.png", np.zeros((8, 8), np.uint16)),
        "a.png has pixels of more than 8 bits a colour; convert it to 8-bit RGB first",
    ),
    "16-bit colour": (
        lambda: cv2.imwrite("a.png", np.zeros((8, 8, 3), np.uint16)),
        "a.png has pixels of more than 8 bits a colour; convert it to 8-bit RGB first",
    ),
    "60,000 pixels wide": (lambda: claim_size("a.png", 60_000, 60_000), "a.png has more than 178,956,970 pixels; cut"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_bad_images(place, refuse, name):
    damage, message = IMAGES[name]
    damage()
    refuse("locate a.png --model model --out out", message)


@pytest.mark.parametrize("name", [name for name in IMAGES if name != "missing"])
def test_bad_images_among_others(place, refuse, name):
    damage, message = IMAGES[name]
    damage()
    shutil.move("a.png", "images/a.png")
    refuse("locate images --model model --out out", message)
    refuse("data import points-csv points.csv out --images images", message)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_unusual_images_are_fine(place, noise, mode):
    Image.fromarray(noise).convert(mode).save('ü\'s 1,"2".tif')
    assert main(["locate", 'ü\'s 1,"2".tif', "--model", "model", "--out", "out", "--device", "cpu"]) == 0
    assert sorted(os.listdir("out")) == ["cells.csv", "cells.geojson", "cells.h5ad", "cells.parquet", "overlay.png"]


def test_one_pixel_is_an_image(place, capsys):
    Image.new("RGB", (1, 1), "white").save("a.png")
    assert main(["locate", "a.png", "--model", "model", "--out", "out"]) == 0
    assert "0 cells in 1 image," in capsys.readouterr().out


MODELS = {
    "no folder": (lambda: shutil.rmtree("model"), "'model' is no model folder; shipped models are"),
    "no weights": (
        lambda: os.remove("model/model.safetensors"),
        "model has no model.safetensors; copy the whole folder, or train again",
    ),
    "weights cut": (lambda: cut("model/model.safetensors"), "model.safetensors is damaged"),
    "no config": (lambda: os.remove("model/config.json"), "model has no config.json; give the folder that"),
    "unfinished": (
        lambda: (os.remove("model/config.json"), Path("model/training").mkdir()),
        "its training has not finished: give the training command again",
    ),
    "config cut": (lambda: cut("model/config.json"), "model/config.json is not valid JSON"),
    "other kind": (lambda: edit_json("model/config.json", format="x"), "is of format 'x', not 'cellweave-locator'"),
    "later version": (lambda: edit_json("model/config.json", version=2), "model is of version 2, this program reads 1"),
    "no classes": (
        lambda: edit_json("model/config.json", classes=[]),
        "model.safetensors does not fit model/config.json; copy the whole folder again",
    ),
    "bad colour": (
        lambda: edit_json("model/config.json", classes=[{"name": "a", "colour": "red"}]),
        "model/config.json: the colour of class 'a' is 'red'; write it as #rrggbb",
    ),
    "bad scale": (lambda: edit_json("model/config.json", mpp=-1), "model/config.json: mpp (µm per pixel) must be"),
    "bad recipe": (
        lambda: edit_json("model/config.json", recipe={"network": {"widths": [0]}}),
        "model/config.json: network.widths = [0] does not fit: widths must be one or more positive numbers",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_bad_models(place, refuse, name):
    damage, message = MODELS[name]
    damage()
    refuse("locate a.png --model model --out out", message)


def test_a_model_or_a_data_set_given_for_the_other(place, refuse):
    refuse("locate a.png --model set --out out", "model folder set has no config.json; give the folder")
    refuse("data check model", "model has no dataset.json; give a data set made by")
    refuse("train locator --data images --out out --steps 2", "images has no dataset.json; give a data set")


DATASETS = {
    "json cut": (lambda: cut("set/dataset.json"), "set/dataset.json is not valid JSON"),
    "json nested": (lambda: Path("set/dataset.json").write_text("[" * 100_000), "set/dataset.json is not valid JSON"),
    "later version": (lambda: edit_json("set/dataset.json", version=2), "set/dataset.json is of version 2, this"),
    "class twice": (
        lambda: edit_json("set/dataset.json", classes=2 * [{"name": "red", "colour": "#ff0000"}]),
        "set/dataset.json has the class 'red' twice",
    ),
    "bad colour": (
        lambda: edit_json("set/dataset.json", classes=[{"name": "red", "colour": "red"}]),
        "set/dataset.json: the colour of class 'red' is 'red'; write it as #rrggbb",
    ),
    "table missing": (lambda: os.remove("set/cells.parquet"), "set/cells.parquet is missing; copy the whole data set"),
    "table cut": (lambda: cut("set/images.parquet"), "set/images.parquet cannot be read"),
    "image twice": (
        lambda: edit_table("set/images.parquet", "image", "i1"),
        "set/images.parquet names the image 'i1' twice; import the data again",
    ),
    "name that leaves": (
        lambda: edit_table("set/images.parquet", "image", "../../evil"),
        "set/images.parquet: image name '../../evil' cannot be a file name",
    ),
    "file that leaves": (
        lambda: edit_table("set/images.parquet", "file", "../a.png"),
        "set/images.parquet: file '../a.png' of image 'i0' leaves the data set",
    ),
    "scale of 0": (
        lambda: edit_table("set/images.parquet", "mpp", 0.0),
        "set/images.parquet: image 'i0': mpp (µm per pixel) must be a positive number",
    ),
    "cell outside": (lambda: edit_table("set/cells.parquet", "x", 64.0), "set/cells.parquet: image 'i0': xy[0] is"),
    "cell nowhere": (lambda: edit_table("set/cells.parquet", "y", np.nan), "set/cells.parquet: image 'i0': xy[0] is"),
    "unknown class": (
        lambda: edit_table("set/cells.parquet", "label", "alien"),
        "set/cells.parquet: image 'i0' has a cell of class 'alien', which is not among",
    ),
    "image cut": (lambda: cut("set/images/i0.png"), "set/images/i0.png is damaged or cut short"),
    "other image": (
        lambda: Image.new("RGB", (8, 8)).save("set/images/i0.png"),
        "set/images/i0.png is 8×8, but images.parquet says 64×48; import the data again",
    ),
}


@pytest.mark.parametrize("name", DATASETS)
def test_bad_data_sets(place, refuse, small_run, name):
    damage, message = DATASETS[name]
    damage()
    refuse("locate --data set --model model --out out", message)
    refuse(f"train locator --data set --out out {small_run}", message)


def write_training_images(groups, *, cells=1):
    """Replace the data set by training images without classes and without scale."""
    with DatasetWriter("set", name="set", classes=(), licence="CC0", source="a test", overwrite=True) as writer:
        for number, group in enumerate(groups):
            places = Cells([[9.0, 9.0 + i] for i in range(cells)], classes=(), shape=(48, 64))
            writer.add(f"ü's {number}", places, pixels=np.full((48, 64, 3), 90 * number, np.uint8), group=group)


def test_data_sets_that_cannot_be_learnt_from(place, refuse, small_run):
    command = f"train locator --data set --out out {small_run}"
    write_training_images("aaa")
    refuse(command, "needs training images of at least two groups (patients or slides), got 3 images of 1")
    write_training_images("abc", cells=0)
    refuse(command, "the training images of set have no cells; nothing can be learnt")
    images = pd.read_parquet("set/images.parquet")
    images.assign(split="test").to_parquet("set/images.parquet")
    refuse(command, "set has no image in split 'training'; it has {'test': 3}")
    images.iloc[:0].to_parquet("set/images.parquet")
    refuse(command, "set/images.parquet has no images; import some")
    refuse("locate --data set --model model --out out", "set/images.parquet has no images; import some")


def test_points_without_classes_are_learnt_and_found(place, small_run, capsys):
    write_training_images("ab", cells=3)
    assert main(["train", "locator", "--data", "set", "--out", "run", *small_run.split()]) == 0
    assert main(["locate", "--data", "set", "--model", "run", "--out", "out"]) == 0
    table = pd.read_csv("out/cells.csv")
    assert f"\n{len(table)} cells in 2 images," in capsys.readouterr().out
    assert table["label"].isna().all()
