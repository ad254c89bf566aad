"""Options and tables that make no sense: one line that names what is wrong, exit code 2, nothing left behind."""

import os
from pathlib import Path

import pandas as pd
import pytest

from cellweave.cli.main import main

LOCATE = {
    "locate --out out": "give an image or a folder of images, or a data set with --data, one of the two",
    "locate a.png --data set --out out": "one of the two",
    "locate a.png --out out --split test": "--split test needs a data set; give it with --data",
    "locate images --out out --split test": "needs a data set, and images has no dataset.json",
    "locate full --out out": "full holds no image (.png,",
    "locate --data a.png --out out": "a.png is no folder; give a data set",
    "locate --data nowhere --out out": "nowhere does not exist; give a data set",
    "locate --data set --split tset --out out": "set has no image in split 'tset'; it has {'training': 2,",
    "locate --data set --mpp 0.25 --out out": "--mpp 0.25 is given, but set knows its scale (0.5); leave it out",
    "locate a.png --mpp 0 --out out": "image a: mpp (µm per pixel) must be a positive number",
    "locate a.png --mpp -1 --out out": "image a: mpp (µm per pixel) must be a positive number",
    "locate a.png --mpp nan --out out": "image a: mpp (µm per pixel) must be a positive number",
    "locate a.png --mpp 500 --out out": "64×48 pixels at 500 µm per pixel would have 64000×48000 at 0.5; is its mpp",
    "locate a.png --mpp 0.0005 --out out": "is its mpp right?",
    "locate a.png --device gpu --out out": "a device is auto, cpu, cuda, cuda:N or mps, got 'gpu'",
    "locate a.png --precision fp16 --out out": "precision is one of auto, fp32, bf16, got 'fp16'",
    "locate a.png --out file": "file is a file where a folder is to be written; choose another output path",
    "locate a.png --out file/out": "file/out cannot be written (Not a directory); choose another output path",
    "locate a.png --out full": "full exists and is not empty; choose another output folder or pass --overwrite",
    "locate a.png --out full --overwrite": "full holds 'thesis.txt', which no such output has, so it is not replaced",
    "locate images --out images --overwrite": "images holds 'a.png', which no such output has",
    "locate a.png --out .": ". is the folder you are in, or holds it; give the path of an output of its own",
    "locate a.png --out .. --overwrite": ".. is the folder you are in, or holds it",
}


@pytest.mark.parametrize("command", LOCATE)
def test_bad_locating(place, refuse, command):
    refuse(f"{command} --model model", LOCATE[command])


def test_no_model(place, refuse):
    refuse("locate a.png --out out --model=", "'' is no model folder; shipped models are")


TRAIN = {
    "": "give the budget as --steps or as --minutes, one of the two",
    "--steps 3 --minutes 1": "give the budget as --steps or as --minutes, one of the two",
    "--steps 0": "--steps must be at least 1, got 0",
    "--minutes -1": "--minutes must be a positive number, got -1",
    "--minutes nan": "--minutes must be a positive number, got nan",
    "--steps 3 --recipe nope": "there is no recipe 'nope' of kind 'locator'; there are ['default'",
    "--steps 3 --recipe no.yaml": "recipe no.yaml cannot be read",
    "--steps 3 --set garbage": "a change of a recipe has the form a.b=value, got 'garbage'",
    "--steps 3 --set a.b=[": "the value of 'a.b=[' is not valid YAML",
    "--steps 3 --set a=1": "recipe default: a = 1 does not fit: Extra inputs are not permitted; correct it",
    "--steps 3 --set fit.batch_size.x=1": "'fit.batch_size.x=1' cannot be applied: 'batch_size' is a value",
    "--steps 3 --set fit.learning_rate=.inf": "fit.learning_rate = inf does not fit: Input should be a finite number",
    "--steps 3 --set mpp=.nan": "mpp = nan does not fit",
    "--steps 3 --set mpp=1000": "set/images/i0.png: an image of 64×48 pixels at 0.5 µm per pixel would have 1×1 at",
    "--steps 3 --device gpu": "a device is auto, cpu, cuda, cuda:N or mps, got 'gpu'",
}


@pytest.mark.parametrize("options", TRAIN)
def test_bad_training(place, refuse, options):
    refuse(f"train locator --data set --out out {options}", TRAIN[options])


