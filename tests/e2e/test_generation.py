"""Layouts and images: trained for some steps, generated, killed, resumed, scored."""

import hashlib
import json
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from cellweave.cli.main import main
from cellweave.data import CellDataset, check_dataset
from cellweave.data.phantom import write_phantom_dataset

pytestmark = pytest.mark.slow

LAYOUTS = [
    "fit.precision=fp32",
    "fit.batch_size=2",
    "frame.crop_px=64",
    "categories=2",
    "network={widths: [8, 16], attention_levels: [1], fold: 2}",
    "sampler.steps=3",
]
IMAGES = [
    "fit.precision=fp32",
    "fit.batch_size=2",
    "crop_px=32",
    "network={widths: [8, 16], attention_levels: [1], fold: 2}",
    "sampler.steps=3",
]


def changed(changes):
    return [word for change in changes for word in ("--set", change)]


def contents(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    data = write_phantom_dataset(root / "set", images=8, size=96, seed=1)
    common = ["--data", str(data), "--device", "cpu", "--steps", "4"]
    assert main(["train", "layouts", *common, "--out", str(root / "lay"), *changed(LAYOUTS)]) == 0
    assert main(["train", "images", *common, "--out", str(root / "img"), *changed(IMAGES)]) == 0
    return root


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
    assert not [one for one in check_dataset(out).findings if one.severity == "error"]
    assert [path.name for path in tmp_path.iterdir()] == ["synthetic"]


def test_a_killed_generation_resumes_to_the_identical_data_set(models, tmp_path):
    layouts = tmp_path / "layouts"
    assert main(["generate", "layouts", "--model", str(models / "lay"), "--count", "12", "--out", str(layouts)]) == 0
    words = ["generate", "images", "--model", str(models / "img"), "--layouts", str(layouts), "--seed", "3"]
    assert main([*words, "--out", str(tmp_path / "straight")]) == 0
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "cellweave", *words, "--out", str(killed)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".killed.unfinished/sample-000001.png")):
        assert process.poll() is None, "generation ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not killed.exists()
    assert main([*words, "--out", str(killed)]) == 0
    assert contents(killed) == contents(tmp_path / "straight")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["layouts", "--count", "0"], "count and batch size must be at least 1, got 0"),
        (["layouts", "--category", "5"], "there is no counting category 5; the model has 2"),
        (["layouts", "--sampler", "euler"], "sampler euler"),
        (["layouts", "--steps", "0"], "cannot be used"),
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
