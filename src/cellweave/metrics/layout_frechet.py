"""The Fréchet distance between Gaussian fits of features, for samples hardly larger than the features are many."""

from __future__ import annotations

import numpy as np

from cellweave.metrics.layout_statistics import Floats

DIMENSIONS = 32
"""Most features that a fit is made of."""


def gaussian_moments(features: Floats) -> Floats:
    """Return what of features, (N, D), sums to their mean and second moments, (N, D + D²)."""
    squares = features[:, :, None] * features[:, None, :]
    return np.concatenate([features, squares.reshape(len(features), features.shape[1] ** 2)], axis=1)


def frechet_distance(one: Floats, other: Floats, *, size: int) -> Floats:
    """Return ``|m - m'|² + tr(S + S' - 2 (S S')^1/2)`` of pairs of Gaussian fits.

    Covariances of samples as small as these are far from those of what was sampled, and nearly singular. Both are
    shrunk alike, by a share that follows from the sizes alone: ``S = (1 - w) S_found + w diag(S_found)`` with
    ``w = D / (D + size)``.

    Args:
        one, other: Means of :func:`gaussian_moments`, (M, D + D²) each.
        size: Layouts on either side.

    Returns:
        float64 (M,), >= 0; NaN where a fit is not finite.

    Source:
        Dowson & Landau 1982, The Fréchet distance between multivariate normal distributions, Journal of Multivariate
        Analysis 12:450-455; Li et al. 2024 (layout generation), Eq. 5. Shrinkage towards the diagonal: Schäfer &
        Strimmer 2005, Statistical Applications in Genetics and Molecular Biology 4(1):32 (their target D; the share is
        fixed here, so that no side is shrunk more than the other).
    """
    defined = np.isfinite(one).all(axis=1) & np.isfinite(other).all(axis=1)
    found = np.full(len(one), np.nan)
    mean, covariance = _fit(one[defined], size)
    other_mean, other_covariance = _fit(other[defined], size)
    root = _root(covariance)
    middle = root @ other_covariance @ root
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh((middle + middle.swapaxes(1, 2)) / 2), 0)).sum(axis=1)
    traces = np.trace(covariance + other_covariance, axis1=1, axis2=2)
    found[defined] = np.maximum(((mean - other_mean) ** 2).sum(axis=1) + traces - 2 * overlap, 0)
    return found


def _fit(moments: Floats, size: int) -> tuple[Floats, Floats]:
    """Return means (M, D) and shrunk covariances (M, D, D)."""
    dimensions = round((np.sqrt(1 + 4 * moments.shape[1]) - 1) / 2)
    mean = moments[:, :dimensions]
    squares = moments[:, dimensions:].reshape(len(moments), dimensions, dimensions)
    covariance = squares - mean[:, :, None] * mean[:, None, :]
    share = dimensions / (dimensions + size)
    diagonal = covariance * np.eye(dimensions)
    return mean, (1 - share) * covariance + share * diagonal


def _root(matrices: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrices)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))[:, None, :]) @ vectors.swapaxes(1, 2), np.float64)
