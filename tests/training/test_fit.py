import csv

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from cellweave.core import InvalidInputError, ModelFolderError, numpy_generator, torch_generator
from cellweave.training import Budget, FitRecipe, TrainingError, fit, make_accelerator, read_log
from cellweave.training.initialise import initialise

RECIPE = FitRecipe(batch_size=16, learning_rate=0.01, precision="fp32", checkpoint_every=5, log_every=5)


class Lines:
    """Noisy points of the line 3 x - 1; sample i depends on i alone."""

    def __getitem__(self, index):
        rng = numpy_generator(0, "line", index)
        x = rng.uniform(-1, 1, 1).astype(np.float32)
        return {"x": torch.from_numpy(x), "y": torch.from_numpy(3 * x - 1 + rng.normal(0, 0.01, 1).astype(np.float32))}


def network():
    model = nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
    initialise(model, torch_generator(3, "weights"))
    return model


def squared(model, batch, generator):
    # noise from the step's generator, so that a resumed run must draw the same numbers
    x = batch["x"] + 0.01 * torch.randn(batch["x"].shape, generator=generator)
    return {"loss": (model(x) - batch["y"]).square().mean()}


class StopError(Exception):
    pass


def run(folder, steps, *, stop_at=None, model=None, recipe=RECIPE, loss=squared, seed=0):
    def progress(stage, done, total, note=""):
        if done == stop_at:
            raise StopError

    model = model or network()
    weights = fit(
        model,
        loss,
        Lines(),
        recipe,
        folder=folder,
        steps=steps,
        seed=seed,
        run={"data": "lines"},
        accelerator=make_accelerator("cpu"),
        progress=progress,
    )
    return model, weights


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("stop_at", [3, 5, 13])
def test_a_stopped_run_resumes_to_identical_weights_and_log(tmp_path, stop_at):
    straight, straight_weights = run(tmp_path / "straight", 20)
    with pytest.raises(StopError):
        run(tmp_path / "stopped", 20, stop_at=stop_at)
    resumed, resumed_weights = run(tmp_path / "stopped", 20)
    assert same(straight.state_dict(), resumed.state_dict())
    assert same(straight_weights, resumed_weights)
    logs = [read_log(tmp_path / name / "log.csv").drop(columns="seconds_per_step") for name in ("straight", "stopped")]
    assert logs[0].equals(logs[1])
    assert logs[0]["step"].tolist() == [5, 10, 15, 20]


def test_initial_weights_do_not_depend_on_global_randomness():
    first = network().state_dict()
    torch.rand(7)
    assert same(first, network().state_dict())


def test_it_learns_and_the_average_lags_behind(tmp_path):
    model, averaged = run(tmp_path, 300)
    table = read_log(tmp_path / "log.csv")
    assert table["loss"].iloc[-1] < 0.3 * table["loss"].iloc[0]
    assert not same(model.state_dict(), averaged)


def test_the_rate_rises_and_falls_as_half_a_cosine(tmp_path):
    recipe = RECIPE.model_copy(update={"log_every": 1, "warmup_share": 0.2})
    run(tmp_path, 10, recipe=recipe)
    rates = read_log(tmp_path / "log.csv")["learning_rate"]
    assert rates[:3].tolist() == pytest.approx([0.005, 0.01, 0.01])
    assert rates[6] == pytest.approx(0.005)  # half way through the 8 steps after the rise


def test_only_the_latest_checkpoint_is_kept_and_remains_of_a_kill_are_swept(tmp_path):
    checkpoints = tmp_path / "checkpoints"
    (checkpoints / ".step-00000003.partial-1234abcd").mkdir(parents=True)
    run(tmp_path, 15)
    assert [path.name for path in checkpoints.iterdir()] == ["step-00000015"]


def test_checkpoints_hold_no_pickle(tmp_path):
    run(tmp_path, 5)
    files = {path.name for path in (tmp_path / "checkpoints" / "step-00000005").iterdir()}
    assert files == {"model.safetensors", "averaged.safetensors", "optimizer.safetensors", "state.json"}
    assert "0.exp_avg" in load_file(tmp_path / "checkpoints" / "step-00000005" / "optimizer.safetensors")


def test_resuming_under_other_settings_is_refused(tmp_path):
    run(tmp_path, 5)
    with pytest.raises(ModelFolderError, match=r"holds a run with another seed \(0, not 1\)"):
        run(tmp_path, 5, seed=1)


def test_a_damaged_checkpoint_is_told(tmp_path):
    run(tmp_path, 5)
    (tmp_path / "checkpoints" / "step-00000005" / "averaged.safetensors").write_bytes(b"short")
    with pytest.raises(ModelFolderError, match="is damaged"):
        run(tmp_path, 5)


def test_a_diverging_run_is_told(tmp_path):
    def nonsense(model, batch, generator):
        return {"loss": model(batch["x"]).sum() * float("nan")}

    with pytest.raises(TrainingError, match=r"the loss is not finite at step 5 .* lower the rate"):
        run(tmp_path, 10, loss=nonsense)


def test_log_rows_are_plain_csv(tmp_path):
    run(tmp_path, 10)
    with (tmp_path / "log.csv").open() as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["step", "loss", "learning_rate", "seconds_per_step"]
    assert [row[0] for row in rows[1:]] == ["5", "10"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of the two"),
        ({"steps": 1, "minutes": 1.0}, "one of the two"),
        ({"steps": 0}, "at least 1, got 0"),
        ({"minutes": -2.0}, "positive number, got -2"),
    ],
)
def test_a_budget_is_steps_or_minutes(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        Budget(**arguments)
