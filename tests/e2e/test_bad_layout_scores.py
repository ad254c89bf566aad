"""Scoring layouts that cannot be compared, or to a bad place: one line, exit code 2, nothing written or lost."""

import json
import os
import shutil

import numpy as np
import pytest

from cellweave.cli.main import main
from cellweave.core import Cells
from cellweave.data import DatasetWriter

COMMAND = "score layouts --real real --synthetic made --splits 2 --resamples 2"


def write(root, count, *, cells=(30,), shape=(150, 160), mpp=0.5, classes=("a", "b"), group=None, labels=None):
    shutil.rmtree(root, ignore_errors=True)
    rng = np.random.default_rng(count)
    with DatasetWriter(root, name="", classes=classes, licence="", source="") as writer:
        for i in range(count):
            number = cells[i % len(cells)]
            known = rng.integers(len(classes), size=number) if labels is None else np.full(number, labels)
            xy = rng.random((number, 2)) * shape[::-1]
            places = Cells(xy, known, classes=classes, shape=shape, mpp=mpp)
            writer.add(str(i), places, group=group or f"patient {i // 2}")


@pytest.fixture
def sides(tmp_path, monkeypatch):
    """Eight real layouts, five that were made, and places that are taken."""
    monkeypatch.chdir(tmp_path)
    write("real", 8)
    write("made", 5)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")


OPTIONS = {
    "--splits 0": "Invalid value for '--splits'",
    "--splits 1000000000": "Invalid value for '--splits': Input should be less than or equal to 10000",
    "--size 0": "Invalid value for '--size'",
    "--resamples 0": "Invalid value for '--resamples'",
    "--held-out tset": "the held-out split is one of training, validation, test, got 'tset'",
    "--out scores.png": "the JSON file scores.png must not end in .png",
    "--figure file": "file exists; choose another output path or pass --overwrite",
    "--seed -1": "Invalid value for '--seed'",
    "--split tset": "real has no image in split 'tset'; it has {'training': 8}",
    "--split=": "real has no image in split ''",
    "--synthetic-split test": "made has no image in split 'test'; it has {'training': 5}",
    "--synthetic ./made": "the synthetic data set made is given twice; give every one once",
    "--synthetic nowhere": "nowhere does not exist; give a data set",
    "--real file": "file has no dataset.json; give a data set",
    "--json --out file": "file exists; choose another output path or pass --overwrite",
    "--out full --overwrite": "full is a folder where a file is to be written; choose another output path",
    "--out file/scores.json": "file/scores.json cannot be written",
    "--out real --overwrite": "real is what is to be read; choose another output path",
    "--out real/dataset.json --overwrite": "real/dataset.json lies in real, which is to be read",
    "--out full/../made/scores.json": "full/../made/scores.json lies in made, which is to be read",
}


@pytest.mark.parametrize("options", OPTIONS)
def test_bad_options(sides, refuse, options):
    refuse(f"{COMMAND} {options}", OPTIONS[options])


MADE = {
    "other classes": ({"classes": ("x",)}, "synthetic layout 1 has the classes ['x'], the first real one ['a', 'b']"),
    "another scale": ({"mpp": 0.25}, "synthetic layout 1 has 0.25 µm per pixel, the first real one 0.5"),
    "unknown scale": ({"mpp": None}, "synthetic layout 1 has None µm per pixel, the first real one 0.5"),
    "small frame": ({"shape": (20, 20)}, "up to 60 µm, but the smallest frame is 10×10 µm; give layouts with larger"),
    "no pixel": ({"shape": (0, 0), "cells": (0,)}, "but the smallest frame is 0×0 µm; give layouts with larger"),
    "no layout": ({"count": 0}, "made/images.parquet has no images; import some"),
}
REAL = {
    "one patient": ({"group": "a"}, "real layouts of 1 groups (patients) cannot be compared with one another"),
    "one layout": ({"count": 1}, "real layouts of 1 groups (patients) cannot be compared with one another"),
    "unknown scale": ({"mpp": None}, "real layout 1 has None µm per pixel"),
    "metres for µm": ({"mpp": 5e-7}, "layouts have 5e-07 µm per pixel, which no microscope has; correct their mpp"),
    "astronomical scale": ({"mpp": 1e300}, "layouts have 1e+300 µm per pixel, which no microscope has"),
}


@pytest.mark.parametrize("name", MADE)
def test_layouts_that_cannot_be_compared(sides, refuse, name):
    changes, message = MADE[name]
    write("made", **{"count": 5, **changes})
    refuse(f"{COMMAND} --out scores.json", message)


@pytest.mark.parametrize("name", REAL)
def test_real_layouts_that_cannot_be_compared(sides, refuse, name):
    changes, message = REAL[name]
    write("real", **{"count": 8, **changes})
    write("made", 5, mpp=changes.get("mpp", 0.5))
    refuse(COMMAND, message)


FEW = {
    "no cells": {"cells": (0,)},
    "one cell": {"cells": (1,)},
    "none or one": {"cells": (0, 1)},
    "all of one class": {"labels": 0},
    "all of unknown class": {"labels": -1},
}


@pytest.mark.parametrize("name", FEW)
def test_what_cannot_be_measured_is_null_and_said(sides, capsys, name):
    write("made", 5, **FEW[name])
    assert main([*COMMAND.split(), "--json", "--size", "40"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert [row for row in scores["rows"] if row["label"] == "b" and row["distance"]["mean"] is None]
    assert any("one side has too few cells" in note for note in scores["notes"])
    assert scores["notes"][0] == "There are layouts for comparisons of 4 against 4 only, not 40."


def test_layouts_on_both_sides_are_told(sides, capsys):
    assert main([*COMMAND.replace("made", "real").split(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"][0].startswith("8 layouts are on both sides, real and synthetic")
    assert main([*COMMAND.split(), "--json"]) == 0
    assert "both sides" not in capsys.readouterr().out


def test_a_link_to_itself_is_replaced_by_the_scores(sides):
    os.symlink("scores.json", "scores.json")
    assert main([*COMMAND.split(), "--out", "scores.json"]) == 0
    with open("scores.json", encoding="utf-8") as stream:
        assert json.load(stream)["synthetic"] == 5