@pytest.mark.parametrize("overwrite", ["", " --overwrite"])
@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("file", "file is a file; give a folder for the model with --out"),
        ("file/out", "cannot be written (Not a directory); choose another output path"),
        ("/dev/null/out", "cannot be written (Not a directory); choose another output path"),
        ("full", "full exists and is not a training run; give another --out"),
        ("set", "set exists and is not a training run; give another --out"),
        ("photographs", "photographs exists and is not a training run; give another --out"),
    ],
)
def test_bad_places_for_a_training(place, refuse, small_run, out, message, overwrite):
    os.makedirs("photographs/training")
    Path("photographs/training/me.png").touch()
    refuse(f"train locator --data set --out {out} {small_run}{overwrite}", message)


POINTS = {
    "empty": (b"", "points.csv is empty; a table of points has the columns image, x, y"),
    "semicolons": (b"image;x;y\na;1;2\n", "points.csv lacks image, x, y; it has 'image;x;y': a table of points"),
    "no header": (b"a,1,2\n", "points.csv lacks image, x, y; it has 'a, 1, 2'"),
    "a column twice": (b"image,x,y,x\na,1,2,3\n", "points.csv has the column x 2 times; keep one of them"),
    "a long row": (b"image,x,y\na,1,2,3\n", "points.csv cannot be read as a table (Error tokenizing data"),
    "latin-1": ("image,x,y,label\na,1,2,gr\xfcn\n".encode("latin-1"), "points.csv is not text in UTF-8"),
    "UTF-16": ("image,x,y\na,1,2\n".encode("utf-16"), "points.csv is not text in UTF-8"),
    "an image": (b"\x89PNG\r\n\x1a\n", "points.csv is not text in UTF-8"),
    "no image": (b"image,x,y\n,1,2\n", "points.csv: row 1: image is empty; name the image of every row"),
    "NaN": (b"image,x,y\na,1,2\na,nan,2\n", "points.csv: row 2: x is 'nan', which is not a finite number; correct"),
    "infinity": (b"image,x,y\na,1,-inf\n", "points.csv: row 1: y is '-inf', which is not a finite number"),
    "decimal comma": (b'image,x,y\na,"1,5",2\n', "points.csv: row 1: x is '1,5', which is not a finite number"),
}
IMPORTED = {
    "no row": (b"image,x,y\n", "points.csv has no image to import"),
    "far outside": (b"image,x,y\na,1,1e300\n", "points.csv: row 1 (image a): x 1, y 1e+300 is not inside the image"),
    "unknown image": (b"image,x,y\nz,1,2\n", "points.csv: image 'z' is not in images (looked for .png,"),
    "image elsewhere": (b"image,x,y\n../a,1,2\n", "points.csv: image '../a' leaves the folder images"),
    "unknown split": (b"image,x,y,split\na,1,2,train\n", "points.csv: image 'a' has split 'train'; the splits are"),
    "a split twice": (b"image,x,y,split,split\na,1,2,test,test\n", "points.csv has the column split 2 times; keep"),
    "scale of 0": (b"image,x,y,mpp\na,1,2,0\n", "points.csv: image 'a' has mpp '0'; give a positive number"),
    "class all": (b"image,x,y,label\na,1,2,all\n", "a class cannot be called 'all'"),
}


@pytest.mark.parametrize("name", POINTS | IMPORTED)
def test_bad_points(place, refuse, name):
    text, message = (POINTS | IMPORTED)[name]
    Path("points.csv").write_bytes(text)
    refuse("data import points-csv points.csv out --images images", message)
    if name in POINTS:
        Path("other.csv").write_text("image,x,y\na,1,2\n")
        refuse("score cells --truth other.csv --pred points.csv --radius-px 5", message)
        refuse("score cells --truth points.csv --pred other.csv --radius-px 5", message)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffimage,x,y,label\n007,1,2,red\n",
        "image,x,y,label\r\n007,1,2,red\r\n",
        '"image","x","y","label"\n"007","1","2","red"\n',
        "label, y, x, image, note, note\n\nred, 2, 1, 007, a, b\n",
    ],
    ids=["BOM", "CRLF", "quoted", "other order"],
)
def test_tables_of_other_programs_are_fine(place, text):
    os.rename("images/a.png", "images/007.png")
    Path("points.csv").write_bytes(text.encode())
    assert main(["data", "import", "points-csv", "points.csv", "out", "--images", "images"]) == 0
    cells = pd.read_parquet("out/cells.parquet")
    assert cells[["image", "x", "y", "label"]].to_numpy().tolist() == [["007", 1.0, 2.0, "red"]]


