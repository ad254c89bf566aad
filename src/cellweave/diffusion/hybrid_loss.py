"""The hybrid loss: weighted squared error, and a variational bound that trains the variance alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cellweave.diffusion.process import DiffusionProcess
from cellweave.diffusion.weighting import WeightingName, WeightingRecipe, level_weights

BOUND_WEIGHT = 0.001
"""Lambda of Improved DDPM: the factor on the variational bound."""

_HALF_LEVEL = 1 / 255
_LOWEST_PROBABILITY = 1e-12


def hybrid_loss(
    process: DiffusionProcess,
    output: Tensor,
    x0: Tensor,
    x_t: Tensor,
    t: Tensor,
    noise: Tensor,
    *,
    weighting: WeightingRecipe | WeightingName = "p2",
) -> dict[str, Tensor]:
    """Return ``loss = simple + 0.001 * vlb`` and its parts, averaged over the batch; see :func:`loss_per_sample`.

    Args:
        process: Schedule, prediction, and whether the variance is learned.
        output: Of the network for (``x_t``, ``t``): (N, C, ...), or (N, 2C, ...) with a learned variance.
        x0: The data, (N, C, ...), in [-1, 1].
        x_t: ``process.noisy(x0, t, noise)``.
        t: Noise levels, int64 (N,), drawn uniformly.
        noise: Standard normal, (N, C, ...).
        weighting: Of the noise levels in ``simple``.

    Returns:
        Scalars ``loss``, ``simple`` and, with a learned variance, ``vlb``.

    Raises:
        InvalidInputError: The output has the wrong number of channels.

    Source:
        Nichol and Dhariwal 2021 (Improved DDPM), Eq. 16; Choi et al. 2022 (P2) for the weights.
    """
    terms = {
        name: value.mean()
        for name, value in loss_per_sample(process, output, x0, x_t, t, noise, weighting=weighting).items()
    }
    loss = terms["simple"] + BOUND_WEIGHT * terms["vlb"] if "vlb" in terms else terms["simple"]
    return {"loss": loss, **terms}


def loss_per_sample(
    process: DiffusionProcess,
    output: Tensor,
    x0: Tensor,
    x_t: Tensor,
    t: Tensor,
    noise: Tensor,
    *,
    weighting: WeightingRecipe | WeightingName = "p2",
) -> dict[str, Tensor]:
    """Return the parts of :func:`hybrid_loss` for every sample.

    Returns:
        ``simple``, (N,): squared error of the network's target, mean over channels and pixels, weighted. With a
        learned variance also ``vlb``, (N,): :func:`bound_term` times T, an estimate of the whole bound in bits a
        dimension.
    """
    prediction, place = process.split(output, x0.shape[1])
    squared = (prediction - process.target(x0, noise, t)).square()
    terms = {"simple": level_weights(process, t, weighting) * _mean_over_sample(squared)}
    if place is not None:
        terms["vlb"] = process.steps * bound_term(process, prediction.detach(), place, x0, x_t, t)
    return terms


def bound_term(
    process: DiffusionProcess, prediction: Tensor, place: Tensor, x0: Tensor, x_t: Tensor, t: Tensor
) -> Tensor:
    """Return one term of the variational bound for every sample, in bits a dimension, (N,).

    At t > 0 it is the divergence KL(q(x_(t-1) | x_t, x0) || p(x_(t-1) | x_t)). At t = 0 it is the negative
    log-likelihood of ``x0`` as data of 256 levels in [-1, 1] under the Gaussian p, as in Improved DDPM; for maps that
    have no levels that is a measure of the same kind, not a coding length.

    Args:
        process: Gives the means and the range of the variance.
        prediction: The network's, without the variance, (N, C, ...). Detach it to train the variance alone.
        place: Of the variance in its range; see :meth:`DiffusionProcess.learned_log_variance`.
        x0, x_t, t: As for :func:`hybrid_loss`.
    """
    mean = process.posterior_mean(process.x0_from(prediction, x_t, t), x_t, t)
    log_variance = process.learned_log_variance(place, t)
    true_mean = process.posterior_mean(x0, x_t, t)
    true_log_variance = process.posterior_log_variance(t, x0)
    nats = _mean_over_sample(normal_divergence(true_mean, true_log_variance, mean, log_variance))
    first = t == 0
    if first.any():  # of one sample in T: too few to pay for the distribution function everywhere
        surprise = -level_log_likelihood(x0[first], mean[first], log_variance[first])
        nats = nats.masked_scatter(first, _mean_over_sample(surprise))
    return nats / math.log(2)


def normal_divergence(mean: Tensor, log_variance: Tensor, other_mean: Tensor, other_log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) || N(other_mean, other_variance)) elementwise, in nats; arguments broadcast."""
    gap = log_variance - other_log_variance
    return 0.5 * (gap.exp() - gap - 1 + (mean - other_mean).square() * (-other_log_variance).exp())


def level_log_likelihood(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the log-probability, in nats, of the level of ``x`` under a Gaussian, elementwise.

    The 256 levels are equidistant in [-1, 1]; each owns the interval of 1/255 to either side of it, the lowest and
    the highest all that lies beyond. Probabilities of inner levels count as 1e-12 at least, as in Improved DDPM, so
    that a network far off at the start does not drown the other terms.
    """
    # the upper tail is mirrored into the lower one, where differences of the distribution function keep their digits
    scale = (-0.5 * log_variance).exp()
    distance = -(x - mean).abs()
    upper = torch.special.ndtr((distance + _HALF_LEVEL) * scale)
    inner = upper - torch.special.ndtr((distance - _HALF_LEVEL) * scale)
    lowest = torch.special.log_ndtr((x + _HALF_LEVEL - mean) * scale)
    highest = torch.special.log_ndtr((mean - x + _HALF_LEVEL) * scale)
    result = torch.where(x < -0.999, lowest, inner.clamp(min=_LOWEST_PROBABILITY).log())
    return torch.where(x > 0.999, highest, result)


def _mean_over_sample(values: Tensor) -> Tensor:
    return values.flatten(start_dim=1).mean(dim=1)
