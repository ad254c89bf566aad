"""One step of EM for many mixtures of Gaussians in the plane at once: arrays (problems, components, points).

Mixtures are arrays (B, K, 6): the weight of every component, its mean x and y, its variances and covariance xx, xy, yy.
All problems of a batch are padded to one number of components and of points, a problem always to the same numbers. All
sums run within a problem, over its own padding, so that what is in the batch beside it changes no bit of its result.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEAST_SHARE = 10 * np.finfo(np.float64).eps
"""Points that a component has at least, so that one that lost all of its points stays a Gaussian."""

NEVER = -1e30
"""Logarithm of what padding components contribute."""


def monomials(xy: Floats, mask: Floats) -> Floats:
    """Return 1, x, y, x², xy, y² of points (B, N, 2), (B, 6, N); all 0 where ``mask`` (B, N) is."""
    x, y = xy[:, :, 0] * mask, xy[:, :, 1] * mask
    return np.stack([mask, x, y, x * x, x * y, y * y], axis=1)


def log_polynomials(mixtures: Floats, alive: Flags) -> Floats:
    """Return the logarithm of every weighted component as coefficients of the monomials, (B, K, 6).

    Args:
        mixtures: (B, K, 6).
        alive: Which components are no padding, (B, K).
    """
    weight, x, y, xx, xy, yy = mixtures.transpose(2, 0, 1)
    determinant = xx * yy - xy * xy
    inverse = 1 / determinant
    pxx, pxy, pyy = yy * inverse, -xy * inverse, xx * inverse
    slope_x, slope_y = pxx * x + pxy * y, pxy * x + pyy * y
    constant = np.log(weight * np.sqrt(inverse)) - 0.5 * (slope_x * x + slope_y * y) - math.log(2 * math.pi)
    coefficients = np.empty_like(mixtures)
    coefficients[:, :, 0] = np.where(alive, constant, NEVER)
    coefficients[:, :, 1] = slope_x
    coefficients[:, :, 2] = slope_y
    coefficients[:, :, 3] = -0.5 * pxx
    coefficients[:, :, 4] = -pxy
    coefficients[:, :, 5] = -0.5 * pyy
    return coefficients


def expectation(mixtures: Floats, features: Floats, alive: Flags) -> tuple[Floats, Floats]:
    """Return the responsibilities (B, K, N) and the logarithm of the density (B, N), both arbitrary at padding."""
    logits: Floats = np.matmul(log_polynomials(mixtures, alive), features)
    highest = logits.max(axis=1)
    logits -= highest[:, None]
    shares = np.exp(logits, out=logits)
    total = shares.sum(axis=1)
    shares /= total[:, None]
    np.log(total, out=total)
    total += highest
    return shares, total


def maximisation(shares: Floats, features: Floats, floors: Floats) -> Floats:
    """Return the mixtures of largest expected likelihood, ``floors`` (B, 2) added to the variances of x and y."""
    moments: Floats = np.matmul(shares, features.transpose(0, 2, 1))
    counts = moments[:, :, 0] + LEAST_SHARE
    moments /= counts[:, :, None]
    x, y = moments[:, :, 1], moments[:, :, 2]
    moments[:, :, 3] = np.maximum(moments[:, :, 3] - x * x, 0) + floors[:, :1]
    moments[:, :, 4] -= x * y
    moments[:, :, 5] = np.maximum(moments[:, :, 5] - y * y, 0) + floors[:, 1:]
    moments[:, :, 0] = counts / counts.sum(axis=1, keepdims=True)
    return moments


def log_likelihood(log_density: Floats, mask: Floats) -> Floats:
    """Return the sum over the points of every problem, (B,)."""
    return np.asarray((log_density * mask).sum(axis=1), np.float64)
