"""Fitting a density to the positions of cells: kernel density estimate, or Gaussian mixture chosen by BIC."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.maps.gaussian_mixture import GaussianMixture2D

MOST_COMPONENTS = 10
LEAST_SPREAD_PX = 3.0
"""About the radius of a nucleus at half of 20x: a density has no finer detail than the cells themselves."""

POINTS_PER_COMPONENT = 3
"""Fewer distinct points do not determine a covariance in the plane."""


def fit_kernel_density(
    xy: npt.ArrayLike, *, factor: float | None = None, least_spread_px: float = LEAST_SPREAD_PX
) -> GaussianMixture2D:
    """Return the Gaussian kernel density estimate of points: one kernel a point, all alike.

    The covariance of the kernel is that of the points times the squared factor, as in ``scipy.stats.gaussian_kde``.
    Where that is narrower than ``least_spread_px`` in some direction (points that lie on a line or on one another, or
    a single one), the kernel has this standard deviation in that direction.

    Args:
        xy: Points, (N, 2), N >= 1, in pixels.
        factor: Of the bandwidth, > 0; Scott's ``N ** (-1 / 6)`` when None.
        least_spread_px: Smallest standard deviation of a kernel, in pixels, > 0.

    Raises:
        InvalidInputError: There are no points, or a number is not > 0.

    Source:
        Li et al. 2024 (layout generation), §3.2; Scott 1992, Multivariate Density Estimation.
    """
    points = _points(xy)
    _require_positive("least_spread_px", least_spread_px)
    scale = len(points) ** (-1 / 6) if factor is None else factor
    _require_positive("factor", scale)
    covariance = np.cov(points.T) if len(points) > 1 else np.zeros((2, 2))
    variances, axes = np.linalg.eigh(covariance * scale**2)
    if variances.min() >= least_spread_px**2:
        kernel = covariance * scale**2
    else:
        kernel = (axes * np.maximum(variances, least_spread_px**2)) @ axes.T
    count = len(points)
    return GaussianMixture2D(np.full(count, 1 / count), points, np.tile(kernel, (count, 1, 1)))


def fit_gaussian_mixture(
    xy: npt.ArrayLike,
    *,
    components: int | None = None,
    most_components: int = MOST_COMPONENTS,
    least_spread_px: float = LEAST_SPREAD_PX,
    seed: int = 0,
) -> GaussianMixture2D:
    """Return the mixture of Gaussians with full covariances that fits points best, by EM and BIC.

    A component has at least three distinct points to itself on average, so few points get few components; and
    ``least_spread_px`` squared is added to every variance, because a component that shrinks onto a point or a line has
    infinite likelihood. Points that all lie in one place or on a line thus give Gaussians of this spread across it.

    Args:
        xy: Points, (N, 2), N >= 1, in pixels.
        components: Fit just this many, as far as there are points for them; the number of the smallest BIC when None.
        most_components: Largest number to try, >= 1.
        least_spread_px: In pixels, > 0.
        seed: Of the k-means that EM starts from, >= 0.

    Raises:
        InvalidInputError: There are no points, or a number is too small.

    Source:
        Li et al. 2024 (layout generation), §3.2; EM, k-means and BIC are scikit-learn's.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    points = _points(xy)
    _require_positive("least_spread_px", least_spread_px)
    for name, number in (("components", components), ("most_components", most_components)):
        if number is not None and number < 1:
            raise InvalidInputError(f"{name} must be >= 1, got {number}.")
    distinct = len(np.unique(points, axis=0))
    affordable = max(1, distinct // POINTS_PER_COMPONENT)
    sizes = range(1, min(most_components, affordable) + 1) if components is None else [min(components, affordable)]
    if len(points) == 1:  # scikit-learn wants two points
        points = np.repeat(points, 2, axis=0)
    fits = [GaussianMixture(size, reg_covar=least_spread_px**2, random_state=seed) for size in sizes]
    with warnings.catch_warnings():
        # EM that stops at its limit of 100 steps has a valid, slightly worse fit, which BIC judges as it is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        best = min((fit.fit(points) for fit in fits), key=lambda fit: float(fit.bic(points)))
    return GaussianMixture2D(best.weights_, best.means_, best.covariances_)


def _points(xy: npt.ArrayLike) -> npt.NDArray[np.float64]:
    points = np.asarray(xy, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise InvalidInputError(f"a density is fitted to points (N, 2) with N >= 1, got shape {points.shape}.")
    if not np.isfinite(points).all():
        i = int(np.argmin(np.isfinite(points).all(axis=1)))
        raise InvalidInputError(f"points[{i}] is {points[i].tolist()}, which is not finite.")
    return points


def _require_positive(name: str, value: float) -> None:
    if not 0 < value < np.inf:
        raise InvalidInputError(f"{name} must be a number > 0, got {value}.")
