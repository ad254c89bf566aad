"""The process: schedules by hand and against diffusers, the algebra between parametrisations, Bayes' rule."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cellweave.core import CellweaveError
from cellweave.diffusion import DiffusionProcess, ProcessRecipe

PREDICTIONS = ("epsilon", "v", "x0")


def process(**settings):
    return DiffusionProcess(ProcessRecipe(**settings))


def noisy_batch(model, seed=0, count=6):
    generator = torch.Generator().manual_seed(seed)
    x0 = torch.rand(count, 2, 3, 3, generator=generator) * 2 - 1
    noise = torch.randn(x0.shape, generator=generator)
    t = torch.randint(0, model.steps, (count,), generator=generator)
    return x0, noise, t, model.noisy(x0, t, noise)


def test_linear_schedule_by_hand():
    model = process(schedule="linear")
    assert model.betas[[0, -1]].tolist() == pytest.approx([1e-4, 0.02])
    assert float(model.signal[1]) == pytest.approx((1 - 1e-4) * (1 - 1e-4 - 0.0199 / 999))
    assert float(process(schedule="linear", steps=100).betas[0]) == pytest.approx(1e-3)


def test_cosine_schedule_by_hand():
    def curve(share):
        return math.cos((share + 0.008) / 1.008 * math.pi / 2) ** 2

    model = process(schedule="cosine")
    assert float(model.signal[499]) == pytest.approx(curve(0.5) / curve(0), rel=1e-9)
    assert float(model.betas[-1]) == pytest.approx(0.999)


@pytest.mark.parametrize(("schedule", "name"), [("linear", "linear"), ("cosine", "squaredcos_cap_v2")])
def test_schedules_are_those_of_diffusers(schedule, name):
    from diffusers import DDPMScheduler

    theirs = DDPMScheduler(beta_schedule=name).alphas_cumprod
    # they sum up in float32
    torch.testing.assert_close(process(schedule=schedule).signal.float(), theirs, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@given(factor=st.floats(0.02, 20))
def test_shift_multiplies_the_signal_to_noise_ratio(schedule, factor):
    t = torch.tensor([0, 10, 500, 900])
    shifted, plain = process(schedule=schedule, snr_shift=factor), process(schedule=schedule)
    torch.testing.assert_close(shifted.snr(t), factor * plain.snr(t), rtol=1e-4, atol=0)
    assert ((shifted.betas > 0) & (shifted.betas < 1)).all()


def test_snr_by_hand():
    model = process()
    signal = float(model.signal[300])
    assert float(model.snr(torch.tensor([300]))) == pytest.approx(signal / (1 - signal))


@pytest.mark.parametrize("prediction", PREDICTIONS)
@given(seed=st.integers(0, 1000))
def test_a_perfect_output_gives_back_data_and_noise(prediction, seed):
    model = process(prediction=prediction, schedule="linear")
    x0, noise, t, x_t = noisy_batch(model, seed)
    output = model.target(x0, noise, t)
    # data is divided by sqrt(abar), noise by sqrt(1 - abar), each at least 0.006 here
    torch.testing.assert_close(model.x0_from(output, x_t, t), x0, rtol=0, atol=2e-4)
    torch.testing.assert_close(model.epsilon_from(output, x_t, t), noise, rtol=0, atol=2e-4)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_variance_channels_and_half_precision_are_left_out_of_the_data(prediction):
    model = process(prediction=prediction, schedule="cosine")
    x0, noise, t, x_t = noisy_batch(model)
    output = model.target(x0, noise, t)
    both = torch.cat([output, torch.full_like(output, 7.0)], dim=1)
    assert torch.equal(model.x0_from(both, x_t, t), model.x0_from(output, x_t, t))
    assert model.x0_from(both.bfloat16(), x_t, t).dtype == torch.float32


def test_v_by_hand():
    model = process(prediction="v")
    t = torch.tensor([123])
    signal = float(model.signal[123])
    expected = math.sqrt(signal) * 2.0 - math.sqrt(1 - signal) * 0.5
    assert float(model.target(torch.tensor([[0.5]]), torch.tensor([[2.0]]), t)) == pytest.approx(expected, rel=1e-5)


def test_posterior_is_bayes_rule():
    model = process(schedule="cosine")
    t, x0, x_t = 400, 0.3, -0.8
    # prior N(sqrt(abar') x0, 1 - abar') of x_(t-1) times likelihood N(x_t; sqrt(alpha) x_(t-1), beta)
    before, beta = float(model.signal[t - 1]), float(model.betas[t])
    precision = 1 / (1 - before) + (1 - beta) / beta
    mean = (math.sqrt(before) * x0 / (1 - before) + math.sqrt(1 - beta) * x_t / beta) / precision
    level = torch.tensor([t])
    found = model.posterior_mean(torch.tensor([[x0]]), torch.tensor([[x_t]]), level)
    assert float(found) == pytest.approx(mean, rel=1e-4)
    log_variance = model.posterior_log_variance(level, found)
    assert float(log_variance) == pytest.approx(-math.log(precision), rel=1e-4)


def test_posterior_of_the_first_level_is_the_data():
    model = process()
    t = torch.tensor([0])
    assert float(model.posterior_mean(torch.tensor([[0.25]]), torch.tensor([[9.0]]), t)) == pytest.approx(0.25)
    assert torch.equal(
        model.posterior_log_variance(t, torch.zeros(1, 1)), model.posterior_log_variance(t + 1, torch.zeros(1, 1))
    )


def test_learned_variance_runs_from_the_posterior_to_beta():
    model = process()
    t = torch.tensor([3, 500, 999])
    like = torch.ones(3, 1, 2, 2)
    lowest, highest = model.learned_log_variance(-like, t), model.learned_log_variance(like, t)
    torch.testing.assert_close(lowest, model.posterior_log_variance(t, like).expand_as(like))
    torch.testing.assert_close(highest[:, 0, 0, 0], model.betas[t].log().float())
    torch.testing.assert_close(model.learned_log_variance(0 * like, t), (lowest + highest) / 2)


def test_clipping_is_the_recipes():
    x_t, t, output = torch.full((1, 1, 1, 1), 5.0), torch.tensor([0]), torch.full((1, 1, 1, 1), 3.0)
    for setting, expected in ((True, 1.0), (2.5, 2.5), (None, 3.0), (False, 3.0)):
        model = process(prediction="x0", learned_variance=False, clip_x0=setting)
        assert float(model.x0_from(output, x_t, t, clip=True)) == expected
        assert float(model.x0_from(output, x_t, t)) == 3.0


def test_wrong_number_of_channels_is_named():
    with pytest.raises(CellweaveError, match=r"must have 6 channels \(3 of data, variance learned\), it has 4; build"):
        process().split(torch.zeros(1, 4, 2, 2), 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 20}, "at least 21 steps"),
        ({"prediction": "score"}, "epsilon"),
        ({"snr_shift": 0}, "greater than or equal to 0.000001"),
        ({"colour": 1}, "Extra inputs"),
    ],
)
def test_recipes_that_do_not_fit(settings, message):
    with pytest.raises(ValidationError, match=message):
        ProcessRecipe(**settings)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_a_change_of_the_data_is_carried_over_to_the_output(prediction):
    model = process(prediction=prediction)
    x0, noise, t, x_t = noisy_batch(model)
    output = model.target(x0, noise, t)
    change = torch.full_like(x0, 0.25)
    moved = model.x0_from(output + model.change_of_output(change, t), x_t, t)
    torch.testing.assert_close(moved, model.x0_from(output, x_t, t) + change, rtol=1e-3, atol=1e-3)
