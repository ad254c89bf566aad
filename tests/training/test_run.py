"""A run's folder: a plan made once, one identity, and a model at the end."""

import json

import pytest
import torch

from cellweave.core import Cells, InvalidInputError, ModelFolderError
from cellweave.data import CellDataset, DatasetWriter
from cellweave.training import Budget, FitRecipe, Plan, TrainingRun, run_identity, training_record

IDENTITY = {"recipe": {"width": 4}, "seed": 0}
MINUTE = Budget(minutes=1.0)
METRICS = {"f1": 0.5}


def never():
    pytest.fail("a stored or exact plan must not measure anything")


def started(folder, **options):
    run = TrainingRun(folder, IDENTITY, **options)
    assert run.start() is None
    return run


def finish(run):
    run.finish(weights={"w": torch.ones(2)}, config={"format": "test"}, metrics=METRICS, card="# Card\n")


def test_minutes_become_steps(tmp_path):
    # 60 s less 6 % for the rest are 56.4 s: 225 steps of 0.25 s
    assert started(tmp_path / "a").plan(MINUTE, lambda: 0.25) == Plan(225, 0, 0.25)
    # two folds of half as many steps each double the work
    assert started(tmp_path / "b").plan(MINUTE, lambda: 0.25, folds=2, fold_share=0.5) == Plan(112, 56, 0.25)


def test_there_is_at_least_one_step(tmp_path):
    assert started(tmp_path / "a").plan(MINUTE, lambda: 1000.0, folds=3, fold_share=0.25) == Plan(1, 1, 1000.0)


def test_slow_steps_are_taken_as_often_as_the_budget_wants_at_least(tmp_path):
    budget = Budget(minutes=1.0, least_steps=30)
    assert started(tmp_path / "a").plan(budget, lambda: 1000.0).steps == 30
    assert started(tmp_path / "b").plan(budget, lambda: 0.25).steps == 225


def test_exact_steps_are_not_measured(tmp_path):
    assert started(tmp_path / "a").plan(Budget(steps=40), never, folds=3, fold_share=0.25) == Plan(40, 10, None)


def test_a_stored_plan_is_never_made_anew(tmp_path):
    plan = started(tmp_path / "a").plan(MINUTE, lambda: 0.25, folds=2, fold_share=0.5)
    again = started(tmp_path / "a").plan(MINUTE, never, folds=2, fold_share=0.5)
    assert again == plan
    stored = json.loads((tmp_path / "a" / "training" / "plan.json").read_text())
    assert stored == {"plan": {"steps": 112, "fold_steps": 56, "step_seconds": 0.25}, "run": IDENTITY}


def test_another_identity_is_refused(tmp_path):
    started(tmp_path / "a").plan(MINUTE, lambda: 0.25)
    other = TrainingRun(tmp_path / "a", {**IDENTITY, "seed": 1})
    for call in (other.start, lambda: other.plan(MINUTE, never)):
        with pytest.raises(ModelFolderError, match=r"a holds a run with another seed; give the same settings"):
            call()
    both = TrainingRun(tmp_path / "a", {"recipe": {"width": 8}, "seed": 1})
    with pytest.raises(ModelFolderError, match="another recipe and seed"):
        both.start()


def test_what_only_the_other_run_depended_on_is_a_difference_as_well(tmp_path):
    more = {**IDENTITY, "synthetic_share": 0.5}
    TrainingRun(tmp_path / "a", more).plan(MINUTE, lambda: 0.25)
    with pytest.raises(ModelFolderError, match="holds a run with another synthetic_share; give the same settings"):
        TrainingRun(tmp_path / "a", IDENTITY).start()
    assert TrainingRun(tmp_path / "a", more).start() is None


