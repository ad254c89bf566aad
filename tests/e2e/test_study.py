"""Studies by the command line: their files, going on after a stop to the same result, and what is refused."""

import csv
import json
from pathlib import Path

import pytest

from cellweave.cli.main import main
from cellweave.data.phantom import write_phantom_dataset
from cellweave.workflows.studies.options import LocatorStudyOptions
from cellweave.workflows.studies.study import run_locator_study, study_maps

CHANGES = (
    "network.widths=[4]",
    "augmentation.crop_px=32",
    "fit.precision=fp32",
    "fit.batch_size=1",
    "fit.checkpoint_every=1",
    "fit.log_every=1",
    "calibration.windows_px=[5]",
)
TINY_HRNET = (
    "network.width=2",
    "network.stem_width=2",
    "network.bottlenecks=1",
    "network.modules=[1,1,1]",
    "network.blocks=1",
    "network.head_width=2",
)
OPTIONS = ["--folds", "2", "--radius-px", "6,10", "--device", "cpu"]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_phantom_dataset(tmp_path_factory.mktemp("phantom") / "set", images=10, size=64, seed=1)


@pytest.fixture(autouse=True)
def small_measurements(monkeypatch):
    """Speeds are not what is tested here; on smaller images they are measured sooner."""
    monkeypatch.setattr("cellweave.workflows.studies.speed.SIDE_PX", 64)
    monkeypatch.setattr("cellweave.workflows.studies.plan.AT_LEAST_S", 0.0)


def words(data, out, *more, changes=CHANGES, steps=3):
    sets = [word for change in changes for word in ("--set", change)]
    return ["--data", str(data), "--out", str(out), "--steps", str(steps), *OPTIONS, *sets, *more]


def counts(out):
    """Return what was counted in every trial, without times."""
    stored = {path: json.loads(path.read_text())["result"] for path in sorted(out.glob("arms/*/*/result.json"))}
    return {str(path.relative_to(out)): (one["images"], one["counts"]) for path, one in stored.items()}


