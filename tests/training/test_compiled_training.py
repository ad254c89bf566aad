"""Compiled training: the same steps, and nothing in what is stored says that it was compiled."""

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from cellweave.core import numpy_generator, torch_generator
from cellweave.training import FitRecipe, fit, initialise, load_recipe, make_accelerator, run_identity
from cellweave.training.budget import Budget

PLAIN = FitRecipe(batch_size=4, learning_rate=0.01, precision="fp32", checkpoint_every=2, log_every=2)
COMPILED = PLAIN.model_copy(update={"compile": True})


class Noise:
    def __getitem__(self, index):
        return {"x": torch.from_numpy(numpy_generator(0, "x", index).normal(size=3).astype("float32"))}


class StopError(Exception):
    pass


def to_one(model, batch, generator):
    return {"loss": (model(batch["x"]) - 1).square().mean()}


def run(folder, recipe, *, stop_at=None):
    def progress(stage, done, total, note=""):
        if done == stop_at:
            raise StopError

    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1))
    initialise(network, torch_generator(1, "weights"))
    return fit(
        network,
        to_one,
        Noise(),
        recipe,
        folder=folder,
        steps=4,
        seed=0,
        run={"data": "noise"},
        accelerator=make_accelerator("cpu"),
        progress=progress,
    )


@pytest.mark.parametrize(("first", "then"), [(PLAIN, COMPILED), (COMPILED, PLAIN)], ids=["plain", "compiled"])
def test_a_run_goes_on_with_compiling_or_without(tmp_path, compiled_graphs, first, then):
    whole = run(tmp_path / "whole", PLAIN)
    assert compiled_graphs == []
    with pytest.raises(StopError):
        run(tmp_path / "run", first, stop_at=2)
    stored = load_file(tmp_path / "run" / "checkpoints" / "step-00000002" / "model.safetensors")
    resumed = run(tmp_path / "run", then)
    assert len(compiled_graphs) == 1
    assert set(stored) == set(resumed) == set(whole)
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, atol=1e-5, rtol=1e-5)  # two kinds of rounding, four steps


def test_compiling_is_no_part_of_what_a_run_is():
    assert COMPILED.compile
    assert COMPILED.model_dump() == PLAIN.model_dump()
    assert run_identity(COMPILED, [], Budget(steps=1), 0) == run_identity(PLAIN, [], Budget(steps=1), 0)
    assert not FitRecipe.model_validate(PLAIN.model_dump()).compile


def test_it_is_asked_for_like_any_setting():
    from cellweave.images import ImageRecipe

    assert load_recipe(ImageRecipe, "images", "default", ["fit.compile=true"]).fit.compile
