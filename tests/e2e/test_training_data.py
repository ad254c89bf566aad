"""A localiser trained on several data sets and on synthetic images beside them, through the command line."""

import json

import pytest
import torch
from safetensors.torch import load_file

from cellweave.cli.main import main
from cellweave.data import CellDataset, DatasetWriter
from cellweave.data.phantom import write_phantom_dataset
from cellweave.localization import Locator
from cellweave.training.stepper import Stepper

BOTH = "--data fine --data coarse"
MIXED = f"{BOTH} --synthetic made --synthetic-share 0.4"
GENERATOR = {"seed": 9, "image_model": "ab" * 32, "layouts": "cd" * 32, "sampler": "ddim", "sampler_steps": 50}


def write_synthetic(out, layouts, *, pixels=True):
    """Write a data set as `generate images` does, of the images of another one; their splits differ."""
    with DatasetWriter(
        out, name="images by img", classes=layouts.classes, licence="CC-BY-NC-4.0", source="an image model"
    ) as writer:
        for index, name in enumerate(layouts.names()):
            cells, drawn = layouts.read_cells(name), layouts.read_image(name) if pixels else None
            split = ("training", "test")[index % 2]
            writer.add(
                f"sample-{index:06d}", cells, pixels=drawn, split=split, provenance={**GENERATOR, "index": index}
            )
    return out


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_phantom_dataset(root / "fine", images=6, size=96, mpp=0.25, seed=1)
    write_phantom_dataset(root / "coarse", images=8, size=80, mpp=0.5, seed=2)
    unseen = CellDataset.open(write_phantom_dataset(root / "unseen", images=6, size=64, seed=3))
    write_synthetic(root / "made", unseen)
    write_synthetic(root / "drawn", unseen, pixels=False)
    return root


@pytest.fixture(autouse=True)
def here(root, monkeypatch):
    monkeypatch.chdir(root)


@pytest.fixture
def train(small_run, capsys):
    """A function that trains with some options, and returns the exit code and what was said."""

    def call(options, out):
        code = main(["train", "locator", *options.split(), "--out", str(out), *small_run.split()])
        return code, capsys.readouterr()

    return call