def read_csv(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_maps_step_by_step_and_at_once(data, tmp_path, capsys):
    at_once, by_steps = tmp_path / "once", tmp_path / "steps"
    assert main(["study", "maps", *words(data, at_once, "--arms", "edt,marker", "--seeds", "0,1")]) == 0
    said = capsys.readouterr().out
    for name in ("tables.md", "scores.csv", "differences.csv", "summary.json", "f1.png", "differences.png"):
        assert f"written to {at_once / name}" in said
        assert (at_once / name).stat().st_size > 0
    assert "EDT, C1 = 10, C2 = 0.5 better than marker, 3×3" in said

    def stop(stage, done, total, note=""):
        if stage.startswith("marker, seed 0") and done == 2:
            raise KeyboardInterrupt

    interrupted = LocatorStudyOptions(
        data=data,
        out=by_steps,
        steps=3,
        seeds=(0, 1),
        folds=2,
        arms=["edt", "marker"],
        radii_px=(6, 10),
        changes=CHANGES,
        device="cpu",
        progress=stop,
    )
    with pytest.raises(KeyboardInterrupt):
        run_locator_study(study_maps(interrupted))
    assert list(counts(by_steps)) == ["arms/edt/seed-0/result.json"]
    assert list((by_steps / "arms/marker/seed-0/work/fold-1/checkpoints").glob("step-*"))
    assert main(["study", "maps", *words(data, by_steps, "--arms", "marker,edt", "--seeds", "1,0")]) == 0
    assert counts(by_steps) == counts(at_once)
    assert read_csv(by_steps / "scores.csv") == read_csv(at_once / "scores.csv")
    assert not list(by_steps.rglob("checkpoints"))

    # what is there is not run again, and tables of another protocol are made without any run
    before = {path: path.stat().st_mtime_ns for path in by_steps.rglob("result.json")}
    more = ("--arms", "edt", "--seeds", "0,1,2", "--tables-only", "--protocol", "greedy")
    capsys.readouterr()
    assert main(["study", "maps", *words(data, by_steps, *more)]) == 0
    said = capsys.readouterr().out
    assert "note  not run yet: edt, seed 2." in said
    assert "protocol greedy" in (by_steps / "tables.md").read_text()
    assert {path: path.stat().st_mtime_ns for path in by_steps.rglob("result.json")} == before

    scores = read_csv(at_once / "scores.csv")
    assert {row["decoder"] for row in scores} == {"ccls", "lmds", "peaks"}
    assert {row["radius_px"] for row in scores} == {"6.0", "10.0"}
    assert {row["protocol"] for row in scores} == {"matching", "greedy"}


def test_theta_draws_a_curve(data, tmp_path, capsys):
    changes = (*CHANGES[2:], "augmentation.crop_px=64", *TINY_HRNET)
    given = words(data, tmp_path / "out", "--thetas", "0,1", "--seeds", "0", "--json", changes=changes, steps=1)
    assert main(["study", "theta", *given]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [(arm["arm"], arm["value"]) for arm in summary["arms"]] == [("theta-0", 0.0), ("theta-1", 1.0)]
    assert {(row["better"], row["other"]) for row in summary["differences"]} == {("theta-1", "theta-0")}
    assert summary["settings"]["settings"] == {"network": "hrnet"}
    assert (tmp_path / "out" / "f1.png").is_file()


def test_recipes_of_any_kind(data, tmp_path, capsys):
    out = tmp_path / "out"
    arms = ("--arm", "plain", "--arm", "blob=target.map=gaussian;target.settings={sigma_px: 3.0}")
    more = ("--arm", "wide=network.widths=[4,6]")
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text("network: {name: half-unet, widths: [4]}\n")
    given = words(data, out, *arms, "--seeds", "0", "--recipe", str(recipe), changes=CHANGES[1:], steps=2)
    assert main(["study", "recipes", *given]) == 0
    said = capsys.readouterr().out
    assert "F1 of all cells and mean F1 of the classes within 6 px, read by `peaks`" in said
    for name in ("f1.png", "mean_class_f1.png", "mean_class_f1_differences.png"):
        assert f"written to {out / name}" in said
    # every image of all folds is held out, by a network that has not seen its patient
    stored = json.loads((out / "arms/blob/seed-0/result.json").read_text())
    assert {one["fold"] for one in stored["result"]["images"]} == {1, 2}
    assert stored["trial"]["changed"]["target"]["settings"] == {"sigma_px": 3.0}
    assert all(len(one["settings"]["class_reading"]["class_factors"]) > 1 for one in stored["result"]["images"])

    # another arm joins those that are there
    before = counts(out)
    assert main(["study", "recipes", *given, *more]) == 0
    assert {path: one for path, one in counts(out).items() if "wide" not in path} == before
    claims = {(row["better"], row["other"]) for row in read_csv(out / "differences.csv")}
    assert claims == {("blob", "plain"), ("wide", "plain")}
    table = (out / "tables.md").read_text()
    assert "- Arm wide: `network.widths=[4,6]`." in table
    assert "| blob better than plain | peaks | 6 px | mean class F1 |" in table
    # an arm of the same name with other changes is not the arm that is there
    capsys.readouterr()
    assert main(["study", "recipes", *given, "--arm", "wide=network.widths=[4,8]"]) == 2
    assert "is of a trial with other settings (changed)" in capsys.readouterr().err


def test_networks_have_their_cost(data, tmp_path, capsys):
    changes = (*CHANGES[2:], "augmentation.crop_px=64")
    arms = ("--arms", "half-unet,lite-unet", "--seeds", "0")
    given = words(data, tmp_path / "out", *arms, changes=changes, steps=1)
    assert main(["study", "networks", *given]) == 0
    said = capsys.readouterr().out
    assert "MP/s a core" in said
    table = (tmp_path / "out" / "tables.md").read_text()
    assert "| half-unet | 0 | 3.54 M |" in table
    assert (tmp_path / "out" / "speed.png").is_file()


def test_an_arm_that_diverges_is_a_result(data, tmp_path, capsys):
    changes = (*CHANGES, "fit.learning_rate=1e30", "fit.gradient_clip=1e30", "fit.warmup_share=0")
    given = words(data, tmp_path / "out", "--arms", "peak", "--seeds", "0", changes=changes)
    assert main(["study", "maps", *given]) == 0
    assert "did not learn under this recipe: peak" in capsys.readouterr().out
    assert "is not finite" in (tmp_path / "out" / "tables.md").read_text()


def test_a_map_for_each_class_beside_one_of_all(data, tmp_path, capsys):
    out = tmp_path / "out"
    asked = ("--arms", "gaussian,gaussian-separate", "--seeds", "0")
    assert main(["study", "maps", *words(data, out, *asked)]) == 0
    assert {Path(path).parts[1] for path in counts(out)} == {"gaussian", "gaussian-separate"}
    compared = {(row["better"], row["other"]) for row in read_csv(out / "differences.csv")}
    assert compared == {("gaussian", "gaussian-separate")}
    # where all arms have a map a class there is nothing to compare
    capsys.readouterr()
    separate = (*CHANGES, "target.mode=separate")
    assert main(["study", "maps", *words(data, tmp_path / "other", *asked, changes=separate)]) == 2
    assert "study maps has no arm 'gaussian-separate'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("maps --data nowhere --out o --steps 1", "nowhere does not exist"),
        ("maps --data set --out file --steps 1 --folds 2 --use-folds 2", "file is a file; give a folder"),
        ("maps --data set --out full --steps 1 --folds 2 --use-folds 2", "full exists and holds no study"),
        ("maps --data set --out o --steps 0", "--steps must be at least 1, got 0"),
        ("maps --data set --out o --steps 1 --folds 5", "more than the 2 groups (patients or slides)"),
        ("maps --data set --out o --steps 1 --folds 2", "give --use-folds 2 or more, or fewer --folds"),
        ("maps --data set --out o --steps 1 --arms edt,pdt", "study maps has no arm 'pdt'"),
        ("maps --data set --out o --steps 1 --seeds a", "--seeds is 'a'; give numbers separated by commas"),
        ("maps --data set --out o --steps 1 --folds 2 --use-folds 2 --seeds 0,0", "a seed is given twice"),
        ("maps --data set --out o --steps 1 --radius-px 5,5", "--radius-px needs one or more different radii"),
        ("maps --data set --out o --steps 1 --radius-px 0", "a length must be a positive number"),
        ("maps --data set --out o --steps 1 --set target.map=idt", "changes what the arms of the study differ in"),
        ("maps --data set --out o --steps 1 --folds 2 --use-folds 2 --tables-only", "no trial of o has ended yet"),
        ("theta --data set --out o --steps 1 --network swin", "--network swin has no theta; give one of hrnet"),
        ("theta --data set --out o --steps 1 --thetas 0,2", "--thetas must be numbers from 0 to 1"),
        ("recipes --data set --out o --steps 1 --arm a", "compares two or more, got 1"),
        ("recipes --data set --out o --steps 1 --folds 2 --arm a --arm b=turns=3", "turns = 3 does not fit"),
        ("recipes --data set --out o --steps 1 --folds 2 --arm a --arm b=turns=2", "'a' and 'b' are the same recipe"),
        ("recipes --data set --out o --steps 1 --folds 2 --arm a --arm b=mpp=1", "changes the scale"),
        ("networks --data set --out o --steps 1 --recipe none", "there is no recipe 'none'"),
        ("networks --data set --out o --steps 1 --set augmentation.crop_px=40", "must be a multiple of 32"),
    ],
)
def test_what_is_refused(place, refuse, command, message):
    refuse(f"study {command}", message)