COMMANDS = {
    "data import brca-m2c nowhere out": "nowhere is not a folder; give the folder that holds BRCA-M2C's images/",
    "data import brca-m2c images out": "images is not BRCA-M2C in its released layout: it needs images/, labels/",
    "data import qupath-geojson images out": "images holds no .geojson files; give the folder of QuPath's exports",
    "data import points-csv nowhere.csv out": "nowhere.csv does not exist; give a CSV or Parquet file",
    "data import points-csv points.csv out --images images --mpp 0": "mpp (µm per pixel) must be a positive number",
    "data import points-csv points.csv out --images images --classes red": "class 'blue' is not known; the classes are",
    "data import points-csv points.csv file --images images": "file is a file where a folder is to be written",
    "data import points-csv points.csv full --images images --overwrite": "full is not a data set and is not",
    "data check nowhere": "nowhere does not exist; give a data set made by `cellweave data import`",
    "data show set --out file/a.png": "file/a.png cannot be written (",
    "data show set --out b.png --beside set": "set is compared with itself; --beside needs the data set of the real",
    "data show set --out b.png --beside full --no-cells": "--beside draws conditions, never cells on images; leave",
    "data show set --out b.png --layouts": "--layouts compares with real layouts; give their data set with --beside",
    "data show set --out b.png --beside full --blind": "--blind and --seed mix layouts with real ones; give --layouts",
    "data show set --out b.png --beside full --layouts --no-cells": "--beside draws conditions, never cells on images",
    "data show set --out b.png --beside set --layouts": "set is compared with itself; --beside needs the data set of",
    "data show set --out a.png": "a.png exists; choose another output path or pass --overwrite",
    "data phantom out --images 5": "a phantom data set needs at least 6 images",
    "data phantom .": ". is the folder you are in, or holds it; give the path of an output of its own",
    "demo --out out --minutes -1": "--minutes must be a positive number, got -1",
    "demo --out out --device gpu": "a device is auto, cpu, cuda, cuda:N or mps, got 'gpu'",
    "score cells --truth points.csv --pred points.csv": "there is no radius to score at; give one, such as 6 px",
    "score cells --truth points.csv --pred points.csv --radius-px -5": "--radius-px -5: a length must be a positive",
    "score cells --truth points.csv --pred points.csv --radius-px nan": "--radius-px nan: a length must be a positive",
    "score cells --truth points.csv --pred points.csv --radius-px 5;6": "give numbers separated by commas",
    "score cells --truth points.csv --pred points.csv --radius-um 3": "image 'a': a length of 3 µm cannot be used on",
    "score cells --truth points.csv --pred a.png --radius-px 5": "a.png is not text in UTF-8",
    "score cells --truth points.csv --pred full --radius-px 5": "full holds neither cells.parquet nor cells.csv",
    "score cells --truth full --pred points.csv --radius-px 5": "full has no dataset.json; give a data set",
    "score cells --truth set --pred points.csv --radius-px 5": "points.csv: row 1 (image a): the data set set has no",
    "score cells --truth set --pred set --split tset --radius-px 5": "set has no image in split 'tset'",
    "score cells --truth points.csv --pred points.csv --split test --radius-px 5": "points.csv is a table, not a data",
    "score cells --truth points.csv --pred points.csv --radius-px 5 --out file": "file exists; choose another output",
    "score cells --truth points.csv --pred points.csv --radius-px 5 --overwrite --out points.csv": "points.csv is what",
    "score cells --truth set --pred points.csv --radius-px 5 --overwrite --out set/dataset.json": "which is to be read",
    "score cells --truth points.csv --pred points.csv --radius-px 5 --resamples 100000000000": "Invalid value for",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_bad_commands(place, refuse, command):
    refuse(command, COMMANDS[command])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("i0,64,2,red", "pred.csv: row 1 (image i0): x 64, y 2 is outside the image, which is 64×48"),
        ("i0,1,2,alien", "pred.csv: row 1 (image i0): class 'alien' is not known; the classes are blue, red"),
        ("i9,1,2,red", "pred.csv: row 1 (image i9): the data set set has no such image"),
    ],
)
def test_predictions_that_do_not_fit_the_data_set(place, refuse, row, message):
    Path("pred.csv").write_text(f"image,x,y,label\n{row}\n")
    refuse("score cells --truth set --pred pred.csv --radius-px 6", message)
