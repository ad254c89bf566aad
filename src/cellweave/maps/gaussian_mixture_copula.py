"""Gaussian mixture copula models in the plane: free marginals, tied together as the coordinates of a mixture are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.maps.gaussian_mixture import GaussianMixture2D
from cellweave.maps.univariate_mixtures import UnivariateMixture

Floats = npt.NDArray[np.float64]

LEAST_TAIL = 1e-10
"""Shares nearer to 0 or 1 than this count as this: beyond, the copula's density is that at the edge."""

LEAST_DENSITY = float(np.finfo(np.float64).tiny)
"""Stands for the 0 that the density of a mixture rounds to between components far apart."""


@dataclass(frozen=True, slots=True, eq=False)
class GaussianMixtureCopula2D:
    """A probability density in the plane with mixtures as marginals and the copula of another mixture.

    With F and f of the marginals, G and g of those of the copula's mixture, and psi its density, the density of a point
    is psi(z) * f1(x) * f2(y) / (g1(z1) * g2(z2)) at z = (G1⁻¹(F1(x)), G2⁻¹(F2(y))).

    Attributes:
        marginals: Of x and y, in pixels.
        mixture: Gives the copula; moving or stretching it along an axis changes nothing.

    Source:
        Li et al. 2024 (layout generation), §3.2; Tewari, Giering and Raghunathan 2011, Gaussian mixture copula models.
    """

    marginals: tuple[UnivariateMixture, UnivariateMixture]
    mixture: GaussianMixture2D

    def density(self, xy: npt.ArrayLike) -> Floats:
        """Return the density, per pixel², at points (N, 2): float64 (N,)."""
        points = np.asarray(xy, np.float64).reshape(-1, 2)
        (z1, ratio1), (z2, ratio2) = (self._scores(points[:, axis], axis) for axis in (0, 1))
        return np.asarray(self.mixture.density(np.stack([z1, z2], axis=1)) * ratio1 * ratio2, np.float64)

    def on_grid(self, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
        """Return the density, per pixel², at the centres of the pixels of a frame: float32 (H, W)."""
        height, width = shape
        (z1, ratio1), (z2, ratio2) = (self._scores(np.arange(0.5, n), axis) for axis, n in ((0, width), (1, height)))
        crossings = np.stack([np.tile(z1, height), np.repeat(z2, width)], axis=1)
        # the ratios grow where the mixture's density falls, so it is not cut off there
        values = self.mixture.density(crossings).reshape(shape) * ratio1 * ratio2[:, None]
        return values.astype(np.float32)

    def _scores(self, values: Floats, axis: int) -> tuple[Floats, Floats]:
        """Return the coordinates of the mixture that a coordinate stands for, and f / g there, both (N,)."""
        marginal, tied = self.marginals[axis], marginal_of(self.mixture, axis)
        shares = np.clip(marginal.distribution(values), LEAST_TAIL, 1 - LEAST_TAIL)
        z = tied.quantile(shares)
        return z, marginal.density(values) / np.maximum(tied.density(z), LEAST_DENSITY)


def marginal_of(mixture: GaussianMixture2D, axis: int) -> UnivariateMixture:
    """Return the density of one coordinate of a mixture, 0 for x and 1 for y."""
    return UnivariateMixture(mixture.weights, mixture.means[:, axis], np.sqrt(mixture.covariances[:, axis, axis]))
