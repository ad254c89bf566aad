"""KID, FID and IS of the patches of images, of all images and of images drawn with replacement."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError, numpy_generator
from cellweave.metrics.image_distances import Features
from cellweave.metrics.rates import Floats

Units = npt.NDArray[np.int64]
"""Of every patch, the number of the unit (image or patient) that it is drawn with, (N,)."""

_BLOCK = 512
"""Patches whose kernels with all others are held in memory at once."""

MOST_FEATURES = 512
"""With more, FIDs of resamples would take hours, and are left undefined."""


def drawn_weights(units: int, *, resamples: int, seed: int) -> Floats:
    """Return how often every unit is taken: once each, then as drawn with replacement, float64 (1 + resamples, units).

    Equal arguments give equal draws, so that what is measured with them can be compared pair by pair.
    """
    rng = numpy_generator(seed, "image units")
    drawn = rng.multinomial(units, np.full(units, 1 / units), size=resamples)
    return np.concatenate([np.ones((1, units)), drawn])


def kernel_distances(first: Features, second: Features, units: tuple[Units, Units], weights: Floats) -> Floats:
    """Return the KID of two sets of patches for every row of weights, over all pairs of patches of different units.

    Patches of one unit are never compared: neither with each other, nor with a copy of their unit that was drawn again,
    nor with those of the other side, of which painted patches have the layout. They resemble one another more than
    those of different units, so that counting them would move distances, the more the fewer units there are.

    Args:
        first, second: Features, (N, F) and (M, F).
        units: Of the patches of either; a number on both sides is one unit, drawn on both sides at once.
        weights: How often every unit is taken, (R, U).

    Returns:
        float64 (R,); NaN where a side has fewer than two units.

    Raises:
        InvalidInputError: The features are of different lengths, or units do not fit.

    Source:
        Bińkowski et al. 2018, Demystifying MMD GANs, section 4: the squared maximum mean discrepancy with the kernel
        (x · y / F + 1)³, without bias where units are independent.

    Example:
        >>> from cellweave.metrics.image_distances import kernel_distance
        >>> one, other = np.eye(4, dtype=np.float32), 2 * np.eye(4, dtype=np.float32)
        >>> whole = kernel_distances(one, other, (np.arange(4), np.arange(4, 8)), np.ones((1, 8)))[0]
        >>> bool(abs(whole - kernel_distance(one, other, subset=4, subsets=1).mean) < 1e-6)
        True
    """
    _require_fit(first, second, units, weights)
    count = weights.shape[1]
    parts = []
    for one, other in ((0, 0), (1, 1), (0, 1)):
        x, y = (first, second)[one], (first, second)[other]
        sums = _kernel_sums(x, y, units[one], units[other], count)
        pairs = np.outer(np.bincount(units[one], minlength=count), np.bincount(units[other], minlength=count))
        compared, total = _between_units(pairs.astype(float), weights), _between_units(sums, weights)
        undefined = np.full(len(weights), np.nan)
        parts.append(np.divide(total, compared, out=undefined, where=compared > 0))
    return np.asarray(parts[0] + parts[1] - 2 * parts[2], np.float64)


def frechet_distances(first: Features, second: Features, units: tuple[Units, Units], weights: Floats) -> Floats:
    """Return the FID of two sets of patches for every row of weights; arguments as for :func:`kernel_distances`.

    Returns:
        float64 (R,); all NaN where a side has no more patches than features, and NaN beyond the first row where there
        are more than ``MOST_FEATURES``.

    Source:
        Heusel et al. 2017, Eq. 6.
    """
    _require_fit(first, second, units, weights)
    found = np.full(len(weights), np.nan)
    size = first.shape[1]
    if min(len(first), len(second)) <= size:
        return found
    sides = np.asarray(first, np.float64), np.asarray(second, np.float64)
    for row in range(len(weights) if size <= MOST_FEATURES else 1):
        means, roots, covariances = [], [], []
        for features, of in zip(sides, units, strict=True):
            weight = weights[row, of]
            mean = weight @ features / weight.sum()
            centred = (features - mean) * np.sqrt(weight)[:, None]
            means.append(mean)
            covariances.append(centred.T @ centred / (weight.sum() - 1))
        values, directions = np.linalg.eigh(covariances[0])
        roots = directions * np.sqrt(np.maximum(values, 0))
        shared = np.sqrt(np.maximum(np.linalg.eigvalsh(roots.T @ covariances[1] @ roots), 0)).sum()
        apart = ((means[0] - means[1]) ** 2).sum()
        found[row] = max(0.0, apart + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * shared)
    return found


def inception_scores(logits: Features, units: Units, weights: Floats) -> Floats:
    """Return the IS of patches for every row of weights, over all patches at once, float64 (R,).

    Args:
        logits: Of the classes of every patch, (N, C).
        units: Of the patches, (N,).
        weights: How often every unit is taken, (R, U).

    Source:
        Salimans et al. 2016, Improved techniques for training GANs, section 4.

    Example:
        >>> sure = 50 * np.eye(2, dtype=np.float32)
        >>> inception_scores(sure, np.arange(2), np.array([[1.0, 1.0], [2.0, 0.0]])).round(6).tolist()
        [2.0, 1.0]
    """
    values = np.asarray(logits, np.float64)
    values = values - values.max(axis=1, keepdims=True)
    logs = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
    shares = np.exp(logs)
    taken = weights[:, units]
    total = taken.sum(axis=1)
    means = taken @ shares / total[:, None]
    surprise = (means * np.log(np.maximum(means, np.finfo(float).tiny))).sum(axis=1)
    return np.asarray(np.exp(taken @ (shares * logs).sum(axis=1) / total - surprise), np.float64)


def _kernel_sums(first: Features, second: Features, first_units: Units, second_units: Units, count: int) -> Floats:
    """Return the sums of the kernel over the patches of every pair of units, (count, count)."""
    belongs = np.eye(count)[second_units]
    sums = np.zeros((count, count))
    for start in range(0, len(first), _BLOCK):
        block = slice(start, start + _BLOCK)
        kernel = (np.asarray(first[block], np.float64) @ np.asarray(second, np.float64).T / first.shape[1] + 1) ** 3
        np.add.at(sums, first_units[block], kernel @ belongs)
    return sums


def _between_units(sums: Floats, weights: Floats) -> Floats:
    """Return the totals over all pairs of different units, as often as both are taken, (R,)."""
    return np.asarray(((weights @ (sums - np.diag(np.diag(sums)))) * weights).sum(axis=1), np.float64)


def _require_fit(first: Features, second: Features, units: tuple[Units, Units], weights: Floats) -> None:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise InvalidInputError(
            f"features are (N, F) with one F, got {first.shape} and {second.shape}; use one encoder."
        )
    for features, of in zip((first, second), units, strict=True):
        if of.shape != (len(features),) or (len(of) and not 0 <= of.min() <= of.max() < weights.shape[1]):
            raise InvalidInputError(
                f"{len(features)} patches need as many units, from 0 to {weights.shape[1] - 1}, got {of.shape}."
            )
