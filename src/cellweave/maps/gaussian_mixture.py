"""Mixtures of Gaussians in the plane: what kernel density estimates and fitted mixtures both are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.maps.mixture_grids import equal_components_on_pixels, mixture_on_axes, suits_tiles

Floats = npt.NDArray[np.float64]

_BLOCK = 2_000_000
"""Values of components at points held in memory at once."""


@dataclass(frozen=True, slots=True, eq=False)
class GaussianMixture2D:
    """A probability density in the plane: a weighted sum of Gaussians.

    Attributes:
        weights: Of the components, (K,), > 0, of sum 1.
        means: (K, 2), x right and y down, in pixels.
        covariances: (K, 2, 2), symmetric and positive definite, in pixels².

    Raises:
        InvalidInputError: Shapes disagree, or a covariance is singular.
    """

    weights: Floats
    means: Floats
    covariances: Floats

    def __post_init__(self) -> None:
        count = len(self.weights)
        if self.means.shape != (count, 2) or self.covariances.shape != (count, 2, 2):
            raise InvalidInputError(
                f"{count} components need means ({count}, 2) and covariances ({count}, 2, 2), "
                f"got {self.means.shape} and {self.covariances.shape}."
            )
        if not (np.linalg.det(self.covariances) > 0).all():
            raise InvalidInputError("a component's covariance is singular; give every component a spread > 0.")

    def density(self, xy: npt.ArrayLike) -> Floats:
        """Return the density, per pixel², at points (N, 2): float64 (N,)."""
        points = np.asarray(xy, np.float64).reshape(-1, 2)
        exponents = self._exponents()
        values = np.empty(len(points))
        block = max(1, _BLOCK // len(self.weights))
        for start in range(0, len(points), block):
            x, y = points[start : start + block].T
            # The exponent of a Gaussian is a quadratic polynomial of x and y: one matrix product for all of them.
            terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1) @ exponents
            values[start : start + block] = np.exp(terms, out=terms).sum(axis=1)
        return values

    def on_grid(self, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
        """Return the density, per pixel², at the centres of the pixels of a frame: float32 (H, W).

        It is within 1e-5 of the density's peak.
        """
        height, width = shape
        if suits_tiles(self.covariances) and height and width:
            return equal_components_on_pixels(self.weights, self.means, self.covariances[0], shape)
        x, y = np.arange(0.5, width), np.arange(0.5, height)
        return self.on_axes(x, y).astype(np.float32)

    def on_axes(self, x: Floats, y: Floats) -> npt.NDArray[Any]:
        """Return the density at every (x[j], y[i]) of two ascending axes, as :meth:`on_grid` does: (H, W)."""
        if not (len(x) and len(y)):
            return np.zeros((len(y), len(x)))
        return mixture_on_axes(self.weights, self.means, self.covariances, x=x, y=y)

    def _exponents(self) -> Floats:
        """Return the coefficients of 1, x, y, x², xy, y² in the logarithm of every weighted component, (6, K)."""
        precision = np.linalg.inv(self.covariances)
        slope = np.einsum("kij,kj->ki", precision, self.means)
        at_mean = np.log(self.weights) - np.log(2 * np.pi) - 0.5 * np.log(np.linalg.det(self.covariances))
        constant = at_mean - 0.5 * np.einsum("ki,ki->k", slope, self.means)
        return np.stack(
            [
                constant,
                slope[:, 0],
                slope[:, 1],
                -0.5 * precision[:, 0, 0],
                -precision[:, 0, 1],
                -0.5 * precision[:, 1, 1],
            ]
        )
