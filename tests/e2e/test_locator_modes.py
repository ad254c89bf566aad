"""Localisers with every kind of target and decoder, from the training to the cells, by the command line."""

import json

import pandas as pd
import pytest

from cellweave.cli.main import main
from cellweave.data.phantom import write_phantom_dataset
from cellweave.localization import Locator
from cellweave.maps import CCLS, LMDS, PeakFinder

TINY = (
    "network.widths=[8]",
    "turns=1",
    "augmentation.crop_px=32",
    "fit.precision=fp32",
    "fit.batch_size=2",
    "fit.learning_rate=0.005",
    "fit.ema_decay=0",
    "calibration.folds=2",
    "calibration.share=1",
    "calibration.windows_px=[9]",
)
PAPER = (
    "network.width=2",
    "network.stem_width=4",
    "network.bottlenecks=1",
    "network.modules=[1,1,1]",
    "network.blocks=1",
    "network.head_width=4",
    "augmentation.crop_px=64",
    "fit.batch_size=1",
    "calibration.folds=2",
    "calibration.share=1",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_phantom_dataset(tmp_path_factory.mktemp("phantom") / "set", images=8, size=64, seed=1)


@pytest.fixture
def train(data, tmp_path, capsys):
    """A function that trains with some changes, and returns the model folder and what was said."""

    def call(*changes, recipe="default", steps=60):
        sets = [word for change in changes for word in ("--set", change)]
        words = ["--data", str(data), "--out", str(tmp_path / "model"), "--steps", str(steps), "--device", "cpu"]
        assert main(["train", "locator", *words, "--recipe", recipe, *sets]) == 0
        return tmp_path / "model", capsys.readouterr().out

    return call


def located(data, model, out):
    assert main(["locate", "--data", str(data), "--model", str(model), "--out", str(out), "--device", "cpu"]) == 0
    return pd.read_csv(out / "cells.csv")


@pytest.mark.parametrize("mode", ["uniform", "separate"])
def test_a_localiser_of_every_target(data, train, tmp_path, mode):
    model, _ = train(*TINY, f"target.mode={mode}")
    config, metrics = (json.loads((model / name).read_text()) for name in ("config.json", "metrics.json"))
    assert config["class_factors"] is None
    assert isinstance(Locator.from_pretrained(model, device="cpu").finder, PeakFinder)
    cells = located(data, model, tmp_path / "cells")
    assert len(cells)
    assert cells["label"].notna().all() if mode == "separate" else cells["label"].isna().all()
    training = metrics["training"]
    assert training["command"].startswith("cellweave train locator --data 'phantom tissue' --out MODEL ")
    assert f" --set target.mode={mode} --seed 0" in training["command"]
    assert training["seconds"] == training["seconds_since_last_start"]
    card = " ".join((model / "README.md").read_text().split())
    assert f"`{training['command']}`" in card
    assert str(tmp_path) not in card


@pytest.mark.parametrize(("decoder", "finder"), [("ccls", CCLS), ("lmds", LMDS)])
def test_a_localiser_read_by_the_decoder_of_a_paper(data, train, tmp_path, decoder, finder):
    model, said = train(*TINY, f"calibration.decoder={decoder}")
    assert f"with {decoder}, whose settings are those of its source" in said
    config = json.loads((model / "config.json").read_text())
    assert config["peak_finder"]["decoder"] == config["recipe"]["calibration"]["decoder"] == decoder
    locator = Locator.from_pretrained(model, device="cpu")
    assert locator.finder == finder
    assert f"`{decoder}` with the settings of its source, not calibrated" in (model / "README.md").read_text().replace(
        "\n  ", " "
    )
    assert len(located(data, model, tmp_path / "cells"))


def test_the_recipe_of_the_paper_takes_two_steps(train):
    model, said = train(*PAPER, recipe="paper", steps=2)
    assert "with ccls, whose settings are those of its source" in said
    recipe = Locator.from_pretrained(model, device="cpu").recipe
    assert (recipe.network.name, recipe.network.mga, recipe.network.theta) == ("hrnet", True, 0.7)
    assert (recipe.target.map, recipe.loss.map, recipe.loss.peak_weight) == ("edt", "squared", 0)
    assert "--recipe paper" in (model / "README.md").read_text()


def test_an_unknown_decoder_is_refused(place, refuse):
    refuse("train locator --data set --out o --steps 1 --set calibration.decoder=marker", "calibration.decoder")
