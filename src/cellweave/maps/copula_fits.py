"""Fitting Gaussian mixture copula models to many sets of points at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from cellweave.maps.gaussian_mixture import GaussianMixture2D
from cellweave.maps.gaussian_mixture_copula import LEAST_DENSITY, LEAST_TAIL, GaussianMixtureCopula2D
from cellweave.maps.mixture_em import expectation, log_likelihood, maximisation, monomials
from cellweave.maps.mixture_fits import FittedMixture, fit_mixtures, padded_length
from cellweave.maps.univariate_mixtures import UnivariateMixture, density_of, quantile_of

Floats = npt.NDArray[np.float64]

MOST_STEPS = 60
PATIENCE = 5
"""Steps without a better likelihood after which a fit ends."""
TOLERANCE = 1e-4
"""A better mean logarithm of the density is better by at least this."""

_BLOCK = 200_000
"""Components at points in a batch."""


def fit_copulas(
    point_sets: Sequence[Floats],
    marginals: Sequence[tuple[UnivariateMixture, UnivariateMixture]],
    sizes: Sequence[Sequence[int]],
    *,
    least_spread_px: float,
    seed: int,
) -> list[GaussianMixtureCopula2D]:
    """Return for every set of points the copula model of the smallest BIC.

    Points are mapped through their marginals' distribution functions, then through the inverse ones of the mixture that
    is being fitted; a step of EM on where they come to lie changes the mixture, so both are repeated. That need not
    raise the likelihood in every step; the likeliest mixture on the way is kept.

    A mixture of K components counts 6 K - 5 parameters: the 6 K - 1 of a mixture less two places and two scales,
    which a copula does not know of. Those of the marginals are the same for every K.

    Args:
        point_sets: Each (N, 2).
        marginals: Of x and y of every set.
        sizes: Numbers of components to choose from, for every set.
        least_spread_px: Its share of a marginal's spread is what every component has at least along that axis, as a
            share of the mixture's spread.
        seed: Of the starts.

    Source:
        Tewari, Giering and Raghunathan 2011, the pseudo-EM of Gaussian mixture copula models.
    """
    shares = [
        np.stack([one[axis].distribution(points[:, axis]) for axis in (0, 1)], axis=1)
        for points, one in zip(point_sets, marginals, strict=True)
    ]
    shares = [np.clip(one[np.lexsort(one.T)], LEAST_TAIL, 1 - LEAST_TAIL) for one in shares]
    floors = np.array([[(least_spread_px / one.spread) ** 2 for one in pair] for pair in marginals]).reshape(-1, 2)
    begun = fit_mixtures([ndtri(one) for one in shares], sizes, floors=floors, seed=seed)
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, fits in enumerate(begun):
        for size in fits:
            groups[size, padded_length(len(shares[i]))].append(i)
    best: dict[int, tuple[float, Floats]] = {}
    for (size, length), members in sorted(groups.items()):
        many = max(1, _BLOCK // (size * length))
        for first in range(0, len(members), many):
            some = members[first : first + many]
            found, likelihoods = _pseudo_em(
                np.stack([begun[i][size].parameters for i in some]), [shares[i] for i in some], length, floors[some]
            )
            for b, i in enumerate(some):
                bic = -2 * float(likelihoods[b]) + (6 * size - 5) * np.log(len(shares[i]))
                if i not in best or bic < best[i][0]:
                    best[i] = (float(bic), found[b])
    return [GaussianMixtureCopula2D(pair, _as_mixture(best[i][1])) for i, pair in enumerate(marginals)]


def _pseudo_em(found: Floats, shares: Sequence[Floats], length: int, floors: Floats) -> tuple[Floats, Floats]:
    """Return the likeliest mixtures on the way, (B, K, 6), and the log-likelihoods of their copulas, (B,)."""
    batch = len(shares)
    counts = np.array([len(one) for one in shares])
    mask = (np.arange(length) < counts[:, None]).astype(np.float64)
    padded = np.full((batch, length, 2), 0.5)
    for b, one in enumerate(shares):
        padded[b, : len(one)] = one
    real, z = mask > 0, ndtri(padded)
    alive = np.ones(found.shape[:2], bool)
    best = found = _standardised(found)
    ended, likelihoods = np.empty_like(found), np.empty(batch)
    highest, waited, active = np.full(batch, -np.inf), np.zeros(batch, np.intp), np.arange(batch)
    for step in range(1, MOST_STEPS + 1):
        log_marginals = np.zeros(mask.shape)
        for axis in (0, 1):
            columns = _columns(found, axis, real)
            z[real, axis] = quantile_of(*columns, padded[real, axis], guess=z[real, axis])
            log_marginals[real] += np.log(np.maximum(density_of(*columns, z[real, axis]), LEAST_DENSITY))
        features = monomials(z, mask)
        responsibilities, log_density = expectation(found, features, alive)
        now = log_likelihood(log_density - log_marginals, mask)
        better = now > highest + TOLERANCE * counts
        waited = np.where(better, 0, waited + 1)
        best = np.where(better[:, None, None], found, best)
        highest = np.where(better, now, highest)
        over = (waited >= PATIENCE) | (step == MOST_STEPS)
        if over.any():
            ended[active[over]], likelihoods[active[over]] = best[over], highest[over]
            on = ~over
            if not on.any():
                break
            active, counts, mask, padded, z, floors = active[on], counts[on], mask[on], padded[on], z[on], floors[on]
            real, alive, best, highest, waited = real[on], alive[on], best[on], highest[on], waited[on]
            responsibilities, features = responsibilities[on], features[on]
        found = _standardised(maximisation(responsibilities, features, floors))
    return ended, likelihoods


def _standardised(mixtures: Floats) -> Floats:
    """Return mixtures moved and stretched along the axes to mean 0 and variance 1; their copulas stay the same."""
    weights = mixtures[:, :, :1]
    means = mixtures[:, :, 1:3] - (weights * mixtures[:, :, 1:3]).sum(axis=1, keepdims=True)
    variances = (weights * (mixtures[:, :, 3::2] + means**2)).sum(axis=1, keepdims=True)
    spread = np.sqrt(variances)
    scales = np.concatenate([variances[..., :1], spread[..., :1] * spread[..., 1:], variances[..., 1:]], axis=2)
    return np.concatenate([weights, means / spread, mixtures[:, :, 3:] / scales], axis=2)


def _columns(mixtures: Floats, axis: int, real: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Return weights, means and spreads along an axis for every real point, (K, points)."""
    problem = np.nonzero(real)[0]
    weights, means, variances = mixtures[:, :, 0], mixtures[:, :, 1 + axis], mixtures[:, :, 3 + 2 * axis]
    return weights[problem].T, means[problem].T, np.sqrt(variances)[problem].T


def _as_mixture(parameters: Floats) -> GaussianMixture2D:
    one = FittedMixture(parameters, log_likelihood=0.0, steps=0)
    return GaussianMixture2D(one.weights, one.means, one.covariances)
