"""Layouts and images: trained for some steps, generated, refused."""

import json

import pandas as pd
import pytest

from cellweave.cli.main import main
from cellweave.data import CellDataset, check_dataset

pytestmark = pytest.mark.slow


@pytest.fixture
def models(generators):
    return generators


def test_layouts_are_a_data_set_without_images(models, tmp_path, capsys):
    out = tmp_path / "layouts"
    words = ["generate", "layouts", "--model", str(models / "lay"), "--count", "5", "--seed", "7", "--out", str(out)]
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["images"] == 5
    dataset = CellDataset.open(out)
    assert set(dataset.images["file"]) == {""}
    assert dataset.read_cells("sample-000003").shape == (64, 64)
    provenance = pd.read_parquet(out / "provenance.parquet")
    assert provenance["category"].tolist() == [0, 1, 0, 1, 0]
    assert provenance["seed"].unique().tolist() == [7]
    assert not [one for one in check_dataset(out).findings if one.severity == "error"]
    assert not list(tmp_path.glob(".*"))


def test_without_a_place_layouts_go_to_the_folder_of_that_name(models, tmp_path, monkeypatch, refuse, capsys):
    monkeypatch.chdir(tmp_path)
    words = f"generate layouts --model {models / 'lay'} --count 3 --device cpu"
    assert main(words.split()) == 0
    assert len(CellDataset.open("layouts").names()) == 3
    capsys.readouterr()
    refuse(words, "layouts exists and is not empty; choose another output folder or pass --overwrite")


def test_sample_i_does_not_depend_on_batch_or_count(models, tmp_path):
    for name, extra in (
        ("one", ["--count", "4", "--batch-size", "1"]),
        ("many", ["--count", "3", "--batch-size", "3"]),
    ):
        words = ["generate", "layouts", "--model", str(models / "lay"), "--seed", "7", "--out", str(tmp_path / name)]
        assert main([*words, *extra]) == 0
    one, many = (CellDataset.open(tmp_path / name) for name in ("one", "many"))
    for sample in many.names():
        assert one.read_cells(sample).xy.tolist() == many.read_cells(sample).xy.tolist()


def test_a_data_set_in_one_go(models, tmp_path):
    out = tmp_path / "synthetic"
    words = ["--layouts", str(models / "lay"), "--images", str(models / "img"), "--count", "3", "--out", str(out)]
    assert main(["generate", "dataset", *words, "--seed", "1"]) == 0
    dataset = CellDataset.open(out)
    assert dataset.read_image("sample-000002").shape == (64, 64, 3)
    assert dataset.licence == "CC0-1.0"  # of the phantom tissue that both models learnt from
    assert not [one for one in check_dataset(out).findings if one.severity == "error"]
    assert [path.name for path in tmp_path.iterdir()] == ["synthetic"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["layouts", "--count", "0"], "a data set has 1 to 1,000,000 samples, got a count of 0"),
        (["layouts", "--category", "5"], "there is no counting category 5; the model has 2"),
        (["layouts", "--sampler", "euler"], "sampler: name = 'euler' does not fit"),
        (["layouts", "--steps", "0"], "sampler: steps = 0 does not fit"),
        (["layouts", "--model", "none"], "'none' is no model folder"),
        (["images", "--layouts", "missing"], "missing does not exist"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(models, tmp_path, capsys, words, message):
    given = {"--model": str(models / ("lay" if words[0] == "layouts" else "img")), "--out": str(tmp_path / "out")}
    rest = [word for pair in given.items() if pair[0] not in words for word in pair]
    assert main(["generate", *words, *rest]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert not list(tmp_path.iterdir())


def test_layouts_of_a_locator_are_refused(models, tmp_path, capsys):
    words = ["generate", "images", "--model", str(models / "lay"), "--layouts", str(models / "set")]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "is of format 'cellweave-layouts', not 'cellweave-images'" in capsys.readouterr().err
