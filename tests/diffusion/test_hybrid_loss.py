"""The hybrid loss: divergences by hand and against torch.distributions, weights, and where gradients go."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch.distributions import Normal, kl_divergence

from cellweave.core import CellweaveError
from cellweave.diffusion import (
    DiffusionProcess,
    ProcessRecipe,
    WeightingRecipe,
    hybrid_loss,
    level_weights,
    loss_per_sample,
)
from cellweave.diffusion.hybrid_loss import level_log_likelihood, normal_divergence

PREDICTIONS = ("epsilon", "v", "x0")


def batch(process, levels, seed=0):
    generator = torch.Generator().manual_seed(seed)
    t = torch.tensor(levels)
    x0 = torch.rand(len(levels), 2, 4, 4, generator=generator) * 2 - 1
    noise = torch.randn(x0.shape, generator=generator)
    return x0, process.noisy(x0, t, noise), t, noise


def test_divergence_by_hand():
    zero = torch.zeros(())
    assert float(normal_divergence(zero, zero, zero + 1, zero)) == pytest.approx(0.5)
    # N(0, 1) from N(0, 4): ln 2 + 1/8 - 1/2
    assert float(normal_divergence(zero, zero, zero, zero + math.log(4))) == pytest.approx(math.log(2) + 1 / 8 - 1 / 2)


@given(means=st.tuples(st.floats(-3, 3), st.floats(-3, 3)), log_variances=st.tuples(st.floats(-4, 4), st.floats(-4, 4)))
def test_divergence_is_that_of_torch(means, log_variances):
    a, b = (torch.tensor(value, dtype=torch.float64) for value in means)
    va, vb = (torch.tensor(value, dtype=torch.float64) for value in log_variances)
    expected = kl_divergence(Normal(a, (va / 2).exp()), Normal(b, (vb / 2).exp()))
    torch.testing.assert_close(normal_divergence(a, va, b, vb), expected, rtol=1e-9, atol=1e-12)


@given(mean=st.floats(-1.3, 1.3), log_variance=st.floats(-8, 1))
def test_probabilities_of_all_levels_sum_to_one(mean, log_variance):
    levels = torch.linspace(-1, 1, 256)
    likelihood = level_log_likelihood(levels, torch.tensor(mean), torch.tensor(log_variance))
    assert float(likelihood.exp().sum()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("level", [-1.0, 1 - 2 * 100 / 255, 1.0])
def test_probability_of_a_level_is_an_integral(level):
    mean, deviation = 0.1, 0.3
    lower = -math.inf if level == -1 else level - 1 / 255
    upper = math.inf if level == 1 else level + 1 / 255
    expected = stats.norm.cdf(upper, mean, deviation) - stats.norm.cdf(lower, mean, deviation)
    found = level_log_likelihood(torch.tensor(level), torch.tensor(mean), torch.tensor(2 * math.log(deviation)))
    assert float(found.exp()) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_bound_reaches_the_variance_alone(prediction):
    process = DiffusionProcess(ProcessRecipe(prediction=prediction, schedule="cosine"))
    x0, x_t, t, noise = batch(process, [0, 1, 500, 999])
    place = torch.rand(x0.shape, generator=torch.Generator().manual_seed(1))
    output = torch.cat([process.target(x0, noise, t) + 0.01, place], dim=1).requires_grad_()
    hybrid_loss(process, output, x0, x_t, t, noise, weighting="uniform")["vlb"].backward()
    assert not output.grad[:, :2].any()
    # at the last level of a cosine schedule beta and the posterior's variance agree: there is nothing to learn
    assert output.grad[:3, 2:].all()


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_bound_is_the_divergence_of_two_steps_back(prediction):
    process = DiffusionProcess(ProcessRecipe(prediction=prediction, schedule="linear"))
    x0, x_t, t, noise = batch(process, [1, 400, 900])
    output = torch.cat([process.target(x0, noise, t) + 0.1, torch.full_like(x0, 0.5)], dim=1)
    found = loss_per_sample(process, output, x0, x_t, t, noise, weighting="uniform")["vlb"]

    for i, level in enumerate(t.tolist()):
        signal, before, beta = (
            process.signal[level],
            process.signal[level - 1],
            1 - process.signal[level] / process.signal[level - 1],
        )
        posterior = beta * (1 - before) / (1 - signal)

        def mean(data, i=i, signal=signal, before=before, beta=beta):
            return (before.sqrt() * beta * data + (1 - beta).sqrt() * (1 - before) * x_t[i].double()) / (1 - signal)

        guess = process.x0_from(output, x_t, t)[i].double()
        own = beta**0.75 * posterior**0.25
        divergence = kl_divergence(Normal(mean(x0[i].double()), posterior.sqrt()), Normal(mean(guess), own.sqrt()))
        expected = 1000 * divergence.mean() / math.log(2)
        assert float(found[i]) == pytest.approx(float(expected), rel=2e-3)


def test_bound_vanishes_for_the_true_step_back():
    process = DiffusionProcess(ProcessRecipe(prediction="x0"))
    x0, x_t, t, noise = batch(process, [1, 300, 999])
    terms = loss_per_sample(process, torch.cat([x0, -torch.ones_like(x0)], dim=1), x0, x_t, t, noise)
    assert terms["simple"].tolist() == [0, 0, 0]
    assert float(terms["vlb"].abs().max()) < 1e-2  # bits, of 1000 terms


def test_first_term_is_a_likelihood_in_bits():
    process = DiffusionProcess(ProcessRecipe(prediction="x0"))
    x0, x_t, t, noise = batch(process, [0])
    terms = loss_per_sample(process, torch.cat([x0, torch.ones_like(x0)], dim=1), x0, x_t, t, noise)
    inside = stats.norm.cdf(1 / 255, scale=math.sqrt(1e-4)) * 2 - 1
    assert float(terms["vlb"]) / 1000 == pytest.approx(-math.log2(inside), rel=1e-3)


def test_loss_is_simple_plus_a_thousandth_of_the_bound():
    process = DiffusionProcess(ProcessRecipe(prediction="v", schedule="cosine"))
    x0, x_t, t, noise = batch(process, [5, 50, 500])
    output = torch.randn(3, 4, 4, 4, generator=torch.Generator().manual_seed(2))
    terms = hybrid_loss(process, output, x0, x_t, t, noise, weighting="p2")
    each = loss_per_sample(process, output, x0, x_t, t, noise, weighting="p2")
    assert float(terms["loss"]) == pytest.approx(float(each["simple"].mean() + 0.001 * each["vlb"].mean()))


def test_without_a_learned_variance_there_is_only_the_simple_term():
    process = DiffusionProcess(ProcessRecipe(learned_variance=False))
    x0, x_t, t, noise = batch(process, [100, 200])
    terms = hybrid_loss(process, noise + 0.5, x0, x_t, t, noise, weighting="uniform")
    assert {name: float(value) for name, value in terms.items()} == pytest.approx({"loss": 0.25, "simple": 0.25})


def test_p2_of_the_noise_is_its_variance():
    process = DiffusionProcess(ProcessRecipe())
    t = torch.tensor([0, 400, 999])
    torch.testing.assert_close(level_weights(process, t, "p2"), (1 - process.signal[t]).float())
    general = WeightingRecipe(name="p2", k=2.0, gamma=0.5)
    torch.testing.assert_close(level_weights(process, t, general), (2 + process.snr(t)).rsqrt())


def test_min_snr_by_hand():
    t = torch.tensor([0, 999])
    snr = DiffusionProcess(ProcessRecipe()).snr(t).tolist()
    expected = {"epsilon": [5 / snr[0], 1.0], "v": [5 / (snr[0] + 1), snr[1] / (snr[1] + 1)], "x0": [5.0, snr[1]]}
    for prediction, weights in expected.items():
        process = DiffusionProcess(ProcessRecipe(prediction=prediction))
        assert level_weights(process, t, "min-snr").tolist() == pytest.approx(weights, rel=1e-5)


def test_velocity_by_hand():
    """Uniform in v, until SNR + 1 reaches the limit of 10."""
    t = torch.tensor([0, 700, 999])
    for prediction, weights in {
        "x0": lambda snr: (snr + 1).clamp(max=10),
        "v": lambda snr: (10 / (snr + 1)).clamp(max=1),
    }.items():
        process = DiffusionProcess(ProcessRecipe(prediction=prediction))
        torch.testing.assert_close(level_weights(process, t, "velocity"), weights(process.snr(t)))


@pytest.mark.parametrize("weighting", ["p2", "min-snr", "velocity"])
def test_weights_mean_the_same_for_every_prediction(weighting):
    losses = []
    for prediction in PREDICTIONS:
        process = DiffusionProcess(ProcessRecipe(prediction=prediction, learned_variance=False))
        x0, x_t, t, noise = batch(process, [20, 400, 800])
        wrong = x0 + 0.3
        signal = process.signal[t].float().reshape(-1, 1, 1, 1)
        wrong_noise = (x_t - signal.sqrt() * wrong) / (1 - signal).sqrt()
        output = process.target(wrong, wrong_noise, t)
        losses.append(loss_per_sample(process, output, x0, x_t, t, noise, weighting=weighting)["simple"])
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-3, atol=0)
    torch.testing.assert_close(losses[2], losses[0], rtol=1e-3, atol=0)


def test_half_precision_output_is_compared_in_full():
    process = DiffusionProcess(ProcessRecipe())
    x0, x_t, t, noise = batch(process, [10, 700])
    output = torch.zeros(2, 4, 4, 4, dtype=torch.bfloat16)
    assert hybrid_loss(process, output, x0, x_t, t, noise)["loss"].dtype == torch.float32


def test_missing_variance_channels_are_named():
    process = DiffusionProcess(ProcessRecipe())
    x0, x_t, t, noise = batch(process, [10])
    with pytest.raises(CellweaveError, match=r"must have 4 channels .* it has 2"):
        hybrid_loss(process, noise, x0, x_t, t, noise)
