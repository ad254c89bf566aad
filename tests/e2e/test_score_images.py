"""``cellweave score images``, as it is typed: phantom tissue, whose images show their cells, and bad input."""

import json
import os
import shutil

import pandas as pd
import pytest

from cellweave.cli.main import main
from cellweave.data.phantom import write_phantom_dataset


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    return write_phantom_dataset(tmp_path_factory.mktemp("phantom") / "set", images=6, size=128, seed=2)


@pytest.fixture
def shuffled(phantom, tmp_path):
    """The same images with the cells of other images."""
    shutil.copytree(phantom, tmp_path / "shuffled")
    cells = pd.read_parquet(phantom / "cells.parquet")
    names = pd.read_parquet(phantom / "images.parquet")["image"].tolist()
    following = dict(zip(names, [*names[1:], names[0]], strict=True))
    cells.assign(image=cells["image"].map(following)).to_parquet(tmp_path / "shuffled" / "cells.parquet", index=False)
    return tmp_path / "shuffled"


@pytest.mark.slow
def test_the_shipped_localiser_tells_faithful_images_from_shuffled_ones(phantom, shuffled, tmp_path, capsys):
    words = ["score", "images", "--device", "cpu", "--real", str(phantom), "--real-split", "test", "--json"]
    assert main([*words, "--synthetic", str(phantom), "--out", str(tmp_path / "scores.json")]) == 0
    printed = capsys.readouterr()
    scores = json.loads(printed.out)
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8")) == scores
    assert scores["model"] == "locator-brca-m2c"
    assert scores["synthetic"]["margin"]["all"] > 0.5
    assert scores["ratio"]["all"] > 0.8
    near = scores["synthetic"]["colours"]["density"]
    assert near["near"]["all"] > 1.5 * near["elsewhere"]
    assert main([*words, "--synthetic", str(shuffled)]) == 0
    off = json.loads(capsys.readouterr().out)
    assert off["synthetic"]["margin"]["all"] < 0  # the other layouts, which chance is made of, hold the one shown
    assert off["ratio"]["all"] < 0.4
    assert off["real"] == scores["real"]


