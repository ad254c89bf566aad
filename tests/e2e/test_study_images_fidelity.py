"""F1 in studies of image models by the command line: the shipped localiser, and one of one's own."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cellweave.cli.main import main
from cellweave.data.phantom import write_phantom_dataset
from cellweave.training.model_folder import find_model_folder
from cellweave.workflows.studies import image_measures
from cellweave.workflows.studies.image_meters import DEFAULT_LOCATOR as LOCATOR

CHANGES = "fit.precision=fp32 fit.batch_size=1 network.widths=[8,16] crop_px=32 sampler.steps=2"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Phantom tissue, ``set``, and a model of its masks after two steps, ``model``."""
    root = tmp_path_factory.mktemp("fidelity")
    data = str(write_phantom_dataset(root / "set", images=24, size=128, seed=1))
    changes = [word for change in CHANGES.split() for word in ("--set", change)]
    asked = ["--steps", "2", "--recipe", "nasdm-laptop", "--device", "cpu", *changes]
    assert main(["train", "images", "--data", data, "--out", str(root / "model"), *asked]) == 0
    return root


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(image_measures, "RESAMPLES", 8)


def test_fidelity_is_that_of_a_localiser(made, tmp_path, capsys):
    where = ["--model", str(made / "model"), "--data", str(made / "set"), "--out", str(tmp_path / "out")]
    asked = ["--scales", "0", "--seeds", "0", "--count", "2", "--device", "cpu", "--json"]
    assert main(["study", "guidance", *where, *asked]) == 0
    summary = json.loads(capsys.readouterr().out)
    real = {row["measure"]: row["value"] for row in summary["references"] if row["kind"] == "real"}
    [painted] = [row for row in summary["scores"] if row["measure"] == "F1"]
    # phantom tissue has nuclei that are found; two steps of training paint none
    assert real["F1"] > 0.5 > painted["mean"]


OTHER = {"lymphocyte": "plasma", "tumor": "epithelial", "stromal": "connective"}


def test_fidelity_of_other_classes_by_a_localiser_of_ones_own(made, tmp_path, monkeypatch, capsys, refuse):
    """Data, model and localiser with classes that the shipped localiser does not know."""
    monkeypatch.chdir(tmp_path)
    for source, name in ((made / "set", "set"), (made / "model", "model"), (find_model_folder(LOCATOR), "own")):
        shutil.copytree(source, name)
    renamed = Path("set/dataset.json"), Path("model/config.json"), Path("own/config.json")
    for path in renamed:
        text = path.read_text()
        for shipped, own in OTHER.items():
            text = text.replace(f'"{shipped}"', f'"{own}"')
        path.write_text(text)
    cells = pd.read_parquet("set/cells.parquet")
    cells.assign(label=cells["label"].map(OTHER)).to_parquet("set/cells.parquet", index=False)
    asked = "--model model --data set --out out --scales 0 --seeds 0 --count 2 --device cpu --sampler ddim:2"
    assert main(f"study guidance {asked} --locator own --json".split()) == 0
    summary = json.loads(capsys.readouterr().out)
    real = {row["measure"]: row["value"] for row in summary["references"] if row["kind"] == "real"}
    assert real["F1"] > 0.5
    assert real["mean class F1"] > 0.3
    scores = {row["measure"]: row["mean"] for row in summary["scores"]}
    assert None not in (scores["F1"], scores["mean class F1"])
    text = Path("out/tables.md").read_text()
    assert "F1 of the cells that the localiser own finds, against those painted, nearest first, within 6 px" in text
    assert "| arm | seeds | KID | IS | F1 | mean class F1 |" in text
    refuse(
        f"study guidance {asked.replace('--out out', '--out other')} --locator {LOCATOR}",
        "set has the classes ['plasma', 'epithelial', 'connective'], but the localiser finds ['lymphocyte', 'tumor', "
        "'stromal']; give one with the same classes with --locator, or --locator none.",
    )
