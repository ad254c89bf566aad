"""Studies of image models by the command line: their files, going on after a stop, and what is refused."""

import csv
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cellweave.cli.main import main
from cellweave.data.phantom import write_phantom_dataset
from cellweave.workflows.studies import image_measures
from cellweave.workflows.studies.image_studies import run_image_study, study_samplers
from cellweave.workflows.studies.options import ImageStudyOptions

CHANGES = (
    "fit.precision=fp32",
    "fit.batch_size=1",
    "fit.checkpoint_every=1",
    "fit.log_every=1",
    "network.widths=[8,16]",
    "crop_px=32",
    "sampler.steps=2",
)
SETS = [word for change in CHANGES for word in ("--set", change)]
RECIPE = ["--recipe", "nasdm-laptop", "--device", "cpu", *SETS]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Phantom tissue, ``set``, a model of its masks that can be guided, ``model``, and one that cannot, ``plain``."""
    root = tmp_path_factory.mktemp("images")
    data = str(write_phantom_dataset(root / "set", images=24, size=128, seed=1))
    common = ["train", "images", "--data", data, "--steps", "2"]
    assert main([*common, "--out", str(root / "model"), *RECIPE]) == 0
    shutil.copytree(root / "model", root / "plain")
    config = json.loads((root / "plain" / "config.json").read_text())
    config["recipe"] |= {"fine_tuning": None, "guidance": 0.0}  # as if it had been trained without that phase
    (root / "plain" / "config.json").write_text(json.dumps(config))
    return root


@pytest.fixture
def place(made, tmp_path, monkeypatch) -> Path:
    shutil.copytree(made, tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    return tmp_path / "w"


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(image_measures, "RESAMPLES", 8)


def words(root: Path, out: Path, *more: str) -> list[str]:
    where = ["--model", str(root / "model"), "--data", str(root / "set"), "--out", str(out)]
    return [*where, "--device", "cpu", "--locator", "none", *more]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def flat(text: str) -> str:
    """Return a text without the breaks of its lines."""
    return " ".join(text.split())


def results(out: Path) -> dict[str, dict[str, object]]:
    """Return what the trials measured, without times."""
    found = {}
    for path in sorted(out.glob("arms/*/*/result.json")):
        [fold] = json.loads(path.read_text())["result"]["folds"]
        found[str(path.relative_to(out / "arms"))] = {k: v for k, v in fold.items() if k != "seconds_per_image"}
    return found


def test_samplers_step_by_step_and_at_once(made, tmp_path, capsys):
    at_once, by_steps = tmp_path / "once", tmp_path / "steps"
    asked = ["--samplers", "ddpm:4,unipc:2", "--reference", "ddpm:4", "--batch-size", "2", "--count", "4"]
    assert main(["study", "samplers", *words(made, at_once, *asked)]) == 0
    said = capsys.readouterr().out
    for name in ("tables.md", "scores.csv", "differences.csv", "summary.json", "scores.png", "differences.png"):
        assert f"written to {at_once / name}" in said
        assert (at_once / name).stat().st_size > 0
    assert "unipc, 2 steps better than ddpm, 4 steps" in said
    assert "for which 2 groups (patients, slides or regions; an image without one is its own), each with" in flat(said)
    tables = (at_once / "tables.md").read_text()
    assert "No FID: 4 squares do not fix the covariance of 64 features" in tables
    assert "masks of 4 patches of 64×64 px of 4 images of 2 groups" in tables
    assert "No interval of KID, KID position: of 2 groups, too many draws hold a single one" in tables

    def stop(stage, done, total, note=""):
        if stage == "unipc-2, seed 0: painting" and done == 2:
            raise KeyboardInterrupt

    def run(progress):
        options = ImageStudyOptions(
            data=made / "set",
            out=by_steps,
            seeds=(0,),
            count=4,
            locator="none",
            device="cpu",
            progress=progress,
        )
        ways = ["ddpm:4", "unipc:2"]
        study = study_samplers(options, made / "model", samplers=ways, reference="ddpm:4", batch_size=2)
        run_image_study(study)

    with pytest.raises(KeyboardInterrupt):
        run(stop)
    assert list(results(by_steps)) == ["ddpm-4/seed-0/result.json"]
    [painted] = (by_steps / "arms" / "unipc-2").rglob("painted-*")
    before = painted.stat().st_mtime_ns

    def look_back(stage, done, total, note=""):
        if stage.startswith("unipc-2, seed 0: painting"):
            assert painted.stat().st_mtime_ns == before

    run(look_back)
    assert results(by_steps) == results(at_once)
    assert not list(by_steps.rglob("work"))
    columns = ("arm", "measure", "mean", "low", "high")
    scores = [
        [[row[name] for name in columns] for row in read_csv(out / "scores.csv") if row["measure"] != "s an image"]
        for out in (at_once, by_steps)
    ]
    assert scores[0] == scores[1]

    # tables are made of what is there, another count is another study, another sampler is not
    capsys.readouterr()
    more = [word.replace("unipc:2", "unipc:2,ddim:2") for word in asked]
    assert main(["study", "samplers", *words(made, at_once, *more, "--tables-only")]) == 0
    assert "note  not run yet: ddim-2, seed 0." in capsys.readouterr().out
    assert main(["study", "samplers", *words(made, at_once, *asked[:-1], "5")]) == 2
    assert "holds a study with other settings (count)" in capsys.readouterr().err


def test_a_folder_of_patches_drawn_one_by_one_is_refused(made, tmp_path, capsys):
    out = tmp_path / "out"
    asked = words(made, out, "--reference", "ddim:2", "--samplers", "ddim:2", "--count", "4")
    assert main(["study", "samplers", *asked]) == 0
    stored = json.loads((out / "study.json").read_text())
    assert stored["study"].pop("drawn") == "groups"
    (out / "study.json").write_text(json.dumps(stored))
    capsys.readouterr()
    assert main(["study", "samplers", *asked]) == 2
    said = capsys.readouterr().err
    assert "holds a study that a version of this program without drawn began" in said
    assert said.count("\n") == 1


def test_scales_of_guidance(made, tmp_path, capsys):
    out = tmp_path / "out"
    asked = ["--scales", "0,3", "--seeds", "0,1", "--count", "3", "--sampler", "ddim:2", "--json"]
    assert main(["study", "guidance", *words(made, out, *asked)]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [(arm["arm"], arm["value"], arm["seeds"]) for arm in summary["arms"]] == [
        ("scale-0", 0.0, "0,1"),
        ("scale-3", 3.0, "0,1"),
    ]
    scores = {(row["arm"], row["measure"]): row for row in summary["scores"]}
    assert scores["scale-0", "KID"]["mean"] != scores["scale-3", "KID"]["mean"]
    assert scores["scale-0", "F1"]["mean"] is None
    assert scores["scale-3", "IS"]["seeds"] == 2
    assert {row["other"] for row in summary["differences"]} == {"scale-0"}
    assert (out / "examples.png").stat().st_size > 0


def test_magnification(made, tmp_path, capsys):
    out = tmp_path / "out"
    given = ["--data", str(made / "set"), "--out", str(out), "--steps", "2", "--seeds", "0", "--folds", "2"]
    asked = [*given, "--size", "64", "--count", "4", *RECIPE, "--json"]
    assert main(["study", "magnification", *asked, "--locator", "none"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [(arm["arm"], arm["failed"]) for arm in summary["arms"]] == [("reduce-1", ""), ("reduce-2", "")]
    # an area of 128 px is one patch of half the magnification, and four of the whole: the same tissue
    assert summary["tiles"] == {"reduce-1": 16, "reduce-2": 16}
    folds = {
        path.parts[-3]: json.loads(path.read_text())["result"]["folds"][0] for path in out.glob("arms/*/*/result.json")
    }
    assert {name: fold["patches"] for name, fold in folds.items()} == {"reduce-1": 16, "reduce-2": 4}
    assert folds["reduce-1"]["held_out"] == folds["reduce-2"]["held_out"]
    # arms are compared with real images of their own
    assert folds["reduce-1"]["references"] != folds["reduce-2"]["references"]
    assert (out / "scores.png").stat().st_size > 0
    # a folder that was begun before recipes had a setting whose default changes nothing is this study's
    for path in (out / "study.json", *out.glob("arms/*/*/result.json")):
        stored = json.loads(path.read_text())
        del stored["study" if path.name == "study.json" else "trial"]["recipe"]["sampler"]["level_power"]
        path.write_text(json.dumps(stored))
    assert main(["study", "magnification", *asked, "--locator", "none"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"] == summary["scores"]


def test_of_one_patient_there_is_no_distance(made, tmp_path, capsys):
    shutil.copytree(made / "set", tmp_path / "set")
    images = pd.read_parquet(tmp_path / "set/images.parquet")
    images.assign(group="patient").to_parquet(tmp_path / "set/images.parquet")
    asked = ["--scales", "0", "--seeds", "0", "--count", "2", "--sampler", "ddim:2"]
    where = ["--model", str(made / "model"), "--data", str(tmp_path / "set"), "--out", str(tmp_path / "out")]
    assert main(["study", "guidance", *where, *asked, "--device", "cpu", "--locator", "none"]) == 0
    assert "All patches are of one group: there is no KID" in flat(capsys.readouterr().out)


MODEL = "--model model --data set --out o"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"guidance {MODEL} --scales 0,a", "--scales is '0,a'; give numbers separated by commas"),
        (f"guidance {MODEL} --scales 1,1", "1 is given twice in --scales"),
        (f"guidance {MODEL} --scales -1", "from 0 (none) to 100, got -1"),
        (f"guidance {MODEL} --seeds 0,0", "a seed is given twice"),
        (f"guidance {MODEL} --count 999", "patches of 64 px side by side, and 999 are needed"),
        (f"guidance {MODEL} --count 1", "and 2 are needed"),
        (f"guidance {MODEL} --size 32", "--size 32 is smaller than what an encoder sees, 32 µm or 64 px"),
        (f"guidance {MODEL} --size 200", "give 0 patches of 200 px"),
        (f"guidance {MODEL} --split third", "set has no image in split 'third'"),
        (f"guidance {MODEL} --encoder nowhere", "there is no encoder nowhere"),
        (f"guidance {MODEL} --locator nowhere", "'nowhere' is no model folder"),
        (f"guidance {MODEL} --batch-size 0", "--batch-size must be at least 1, got 0"),
        (f"guidance {MODEL} --tables-only", "no trial of o has ended yet"),
        ("guidance --model plain --data set --out o", "the image model cannot be guided"),
        ("guidance --model model --data nowhere --out o", "nowhere does not exist"),
        ("guidance --model nowhere --data set --out o", "'nowhere' is no model folder"),
        (f"samplers {MODEL} --samplers euler:5 --reference euler:5", "--samplers 'euler:5': sampler: name"),
        (f"samplers {MODEL} --samplers ddim:0 --reference ddim:0", "--samplers 'ddim:0': give NAME:STEPS"),
        (f"samplers {MODEL} --samplers ddim:5", "--reference ddpm:250 is none of --samplers ddim:5"),
        ("magnification --data set --out o --steps 0", "--steps must be at least 1, got 0"),
        ("magnification --data set --out o --steps 1 --reduce 2,3", "--reduce 2,3: the largest must be a multiple"),
        ("magnification --data set --out o --steps 1 --folds 99", "--folds 99 are more than the"),
        ("magnification --data set --out o --steps 1 --folds 2", "give 0 patches of 256 px side by side"),
        ("magnification --data set --out o --steps 1 --folds 8", "fold 1 of 8 holds out a single group"),
        ("magnification --data set --out o --steps 1 --recipe none", "none"),
    ],
)
def test_what_is_refused(place, refuse, command, message):
    refuse(f"study {command}", message)
