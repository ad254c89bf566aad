"""Studies of layout models by the command line: their files, going on after a stop, and what is refused."""

import csv
import json
from pathlib import Path

import pytest

from cellweave.cli.main import main
from cellweave.data.phantom import write_phantom_dataset
from cellweave.workflows.studies import layout_measures, layout_plan, layout_values
from cellweave.workflows.studies.layout_designs import densities_design
from cellweave.workflows.studies.layout_studies import run_layout_study
from cellweave.workflows.studies.layout_study import LayoutStudy
from cellweave.workflows.studies.options import LayoutStudyOptions

CHANGES = (
    "fit.precision=fp32",
    "fit.batch_size=1",
    "fit.checkpoint_every=1",
    "fit.log_every=1",
    "sampler.steps=2",
    "network.widths=[8]",
    "network.blocks=1",
    "network.attention_levels=[]",
    "frame.crop_px=144",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_phantom_dataset(tmp_path_factory.mktemp("phantom") / "set", images=10, size=160, seed=1)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    for module in (layout_measures, layout_values):
        monkeypatch.setattr(module, "RESAMPLES", 8)
    monkeypatch.setattr(layout_measures, "SPLITS", 2)


@pytest.fixture(autouse=True)
def short_calibration(monkeypatch):
    """Few crops and steps: how well the decoder is chosen is not what is tested here."""
    monkeypatch.setattr("cellweave.layouts.calibration.CROPS", 16)
    monkeypatch.setattr("cellweave.layouts.calibration.STEPS", 2)


def words(data, out, *more):
    sets = [word for change in CHANGES for word in ("--set", change)]
    common = ["--steps", "2", "--count", "4", "--device", "cpu"]
    return ["--data", str(data), "--out", str(out), *common, *sets, *more]


def results(out):
    """Return what the trials drew and measured, without times."""
    found = {}
    for path in sorted(out.glob("arms/*/*/result.json")):
        folds = json.loads(path.read_text())["result"]["folds"]
        found[str(path.relative_to(out))] = [
            {key: value for key, value in fold.items() if not key.startswith("seconds")} for fold in folds
        ]
    return found


def read_csv(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_densities_step_by_step_and_at_once(data, tmp_path, capsys):
    at_once, by_steps = tmp_path / "once", tmp_path / "steps"
    arms = ("--arms", "none,kde", "--recipe", "categories", "--set", "categories=2", "--seeds", "0")
    assert main(["study", "densities", *words(data, at_once, *arms)]) == 0
    said = capsys.readouterr().out
    for name in ("tables.md", "scores.csv", "differences.csv", "summary.json", "positions.png", "differences.png"):
        assert f"written to {at_once / name}" in said
        assert (at_once / name).stat().st_size > 0
    assert "KDE better than no density" in said

    def stop(stage, done, total, note=""):
        if stage.startswith("kde, seed 0, fold 1 of 2: training") and done == 2:
            raise KeyboardInterrupt

    options = LayoutStudyOptions(
        data=data,
        out=by_steps,
        steps=2,
        seeds=(0,),
        count=4,
        arms=["none", "kde"],
        recipe="categories",
        changes=(*CHANGES, "categories=2"),
        device="cpu",
        progress=stop,
    )
    with pytest.raises(KeyboardInterrupt):
        run_layout_study(LayoutStudy(densities_design(), options))
    assert list(results(by_steps)) == ["arms/none/seed-0/result.json"]
    assert list((by_steps / "arms/kde/seed-0/work/fold-1/training").rglob("step-*"))
    assert main(["study", "densities", *words(data, by_steps, *arms)]) == 0
    assert results(by_steps) == results(at_once)
    assert read_csv(by_steps / "scores.csv") == read_csv(at_once / "scores.csv")
    assert not list(by_steps.rglob("work"))

    # tables are made of what is there, without any model, and another budget is another study
    capsys.readouterr()
    before = (at_once / "scores.csv").read_bytes()
    (at_once / "scores.csv").unlink()
    asked = ("--recipe", "categories", "--set", "categories=2", "--seeds", "0", "--tables-only")
    assert main(["study", "densities", *words(data, at_once, *asked)]) == 0
    assert "note  not run yet: gmm, seed 0; gmcm, seed 0." in capsys.readouterr().out
    assert (at_once / "scores.csv").read_bytes() == before
    assert main(["study", "densities", *words(data, at_once, *arms, "--count", "6")]) == 2
    assert "holds a study with other settings (count)" in capsys.readouterr().err

    trial = results(at_once)["arms/none/seed-0/result.json"][0]
    assert trial["size"] == 2
    assert [one["category"] for one in trial["layouts"]] == [0, 1, 0, 1]
    assert {row["of"] for row in read_csv(at_once / "scores.csv") if row["measured"] == "position"} >= {
        "spatial-FID",
        "nearest, µm",
        "g",
        "mean",
    }


def test_categories_and_counts(data, tmp_path, capsys):
    given = words(data, tmp_path / "out", "--numbers", "0,2", "--counts", "--seeds", "0", "--json")
    assert main(["study", "categories", *given]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [arm["arm"] for arm in summary["arms"]] == ["categories-0", "categories-2", "counts"]
    met = {row["arm"]: row["mean"] for row in summary["scores"] if row["measured"] == "met"}
    assert met["categories-0"] is None
    assert 0 <= met["categories-2"] <= 1
    assert 0 <= met["counts"] <= 1


@pytest.mark.parametrize(
    ("command", "arms"),
    [
        ("densities --recipe categories --set categories=2", ["none", "gmm", "gmcm"]),
        ("categories --numbers 0,2 --counts", ["categories-0", "categories-2", "counts"]),
        ("bandwidth --recipe categories --set categories=2 --factors 0.5", ["scott", "factor-0.5"]),
        ("components --recipe categories --set categories=2 --numbers 2", ["bic", "components-2"]),
    ],
)
def test_a_plan_writes_nothing(data, tmp_path, monkeypatch, capsys, command, arms):
    monkeypatch.setattr(layout_plan, "AT_LEAST_S", 0.0)
    monkeypatch.chdir(tmp_path)
    given = words(data, tmp_path / "out", "--arms", ",".join(arms), "--seeds", "0,1")
    assert main(["study", *command.split(), *given, "--plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [(arm["arm"], arm["missing"]) for arm in plan["arms"]] == [(arm, 2) for arm in arms]
    for arm in plan["arms"]:
        assert arm["parameters"] > 0
        assert arm["hours_per_seed"] >= 2 * arm["seconds_per_step"] / 3600 - 1e-4
    assert plan["hours"] == pytest.approx(2 * sum(arm["hours_per_seed"] for arm in plan["arms"]), abs=1e-3)
    assert not list(tmp_path.iterdir())


def test_a_plan_in_words(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(layout_plan, "AT_LEAST_S", 0.0)
    given = words(data, tmp_path / "out", "--arms", "none", "--recipe", "categories", "--set", "categories=2")
    assert main(["study", "densities", *given, "--plan"]) == 0
    assert "hours in one process, besides choosing decoders and measuring layouts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("densities --data nowhere --out o --steps 1", "nowhere does not exist"),
        ("densities --data set --out o --steps 1", "as large as the crop of 256 px"),
        ("densities --data set --out o --steps 0", "--steps must be at least 1, got 0"),
        ("densities --data set --out o --steps 1 --arms gmn", "study densities has no arm 'gmn'"),
        ("densities --data set --out o --steps 1 --channels edt,peak", "--channels are of shared, edt, marker"),
        ("densities --data set --out o --steps 1 --channels edt,edt", "'edt' is given twice in --channels"),
        ("densities --data set --out o --steps 1 --seeds 0,0", "a seed is given twice"),
        (
            "densities --recipe categories --data set --out o --steps 1 --count 7",
            "--count 7 cannot be shared equally between the 5",
        ),
        ("densities --data set --out o --steps 1 --set channels.density=kde", "changes what the arms of the study"),
        ("densities --data set --out o --steps 1 --set frame.crop_px=48", "are compared over distances up to 60 µm"),
        ("categories --data set --out o --steps 1 --numbers 0,1", "--numbers are 0 (none) or at least 2, got 0,1"),
        ("categories --data set --out o --steps 1 --numbers a", "--numbers is 'a'; give numbers separated by commas"),
        ("bandwidth --data set --out o --steps 1 --factors 0,1", "--factors must be numbers > 0"),
        ("bandwidth --data set --out o --steps 1 --factors 1,1", "a number is given twice in --factors 1,1"),
        ("components --data set --out o --steps 1 --density kde", "--density is one of gmm, gmcm, got 'kde'"),
        ("components --data set --out o --steps 1 --numbers 0,4", "--numbers must be 1 to 100, got 0,4"),
    ],
)
def test_what_is_refused(place, refuse, command, message):
    refuse(f"study {command}", message)