def test_one_data_set_is_written_as_before_there_could_be_several(tmp_path):
    datasets = []
    for name in ("one", "two"):
        with DatasetWriter(tmp_path / name, name=name, classes=[], licence="CC0", source="a test") as writer:
            writer.add(name, Cells.empty(classes=(), shape=(1, 1)))
        datasets.append(CellDataset.open(tmp_path / name))
    one, two = datasets
    identity = {
        "recipe": FitRecipe().model_dump(mode="json"),
        "seed": 7,
        "budget": {"steps": 3, "minutes": None},
        "data": one.checksum,
    }
    assert run_identity(FitRecipe(), one, Budget(steps=3), 7) == identity
    assert run_identity(FitRecipe(), [one], Budget(steps=3), 7) == identity
    both = run_identity(FitRecipe(), [one, two], Budget(steps=3), 7)
    assert both == {**identity, "data": [one.checksum, two.checksum]}

    records = [{"name": x.name, "checksum": x.checksum, "licence": "CC0"} for x in datasets]
    assert training_record(one, 7, {"steps": 3}) == {"data": records[0], "seed": 7, "steps": 3}
    assert training_record(datasets, 7, {}) == {"data": records, "seed": 7}


def test_overwriting_throws_the_other_run_away_when_it_starts_and_not_before(tmp_path):
    first = started(tmp_path / "a")
    first.plan(MINUTE, lambda: 0.25)
    finish(first)
    other = TrainingRun(tmp_path / "a", {**IDENTITY, "seed": 1}, overwrite=True)
    assert TrainingRun(tmp_path / "a", IDENTITY).start() == METRICS  # still there
    assert other.start() is None
    assert not (tmp_path / "a" / "config.json").exists()  # a folder with one would pass for a finished model
    assert other.plan(MINUTE, lambda: 0.5).steps == 112


def test_a_finished_run_keeps_plan_and_log_and_drops_its_checkpoints(tmp_path):
    run = started(tmp_path / "a")
    run.plan(MINUTE, lambda: 0.25)
    for part in ("final", "fold-1"):
        (run.state / part / "checkpoints" / "step-00000001").mkdir(parents=True)
        (run.state / part / "log.csv").write_text("step,loss\n1,0.5\n")
    finish(run)
    files = {path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*") if path.is_file()}
    assert files == {
        "model.safetensors",
        "config.json",
        "metrics.json",
        "README.md",
        "training/plan.json",
        "training/final/log.csv",
        "training/fold-1/log.csv",
    }
    assert TrainingRun(tmp_path / "a", IDENTITY).start() == METRICS


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"plan": {"step": 1}, "run": {}}', '{"plan": {"steps": 1}}'])
def test_a_damaged_plan_is_told(tmp_path, content):
    run = started(tmp_path / "a")
    run.plan(MINUTE, lambda: 0.25)
    (run.state / "plan.json").write_text(content)
    with pytest.raises(ModelFolderError, match=r"plan.json is damaged \(.*\); pass --overwrite to train anew"):
        run.start()


@pytest.mark.parametrize("content", [None, "", "[1]"])
def test_damaged_metrics_of_a_finished_run_are_told(tmp_path, content):
    run = started(tmp_path / "a")
    run.plan(MINUTE, lambda: 0.25)
    finish(run)
    (tmp_path / "a" / "metrics.json").unlink()
    if content is not None:
        (tmp_path / "a" / "metrics.json").write_text(content)
    with pytest.raises(ModelFolderError, match=r"metrics.json is damaged \(.*\); pass --overwrite to train anew"):
        run.start()


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_run_is_left_alone(tmp_path, overwrite):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"mine")
    with pytest.raises(InvalidInputError, match=r"photos exists and is not a training run; give another --out"):
        TrainingRun(tmp_path / "photos", IDENTITY, overwrite=overwrite)
    with pytest.raises(InvalidInputError, match=r"cat.png is a file; give a folder for the model with --out"):
        TrainingRun(tmp_path / "photos" / "cat.png", IDENTITY, overwrite=overwrite)
    assert (tmp_path / "photos" / "cat.png").read_bytes() == b"mine"


def test_an_empty_folder_is_as_good_as_none(tmp_path):
    (tmp_path / "a").mkdir()
    assert started(tmp_path / "a").plan(Budget(steps=3), never) == Plan(3)
