"""Mixtures of Gaussians on a line: density, distribution function and its inverse, for many of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from cellweave.core import InvalidInputError

Floats = npt.NDArray[np.float64]

QUANTILE_TOLERANCE = 1e-9
"""Quantiles are found to this many of the narrowest component's standard deviations, or as far as doubles tell."""

_MOST_STEPS = 200


@dataclass(frozen=True, slots=True, eq=False)
class UnivariateMixture:
    """A probability density on a line: a weighted sum of Gaussians.

    Attributes:
        weights: Of the components, (K,), > 0, of sum 1.
        means: (K,).
        spreads: Standard deviations, (K,), > 0.

    Raises:
        InvalidInputError: Shapes disagree, or a spread is not > 0.
    """

    weights: Floats
    means: Floats
    spreads: Floats

    def __post_init__(self) -> None:
        shapes = {np.shape(one) for one in (self.weights, self.means, self.spreads)}
        if len(shapes) != 1 or self.weights.ndim != 1:
            raise InvalidInputError(f"weights, means and spreads have one shape (K,), got {sorted(shapes)}.")
        if not (self.spreads > 0).all():
            raise InvalidInputError(f"spreads are > 0, got {self.spreads.tolist()}.")

    def density(self, x: npt.ArrayLike) -> Floats:
        """Return the density at points of any shape."""
        return density_of(*self._columns(np.ndim(x)), np.asarray(x, np.float64))

    def distribution(self, x: npt.ArrayLike) -> Floats:
        """Return the probability of a value below each of points of any shape."""
        return distribution_of(*self._columns(np.ndim(x)), np.asarray(x, np.float64))

    def quantile(self, share: npt.ArrayLike) -> Floats:
        """Return the points (N,) below which lie given shares (N,), each inside 0..1."""
        shares = np.asarray(share, np.float64)
        weights, means, spreads = (np.repeat(one, len(shares), axis=1) for one in self._columns(1))
        return quantile_of(weights, means, spreads, shares)

    @property
    def spread(self) -> float:
        """The standard deviation of the whole."""
        mean = self.weights @ self.means
        return float(np.sqrt(self.weights @ (self.spreads**2 + (self.means - mean) ** 2)))

    def _columns(self, dimensions: int) -> tuple[Floats, Floats, Floats]:
        shape = (-1, *[1] * dimensions)
        return self.weights.reshape(shape), self.means.reshape(shape), self.spreads.reshape(shape)


def density_of(weights: Floats, means: Floats, spreads: Floats, x: Floats) -> Floats:
    """Return densities at ``x`` (...); the parameters are (K, ...), or broadcast to it."""
    heights = weights / (np.sqrt(2 * np.pi) * spreads)
    return np.asarray((heights * np.exp(-0.5 * ((x - means) / spreads) ** 2)).sum(axis=0), np.float64)


def distribution_of(weights: Floats, means: Floats, spreads: Floats, x: Floats) -> Floats:
    """Return probabilities of values below ``x`` (...); the parameters are (K, ...), or broadcast to it."""
    return np.asarray((weights * ndtr((x - means) / spreads)).sum(axis=0), np.float64)


def quantile_of(
    weights: Floats, means: Floats, spreads: Floats, shares: Floats, *, guess: Floats | None = None
) -> Floats:
    """Return the points below which lie given shares of mixtures, each by its own safeguarded Newton steps.

    The quantile of a mixture lies between the smallest and the largest of its components' quantiles. A Newton step that
    would leave the bracket, or that shrinks it too slowly, is replaced by a bisection.

    Args:
        weights: (K, M), one mixture a share.
        means: (K, M).
        spreads: (K, M), > 0.
        shares: Inside 0..1, (M,).
        guess: Where to start, (M,).

    Returns:
        (M,); a point depends on its own column alone.
    """
    ends = means + spreads * ndtri(shares)
    low, high = ends.min(axis=0), ends.max(axis=0)
    found = 0.5 * (low + high) if guess is None else np.clip(guess, low, high)
    tolerance = QUANTILE_TOLERANCE * spreads.min(axis=0)
    active = np.flatnonzero(high - low > tolerance)
    w, m, s, u = weights[:, active], means[:, active], spreads[:, active], shares[active]
    x, low, high, tolerance = found[active], low[active], high[active], tolerance[active]
    last = high - low
    for _ in range(_MOST_STEPS):
        if not len(active):
            break
        standard = (x - m) / s
        excess = (w * ndtr(standard)).sum(axis=0) - u
        slope = (w / s * np.exp(-0.5 * standard * standard)).sum(axis=0) / np.sqrt(2 * np.pi)
        above = excess > 0
        high, low = np.where(above, x, high), np.where(above, low, x)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            moved = x - excess / slope
        newton = (moved >= low) & (moved <= high) & (2 * abs(moved - x) <= last)  # False for NaN
        following = np.where(newton, moved, 0.5 * (low + high))
        last = np.where(newton, abs(following - x), high - low)
        over = (abs(following - x) <= tolerance) | (excess == 0)
        found[active[over]] = np.where(excess == 0, x, following)[over]
        on = ~over
        active, u, x, low, high = active[on], u[on], following[on], low[on], high[on]
        last, tolerance = last[on], tolerance[on]
        w, m, s = w[:, on], m[:, on], s[:, on]
    found[active] = x
    return found