@pytest.fixture(scope="module")
def run(root, small_run):
    """The folder of a finished training with everything."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(root)
        assert main(["train", "locator", *MIXED.split(), "--out", "run", *small_run.split()]) == 0
    return root / "run"


@pytest.mark.slow
def test_folds_are_real_and_the_model_says_what_it_learnt_from(run):
    made, real = CellDataset.open("made"), [CellDataset.open(name) for name in ("fine", "coarse")]
    metrics, config = (json.loads((run / name).read_text()) for name in ("metrics.json", "config.json"))
    validated, training = metrics["cross_validation"], metrics["training"]
    patients = {name for one in real for name in one.images.loc[one.images["split"] == "training", "group"]}
    assert (validated["folds"], validated["groups"]) == (2, len(patients))
    assert validated["note"].startswith("the networks of the folds were trained on synthetic images as well")
    cells = [one.read_cells(name) for one in real for name in one.names("training")]
    scored = next(row for row in validated["scores"]["rows"] if row["label"] == "all")
    assert scored["tp"] + scored["fn"] == sum(len(each) for each in cells)  # calibrated on real cells, and all of them
    assert (training["images"], training["cells"]) == (len(cells), sum(len(each) for each in cells))
    assert config["mpp"] == 0.5  # the median of the real images
    assert Locator.from_pretrained(run, device="cpu").classes == real[0].classes

    assert [one["checksum"] for one in config["training"]["data"]] == [one.checksum for one in real]
    assert (
        config["training"]["synthetic"]
        == training["synthetic"]
        == {
            "share": 0.4,
            "images": 6,  # of both splits
            "cells": len(made.cells),
            "data": [
                {
                    "name": "images by img",
                    "checksum": made.checksum,
                    "licence": "CC-BY-NC-4.0",
                    "source": "an image model",
                    "generator": GENERATOR,
                }
            ],
        }
    )
    card = " ".join((run / "README.md").read_text().split())
    assert "40 % of the training crops, from 6 generated images" in card
    assert "image model `abababababababab`" in card
    assert "seed 9" in card
    assert "**Licences**: CC0-1.0; CC-BY-NC-4.0. The model learnt from data under each of them" in card
    assert all(f"checksum `{one.checksum[:16]}`" in card for one in (*real, made))

    assert validated["note"] in card


@pytest.mark.slow
def test_a_finished_training_is_not_repeated_and_no_other_one_goes_on_there(run, train):
    before = (run / "model.safetensors").stat().st_mtime_ns
    code, said = train(MIXED, run)
    assert code == 0
    assert "note: the networks of the folds were trained on synthetic images as well" in said.out
    assert (run / "model.safetensors").stat().st_mtime_ns == before
    for options, differing in (
        (f"{BOTH} --synthetic made --synthetic-share 0.5", "synthetic_share"),
        (f"{BOTH} --synthetic made", "synthetic_share"),
        (BOTH, "synthetic_data and synthetic_share"),
        ("--data coarse --data fine --synthetic made --synthetic-share 0.4", "data"),
    ):
        code, said = train(options, run)
        assert code == 2
        assert f"holds a run with another {differing}; give the same settings to resume it" in said.err


@pytest.mark.slow
def test_an_interrupted_training_resumes_to_identical_weights(run, train, tmp_path, monkeypatch):
    take, taken = Stepper.take, []

    def interrupted(stepper, batch):
        taken.append(batch)
        if len(taken) == 8:  # in the final network, after 3 + 3 + 1 steps
            raise KeyboardInterrupt
        return take(stepper, batch)

    with monkeypatch.context() as patched:
        patched.setattr(Stepper, "take", interrupted)
        assert train(MIXED, tmp_path / "stopped")[0] == 130
    assert not (tmp_path / "stopped" / "config.json").exists()
    assert train(MIXED, tmp_path / "stopped")[0] == 0
    weights = [load_file(folder / "model.safetensors") for folder in (run, tmp_path / "stopped")]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.slow
def test_synthetic_images_change_what_is_learnt(run, train, tmp_path):
    assert train(BOTH, tmp_path / "without")[0] == 0
    weights = [load_file(folder / "model.safetensors") for folder in (run, tmp_path / "without")]
    assert not all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    metrics, config = (
        json.loads((tmp_path / "without" / f"{name}.json").read_text()) for name in ("metrics", "config")
    )
    assert "note" not in metrics["cross_validation"]
    assert "synthetic" not in metrics["training"]
    assert [one["name"] for one in config["training"]["data"]] == ["phantom tissue"] * 2
    card = (tmp_path / "without" / "README.md").read_text()
    assert card.startswith("# Cell localiser trained on phantom tissue\n")
    assert "Licences" not in card


REFUSED = {
    "--synthetic made": "Missing option '--data'",
    "--data made": "made was generated (provenance.parquet says how), and a localiser is calibrated on real images",
    "--data fine --synthetic coarse": "coarse has no provenance.parquet, so no generator made it; pass it as --data",
    "--data fine --synthetic drawn": "paint it with `cellweave generate images --layouts drawn`, and pass the result",
    "--data coarse --synthetic-share 0.5": "--synthetic-share 0.5 is given without synthetic data; name the data set",
    "--data coarse --synthetic made --synthetic-share 1": "--synthetic-share must lie between 0 and 1, got 1;",
    "--data coarse --synthetic made --synthetic-share nan": "--synthetic-share must lie between 0 and 1, got nan;",
    "--data coarse --data ./coarse": "coarse holds the same data as coarse; give each data set once",
    "--data coarse --data nowhere": "nowhere does not exist; give a data set",
    "--data coarse --synthetic nowhere": "nowhere does not exist; give a data set",
}


@pytest.mark.parametrize("options", REFUSED)
def test_data_in_the_wrong_role_is_refused(refuse, options):
    refuse(f"train locator {options} --out out --steps 3", REFUSED[options])


def test_other_classes_are_refused(place, refuse, root):
    refuse(
        f"train locator --data set --data {root / 'coarse'} --out out --steps 3",
        "coarse has the classes ['lymphocyte #",
    )