def test_another_study_in_the_folder_is_refused(data, tmp_path, capsys):
    out = tmp_path / "out"
    given = words(data, out, "--arms", "edt", "--seeds", "0", steps=1)
    assert main(["study", "maps", *given]) == 0
    before = counts(out)
    for command, more, what in (("maps", ["--radius-px", "7"], "radii_px"), ("networks", [], "name")):
        more = [*more, "--arms", "half-unet"] if command == "networks" else more
        assert main(["study", command, *given, *more]) == 2
        assert f"holds a study with other settings ({what})" in capsys.readouterr().err
    assert counts(out) == before


def test_the_recipe_counts_and_not_how_it_was_asked_for(data, tmp_path, capsys):
    out, recipe = tmp_path / "out", tmp_path / "own.yaml"
    recipe.write_text("target: {map: peak}\nloss: {peak_weight: 7.0}\n")
    options = ("--arms", "half-unet", "--seeds", "0")
    changes = (*CHANGES[2:], "augmentation.crop_px=64")
    given = words(data, out, *options, "--recipe", str(recipe), changes=changes, steps=1)
    assert main(["study", "networks", *given]) == 0
    before, text = counts(out), (out / "tables.md").read_text()
    # the same in other words: what the file said is said by changes, with what was left to defaults written out
    recipe.write_text("fit: {batch_size: 1}\ntarget: {map: marker}\n")
    same = (
        *(change for change in changes if "batch_size" not in change),
        "target={map: peak, settings: {width_px: 3.0}}",
        "loss.peak_weight=7",
    )
    again = words(data, out, *options, "--recipe", str(recipe), changes=same, steps=1)
    for more in ([], ["--tables-only"]):
        assert main(["study", "networks", *again, *more]) == 0
        assert counts(out) == before
        assert (out / "tables.md").read_text() == text
        assert "begun with another recipe" not in text
    capsys.readouterr()
    other = words(data, out, *options, "--recipe", str(recipe), changes=(*same, "loss.balance=1"), steps=1)
    assert main(["study", "networks", *other]) == 2
    assert "holds a study with other settings (recipe); give the same" in capsys.readouterr().err
    assert counts(out) == before