@pytest.mark.slow
def test_likeness_beside_real_images(phantom, place, tmp_path, capsys):
    """Other phantom images against these ones: as like as they are to one another, and no copies."""
    other = write_phantom_dataset(tmp_path / "other", images=6, size=128, seed=9)
    words = ["score", "images", "--device", "cpu", "--synthetic", str(other), "--real", str(phantom), "--splits", "3"]
    assert main([*words, "--real-split", "test", "--resamples", "20", "--out", "scores.json"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "measure of synthetic real restained dots position" in lines
    [kid] = [line for line in lines if line.startswith("KID all ")]
    [seen] = [line for line in lines if line.startswith("IS ")]
    assert seen.count("±") == 4
    assert kid.count("±") == 4
    assert any(line.startswith("features in-domain encoder, BRCA-M2C training images, seed 0") for line in lines)
    scores = json.loads((place / "scores.json").read_text(encoding="utf-8"))
    rows = {(row["measure"], row["label"]): row for row in scores["likeness"]["rows"]}
    assert rows["KID", "all"]["positions"]["synthetic"]["position"] < 0.7
    assert rows["KID", "all"]["distances"]["dots"]["mean"] > rows["KID", "all"]["distances"]["real"]["mean"]
    assert scores["likeness"]["groups"] >= 2
    assert any(note.startswith("Copies are not looked for: ") for note in scores["notes"])
    assert main([*words, "--real-split", "test", "--resamples", "20", "--encoder", "none"]) == 0
    assert not any(line.startswith("KID") for line in capsys.readouterr().out.splitlines())


def test_table_for_people(place, capsys):
    words = ["score", "images", "--synthetic", "set", "--model", "model", "--device", "cpu", "--resamples", "20"]
    assert main([*words, "--real", "set", "--radius-um", "3", "--out", "scores.json"]) == 0
    printed = capsys.readouterr()
    lines = [" ".join(line.split()) for line in printed.out.splitlines()]
    assert lines[0] == "radius class precision recall F1 tp fp fn"
    assert lines[1].startswith("3 µm all ")
    assert "F1 of synthetic chance margin real ratio" in lines
    assert "colour synthetic real" in lines
    assert [line.split()[2] for line in lines if line.startswith("density near")] == ["all", "blue", "red"]
    assert "chance: the same found cells against layouts of other images, 6 pairs; ratio: synthetic over real" in lines
    assert "1 real images of 1 groups, split validation" in lines
    assert "note Chance: 3 images, each against 2 layouts of other images of the same frame." in lines
    assert "note Likeness is not measured: the real images are too small for patches of 32 µm." in lines
    assert lines[-1] == "written to scores.json"
    assert main(words) == 0
    assert "F1 of synthetic chance margin" in [" ".join(one.split()) for one in capsys.readouterr().out.splitlines()]


COMMANDS = {
    "": "Missing option '--synthetic'",
    "--synthetic nowhere": "nowhere does not exist; give a data set made by",
    "--synthetic images": "images has no dataset.json; give a data set made by",
    "--synthetic set": "set has the classes ['blue', 'red'], but the localiser locator-brca-m2c finds ['lymphocyte',",
    "--synthetic set --model nowhere": "'nowhere' is no model folder; shipped models are",
    "--synthetic set --model model --synthetic-split test": "set has no image in split 'test'; it has",
    "--synthetic set --model model --real nowhere": "nowhere does not exist; give a data set made by",
    "--synthetic set --model model --real set --real-split test": "set has no image in split 'test'; it has",
    "--synthetic set --model model --radius-px 6 --radius-um 3": "--radius-px 6 and --radius-um 3 are both given; give",
    "--synthetic set --model model --radius-px -1": "--radius-px -1.0: a length must be a positive number of px",
    "--synthetic set --model model --radius-um nan": "--radius-um nan: a length must be a positive number of um",
    "--synthetic set --model model --radius-px wide": "Invalid value for '--radius-px'",
    "--synthetic set --model model --protocol best": "Invalid value for '--protocol'",
    "--synthetic set --model model --real set --encoder nowhere": "there is no encoder nowhere; give in-domain, a",
    "--synthetic set --model model --real set --encoder model": "model holds no image encoder (",
    "--synthetic set --model model --real set --encoder model/model.safetensors": "is not of the Inception network",
    "--synthetic set --model model --real set --likeness-split test": "set has no image in split 'test'; it has",
    "--synthetic set --model model --splits 1": "Invalid value for '--splits'",
    "--synthetic set --model model --device gpu": "a device is auto, cpu, cuda, cuda:N or mps, got 'gpu'",
    "--synthetic set --model model --out file": "file exists; choose another output path or pass --overwrite",
    "--synthetic set --model model --out full --overwrite": "full is a folder where a file is to be written",
    "--synthetic set --model model --out set/scores.json": "set/scores.json lies in set, which is to be read",
    "--synthetic set --model model --out file/scores.json": "file/scores.json cannot be written (",
}


@pytest.mark.parametrize("options", COMMANDS)
def test_bad_commands(place, refuse, options):
    refuse(f"score images {options}", COMMANDS[options])


def test_a_data_set_of_layouts_needs_images_first(place, refuse):
    images = pd.read_parquet("set/images.parquet")
    images.assign(file="").to_parquet("set/images.parquet")
    refuse("score images --synthetic set --model model", "set has layouts without an image (i0, i1, i2), and images")


def test_a_damaged_image_and_a_scale_far_off(place, refuse):
    images = pd.read_parquet("set/images.parquet")
    images.assign(mpp=100.0).to_parquet("set/images.parquet")
    refuse(
        "score images --synthetic set --model model", "image i0 of set: an image of 64×48 pixels at 100 µm per pixel"
    )
    images.to_parquet("set/images.parquet")
    os.truncate("set/images/i1.png", 500)
    refuse("score images --synthetic set --model model", "set/images/i1.png is damaged or cut short")
