"""Sampling with networks whose answer is known: right distributions, hand-written steps, independence of batches."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cellweave.core import CellweaveError, torch_generator
from cellweave.diffusion import (
    DiffusionProcess,
    DiffusionUNet,
    DiffusionUNetRecipe,
    ProcessRecipe,
    SamplerRecipe,
    restore,
    sample,
    sample_batches,
    sampling_levels,
)

PREDICTIONS = ("epsilon", "v", "x0")
SAMPLERS = (
    SamplerRecipe(name="ddpm", steps=500),
    SamplerRecipe(name="ddim", steps=250),
    SamplerRecipe(name="ddim", steps=500, eta=1.0, timestep_spacing="linspace"),
    SamplerRecipe(name="dpm-solver++", steps=60),
    SamplerRecipe(name="unipc", steps=60),
)


def process(prediction="epsilon", **settings):
    return DiffusionProcess(ProcessRecipe(**{"schedule": "cosine", "prediction": prediction, **settings}))


class Oracle:
    """The perfect network for data that is Gaussian with a mean and a deviation for each channel."""

    def __init__(self, model, mean, deviation, place=-1.0):
        self.model, self.place = model, place
        self.mean, self.variance = mean.reshape(-1, 1, 1), deviation.reshape(-1, 1, 1).square()

    def __call__(self, x_t, t, *, category, condition):
        signal = self.model.signal[t].reshape(-1, 1, 1, 1)
        gain = signal.sqrt() * self.variance / (signal * self.variance + 1 - signal)
        x0 = self.mean + gain * (x_t - signal.sqrt() * self.mean)
        noise = (x_t - signal.sqrt() * x0) / (1 - signal).sqrt()
        output = self.model.target(x0.float(), noise.float(), t)
        if not self.model.recipe.learned_variance:
            return output
        return torch.cat([output, torch.full_like(output, self.place)], dim=1)


@pytest.mark.parametrize("recipe", SAMPLERS, ids=lambda r: f"{r.name}-{r.eta:g}")
@pytest.mark.parametrize("channels", [3, 6])
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_gaussian_data_is_reproduced(recipe, channels, prediction):
    model = process(prediction)
    mean, deviation = torch.linspace(-0.6, 0.5, channels), torch.linspace(0.1, 0.4, channels)
    found = sample(
        Oracle(model, mean, deviation),
        model,
        (channels, 8, 8),
        seed=1,
        indices=range(40),
        recipe=recipe.model_copy(update={"clip": False}),
        batch_size=40,
    )
    # 2560 values a channel: 4 standard errors are 0.08 of a deviation, 0.056 of it for the deviation itself
    values = found.transpose(0, 1).flatten(start_dim=1)
    assert ((values.mean(dim=1) - mean).abs() < 0.08 * deviation).all()
    torch.testing.assert_close(values.std(dim=1), deviation, rtol=0.09, atol=0)


@pytest.mark.parametrize("name", ["ddpm", "ddim", "dpm-solver++", "unipc"])
@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("settings", [{}, {"schedule": "linear", "snr_shift": 0.25, "learned_variance": False}])
def test_a_single_point_is_found_in_any_number_of_steps(name, prediction, settings):
    model = process(prediction, **settings)
    point = torch.linspace(-1, 1, 3)
    for steps in (7, 30):
        found = sample(
            Oracle(model, point, torch.zeros(3)),
            model,
            (3, 2, 2),
            seed=1,
            indices=[0, 1],
            recipe=SamplerRecipe(name=name, steps=steps),
        )
        torch.testing.assert_close(found, point.reshape(-1, 1, 1).expand(2, 3, 2, 2), rtol=0, atol=2e-3)


def test_learned_variance_reaches_ddpm_alone():
    # with few steps the posterior's variance is too small for spread data, and beta too large
    deviations = {}
    for name in ("ddpm", "ddim", "dpm-solver++", "unipc"):
        for place in (-1.0, 1.0):
            model = process()
            found = sample(
                Oracle(model, torch.zeros(3), torch.full((3,), 0.5), place=place),
                model,
                (3, 8, 8),
                seed=3,
                indices=range(16),
                recipe=SamplerRecipe(name=name, steps=10, clip=False),
                batch_size=16,
            )
            deviations[name, place] = float(found.std())
    assert deviations["ddpm", -1.0] < 0.45 < 0.5 < deviations["ddpm", 1.0]
    assert deviations["ddim", -1.0] == deviations["ddim", 1.0]
    assert deviations["dpm-solver++", -1.0] == deviations["dpm-solver++", 1.0]
    assert deviations["unipc", -1.0] == deviations["unipc", 1.0]


def linear_network(x_t, t, *, category, condition):
    return 0.4 * x_t + 0.1 * (t / 1000).reshape(-1, 1, 1, 1)


@pytest.mark.parametrize("eta", [0.0, 0.7])
@pytest.mark.parametrize("spacing", ["trailing", "leading", "linspace"])
def test_ddim_is_its_formula(eta, spacing):
    model = process(schedule="linear", learned_variance=False)
    recipe = SamplerRecipe(name="ddim", steps=7, eta=eta, clip=False, timestep_spacing=spacing)
    found = sample(linear_network, model, (2, 4, 4), seed=5, indices=[3], recipe=recipe)

    generator = torch_generator(5, "sample", 3)
    x = torch.randn(2, 4, 4, generator=generator).double()
    levels = sampling_levels(model, recipe).tolist()
    for level, following in zip(levels, [*levels[1:], None], strict=True):
        signal = float(model.signal[level])
        after = 1.0 if following is None else float(model.signal[following])
        noise = 0.4 * x + 0.1 * level / 1000
        x0 = (x - math.sqrt(1 - signal) * noise) / math.sqrt(signal)
        added = eta * math.sqrt((1 - after) / (1 - signal) * (1 - signal / after))
        x = math.sqrt(after) * x0 + math.sqrt(1 - after - added**2) * noise
        if eta:
            x = x + added * torch.randn(1, 2, 4, 4, generator=generator)[0]
    torch.testing.assert_close(found[0], x.float(), rtol=1e-3, atol=1e-3)


def test_levels_by_hand():
    model = process()

    def levels(spacing):
        return sampling_levels(model, SamplerRecipe(steps=4, timestep_spacing=spacing)).tolist()

    assert levels("trailing") == [999, 749, 499, 249]
    assert levels("leading") == [750, 500, 250, 0]
    assert levels("linspace") == [999, 666, 333, 0]


def test_levels_with_a_power_by_hand():
    model = process()
    halves = SamplerRecipe(steps=4, level_power=0.5)  # 1000 times the roots of 1, 3/4, 1/2 and 1/4
    assert sampling_levels(model, halves).tolist() == [999, 865, 706, 499]
    assert sampling_levels(model, SamplerRecipe(steps=1000, level_power=0.3)).tolist() == list(range(999, -1, -1))


@given(steps=st.integers(1, 1000), power=st.floats(0.05, 1))
def test_every_level_is_visited_once(steps, power):
    levels = sampling_levels(process(), SamplerRecipe(steps=steps, level_power=power)).tolist()
    assert len(levels) == steps
    assert levels[0] == 999
    assert levels[-1] >= 0
    assert all(after < before for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize(
    "wrong",
    [{"level_power": 0.0}, {"level_power": 1.5}, {"level_power": 0.5, "timestep_spacing": "linspace"}],
    ids=["none", "above 1", "another spacing"],
)
def test_powers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        SamplerRecipe.model_validate(wrong)


def test_clipping_can_be_left_out():
    model = process("x0", learned_variance=False)

    def far_out(x_t, t, *, category, condition):
        return torch.full_like(x_t, 3.0)

    for clip, expected in ((True, 1.0), (False, 3.0)):
        recipe = SamplerRecipe(name="ddim", steps=5, clip=clip)
        found = sample(far_out, model, (1, 2, 2), seed=0, indices=[0], recipe=recipe)
        torch.testing.assert_close(found, torch.full((1, 1, 2, 2), expected))


@pytest.mark.parametrize("recipe", SAMPLERS, ids=lambda r: f"{r.name}-{r.eta:g}")
def test_noise_is_a_samples_own_bit_for_bit(recipe):
    model = process("v")
    oracle = Oracle(model, torch.zeros(3), torch.ones(3))
    recipe = recipe.model_copy(update={"steps": 5})
    together = sample(oracle, model, (3, 5, 5), seed=2, indices=range(5), recipe=recipe, batch_size=5)
    for size, order in ((1, [4, 0]), (2, [3, 4, 1])):
        chosen = sample(oracle, model, (3, 5, 5), seed=2, indices=order, recipe=recipe, batch_size=size)
        assert torch.equal(chosen, together[order])
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(
        sample(oracle, model, (3, 5, 5), seed=3, indices=[0], recipe=recipe)[0],
        together[0],
    )


def test_a_networks_samples_do_not_depend_on_the_batch():
    model = process("v")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shape = DiffusionUNetRecipe(widths=(16, 32), blocks=1, attention_levels=(1,), fold=2)
        net = DiffusionUNet(shape, 2, 1, 3, learned_variance=True).eval()
        torch.nn.init.normal_(net.exit.weight, std=0.05)
    categories, conditions = torch.arange(5) % 3, torch.randn(5, 1, 16, 16)
    found = [
        sample(
            net,
            model,
            (2, 16, 16),
            seed=2,
            indices=range(10, 15),
            recipe=SamplerRecipe(name="ddpm", steps=5),
            batch_size=size,
            category=categories,
            condition=condition,
        )
        for size, condition in (
            (5, conditions),
            (2, conditions),
            (2, lambda numbers: conditions[torch.tensor(numbers) - 10]),
        )
    ]
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=1e-4)
    assert torch.equal(found[2], found[1])


def test_progress_counts_samples():
    seen = []
    model = process(learned_variance=False)
    batches = sample_batches(
        linear_network,
        model,
        (1, 2, 2),
        seed=0,
        indices=range(3),
        recipe=SamplerRecipe(steps=2),
        batch_size=2,
        progress=lambda stage, done, total, note="": seen.append((done, total, note)),
    )
    assert [len(batch) for batch in batches] == [2, 1]
    assert seen == [(0, 3, "step 1 of 2"), (2, 3, "step 2 of 2"), (2, 3, "step 1 of 2"), (3, 3, "step 2 of 2")]


def test_no_indices_give_no_samples():
    model = process(learned_variance=False)
    assert sample(linear_network, model, (1, 2, 2), seed=0, indices=[], recipe=SamplerRecipe()).shape == (0, 1, 2, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"category": torch.tensor([0])}, "category must hold one entry for each of the 2 samples, it holds 1"),
        ({"condition": torch.zeros(3, 1, 2, 2)}, "condition must hold one entry for each of the 2 samples"),
        ({"batch_size": 0}, "at least 1, got 0"),
        ({"recipe": SamplerRecipe(steps=1001)}, "at most the 1000 steps of its process, got 1001"),
    ],
)
def test_inputs_that_do_not_fit(settings, message):
    model = process(learned_variance=False)
    given = {"seed": 0, "indices": [0, 1], "recipe": SamplerRecipe(steps=2), **settings}
    with pytest.raises(CellweaveError, match=message):
        sample(linear_network, model, (1, 2, 2), **given)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("level", [300, 700])
def test_a_restoration_ends_where_the_flow_leads(prediction, level):
    """For Gaussian data the way back without noise is known: the same quantile of the clean distribution."""
    model = process(prediction, learned_variance=False, clip_x0=None)
    mean, deviation = torch.tensor([-0.3, 0.4]).reshape(2, 1, 1), torch.tensor([0.2, 0.5]).reshape(2, 1, 1)
    x_t = torch.randn(4, 2, 8, 8, generator=torch_generator(0, "restoration"))
    signal = float(model.signal[level])
    quantile = (x_t - signal**0.5 * mean) / (signal * deviation.square() + 1 - signal).sqrt()
    expected = mean + deviation * quantile
    errors = []
    for steps in (20, 80):
        found = restore(Oracle(model, mean, deviation), model, x_t, level=level, steps=steps)
        assert found.shape == x_t.shape
        errors.append((found - expected).abs().mean().item())
    # a method of first order: four times the steps leave about a quarter of the error
    assert errors[1] < 0.35 * errors[0]
    assert errors[1] < 0.02


def test_one_step_of_restoring_is_the_networks_word():
    model = process("x0", learned_variance=False, clip_x0=None)
    oracle = Oracle(model, torch.tensor([0.1]), torch.tensor([0.3]))
    x_t = torch.randn(2, 1, 4, 4, generator=torch_generator(1, "one step"))
    t = torch.full((2,), 500)
    expected = oracle(x_t, t, category=None, condition=None)
    torch.testing.assert_close(restore(oracle, model, x_t, level=500, steps=1), expected)


@pytest.mark.parametrize(("level", "steps"), [(1000, 5), (-1, 1), (3, 5), (3, 0)])
def test_levels_and_steps_that_do_not_exist_are_told(level, steps):
    model = process("x0", learned_variance=False)
    with pytest.raises(CellweaveError, match="level must be 0 to 999 and steps 1 to level"):
        restore(Oracle(model, torch.zeros(1), torch.ones(1)), model, torch.zeros(1, 1, 4, 4), level=level, steps=steps)
