"""What a checkpoint brings back, and the checkpoints that it does not take."""

import json
import re

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from cellweave.core import ModelFolderError, torch_generator
from cellweave.training import Checkpoint, FitRecipe, Stepper, initialise, make_accelerator

RECIPE = FitRecipe(learning_rate=0.01, precision="fp32")
RUN = {"data": "noise", "seed": 3}


def squared(model, batch, generator):
    return {"loss": (model(batch["x"]) - 1).square().mean()}


def stepper(*, taken=0):
    """Return a stepper of a network in channels_last, some steps on."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 3))
    initialise(network, torch_generator(1, "weights"))
    network = network.to(memory_format=torch.channels_last)
    one = Stepper(network, squared, RECIPE, steps=10, seed=0, accelerator=make_accelerator("cpu"))
    for _ in range(taken):
        take(one)
    return one


def take(one):
    one.take({"x": torch.randn(2, 3, 9, 9, generator=torch_generator(2, "x", one.step))})


def moments(one):
    parameters = dict(one.raw_model.named_parameters())
    return {name: one.optimizer.state[parameter] for name, parameter in parameters.items()}


@pytest.fixture
def saved(tmp_path):
    """Return the folder of a checkpoint after two steps."""
    Checkpoint(tmp_path, RUN).save(stepper(taken=2))
    return tmp_path / "step-00000002"


def test_everything_comes_back_in_the_layout_it_had(saved):
    before, after = stepper(taken=2), stepper()
    assert Checkpoint(saved.parent, RUN).restore(after)
    assert after.step == 2
    for name, value in before.raw_model.state_dict().items():
        assert torch.equal(after.raw_model.state_dict()[name], value)
        assert torch.equal(after.averaged[name], before.averaged[name])
    kernel = after.raw_model[0].weight
    assert kernel.stride() == (27, 1, 9, 3)  # channels last; by default it would be (27, 9, 3, 1)
    parameters = dict(after.raw_model.named_parameters())
    for name, restored in moments(after).items():
        for moment in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(restored[moment], moments(before)[name][moment])
            assert restored[moment].stride() == parameters[name].stride()
        assert restored["step"] == 2


def test_the_next_step_is_the_one_that_would_have_been_taken(saved):
    straight, resumed = stepper(taken=3), stepper()
    Checkpoint(saved.parent, RUN).restore(resumed)
    take(resumed)
    for name, value in straight.raw_model.state_dict().items():
        assert torch.equal(resumed.raw_model.state_dict()[name], value)


def test_without_a_checkpoint_nothing_is_restored(tmp_path):
    one = stepper()
    assert not Checkpoint(tmp_path / "none", RUN).restore(one)
    assert Checkpoint(tmp_path, RUN).latest() is None
    assert one.step == 0


def test_the_highest_step_is_the_latest(tmp_path):
    for name in ("step-00000009", "step-00000100", ".step-00000200.partial-12345678", "step-300", "notes"):
        (tmp_path / name).mkdir()
    assert Checkpoint(tmp_path, RUN).latest() == tmp_path / "step-00000100"


def test_a_save_that_fails_leaves_the_earlier_checkpoint(saved, monkeypatch):
    def full_disk(self, text):
        raise OSError(28, "No space left on device")

    one = stepper(taken=3)
    monkeypatch.setattr(type(saved), "write_text", full_disk)
    with pytest.raises(OSError, match="No space left"):
        Checkpoint(saved.parent, RUN).save(one)
    monkeypatch.undo()
    assert [path.name for path in saved.parent.iterdir()] == ["step-00000002"]
    assert Checkpoint(saved.parent, RUN).restore(stepper())


@pytest.mark.parametrize(
    "content", ["", '{"step": 2, "run"', "[]", "{}", '{"step": 2}', '{"step": "2", "run": {}}', "\xff"]
)
def test_a_damaged_state_is_told(saved, content):
    (saved / "state.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(ModelFolderError, match=rf"checkpoint {re.escape(str(saved))} is damaged \(.*; remove it to"):
        Checkpoint(saved.parent, RUN).restore(stepper())


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json"])
def test_a_missing_file_is_told(saved, name):
    (saved / name).unlink()
    with pytest.raises(ModelFolderError, match=rf"step-00000002 is damaged .*{name}"):
        Checkpoint(saved.parent, RUN).restore(stepper())


def test_another_run_is_refused_and_changes_nothing(saved):
    one = stepper()
    weights = {name: value.clone() for name, value in one.raw_model.state_dict().items()}
    with pytest.raises(
        ModelFolderError, match=r'holds a run with another data \("noise", not "other"\); give the same'
    ):
        Checkpoint(saved.parent, {**RUN, "data": "other"}).restore(one)
    with pytest.raises(ModelFolderError, match=r"holds a run with another steps \(null, not 10\)"):
        Checkpoint(saved.parent, {**RUN, "steps": 10}).restore(one)
    assert one.step == 0
    assert all(torch.equal(value, weights[name]) for name, value in one.raw_model.state_dict().items())


def test_a_long_setting_is_told_in_short(saved):
    with pytest.raises(ModelFolderError) as told:
        Checkpoint(saved.parent, {**RUN, "data": {"path": "x" * 500}}).restore(stepper())
    assert "xxx..." in str(told.value)
    assert len(str(told.value)) < 400


def test_tensors_and_json_are_all_there_is(saved):
    assert json.loads((saved / "state.json").read_text()) == {"step": 2, "run": RUN}
    # AdamW's groups: both kernels first, then the vectors
    assert load_file(saved / "optimizer.safetensors")["0.exp_avg"].shape == (4, 3, 3, 3)