def test_a_study_of_an_earlier_version_has_tables_only(data, tmp_path, capsys):
    out = tmp_path / "out"
    given = words(data, out, "--arms", "edt", "--seeds", "0", steps=1)
    assert main(["study", "maps", *given]) == 0
    assert "Classes of `peaks`: with the neighbours' say" in (out / "tables.md").read_text()
    # as such a version left it: it chose no class readings, and its recipe had other defaults
    for path in (out / "study.json", out / "arms/edt/seed-0/result.json"):
        stored = json.loads(path.read_text())
        identity = stored["study" if path.name == "study.json" else "trial"]
        del identity["class_reading"]
        identity["recipe"]["loss"]["peak_weight"] = 7.0
        path.write_text(json.dumps(stored))
    before, summary = counts(out), json.loads((out / "summary.json").read_text())
    capsys.readouterr()
    for more in ([], ["--plan"]):
        assert main(["study", "maps", *given, *more]) == 2
        assert "a version of this program without class_reading began" in capsys.readouterr().err
    assert main(["study", "maps", *given, "--tables-only"]) == 0
    text = (out / "tables.md").read_text()
    assert "Classes of `peaks`: the most probable ones" in text
    assert "begun with another recipe" in text
    again = json.loads((out / "summary.json").read_text())
    assert again["scores"] == summary["scores"]
    assert again["settings"]["recipe"]["loss"]["peak_weight"] == 7.0
    assert counts(out) == before


def test_a_plan_writes_nothing(data, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["study", "maps", *words(data, out, "--arms", "edt,idt", "--seeds", "0,1", "--plan", "--json")]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [(arm["arm"], arm["missing"]) for arm in plan["arms"]] == [("edt", 2), ("idt", 2)]
    seconds = plan["arms"][0]["seconds_per_step"]
    assert plan["arms"][0]["hours_per_seed"] == pytest.approx(seconds * 3 / 3600, abs=1e-4)
    assert not out.exists()
