"""Fitting densities to the positions of cells: kernel density estimate, Gaussian mixture and its copula by BIC."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.maps.copula_fits import fit_copulas
from cellweave.maps.gaussian_mixture import GaussianMixture2D
from cellweave.maps.gaussian_mixture_copula import GaussianMixtureCopula2D
from cellweave.maps.mixture_fits import best_mixtures
from cellweave.maps.univariate_mixtures import UnivariateMixture

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


def fit_gaussian_mixtures(
    point_sets: Sequence[npt.ArrayLike],
    *,
    components: int | None = None,
    most_components: int = MOST_COMPONENTS,
    least_spread_px: float = LEAST_SPREAD_PX,
    seed: int = 0,
) -> list[GaussianMixture2D]:
    """Return for every set of points the mixture of Gaussians with full covariances that fits it best, by EM and BIC.

    A component has at least three distinct points to itself on average, so few points get few components; and
    ``least_spread_px`` squared is added to every variance, because a component that shrinks onto a point or a line has
    infinite likelihood. Points that all lie in one place or on a line thus give Gaussians of this spread across it.
    What is fitted to a set depends on (seed, its points) alone, not on their order or on the other sets.

    Args:
        point_sets: Each (N, 2), N >= 1, in pixels.
        components: Fit just this many, as far as there are points for them; the number of the smallest BIC when None.
        most_components: Largest number to try, >= 1.
        least_spread_px: In pixels, > 0.
        seed: Of the seeds that EM starts from, >= 0.

    Raises:
        InvalidInputError: There are no points, or a number is too small.

    Source:
        Li et al. 2024 (layout generation), §3.2; Schwarz 1978 for BIC, with 6 K - 1 parameters of K components.
    """
    sets = [_points(xy) for xy in point_sets]
    _require_settings(components, most_components, least_spread_px, seed)
    sizes = [_sizes(points, components, most_components) for points in sets]
    fits = best_mixtures(sets, sizes, floors=np.full((len(sets), 2), least_spread_px**2), seed=seed)
    return [GaussianMixture2D(fit.weights, fit.means, fit.covariances) for fit in fits]


def fit_gaussian_mixture(
    xy: npt.ArrayLike,
    *,
    components: int | None = None,
    most_components: int = MOST_COMPONENTS,
    least_spread_px: float = LEAST_SPREAD_PX,
    seed: int = 0,
) -> GaussianMixture2D:
    """Return the mixture of one set of points (N, 2), as :func:`fit_gaussian_mixtures` does for many."""
    return fit_gaussian_mixtures(
        [xy],
        components=components,
        most_components=most_components,
        least_spread_px=least_spread_px,
        seed=seed,
    )[0]


def fit_gaussian_mixture_copulas(
    point_sets: Sequence[npt.ArrayLike],
    *,
    components: int | None = None,
    most_components: int = MOST_COMPONENTS,
    least_spread_px: float = LEAST_SPREAD_PX,
    seed: int = 0,
) -> list[GaussianMixtureCopula2D]:
    """Return for every set of points the Gaussian mixture copula model that fits it best.

    The marginals come first, each a mixture on its line of as many components as its BIC says; then the copula's
    mixture, with its number of components by the BIC of the whole.

    Args:
        point_sets: Each (N, 2), N >= 1, in pixels.
        components: Of the copula's mixture, as far as there are points for them; by BIC when None. Those of the
            marginals are chosen by BIC in either case.
        most_components: Largest number to try, of marginals and copula, >= 1.
        least_spread_px: Of the components of the marginals, and of those of the copula as a share of the marginals'
            spread, in pixels, > 0.
        seed: Of the seeds that EM starts from, >= 0.

    Raises:
        InvalidInputError: There are no points, or a number is too small.

    Source:
        Li et al. 2024 (layout generation), §3.2; see :func:`cellweave.maps.copula_fits.fit_copulas`.
    """
    sets = [_points(xy) for xy in point_sets]
    _require_settings(components, most_components, least_spread_px, seed)
    lines = [np.stack([points[:, axis], np.zeros(len(points))], axis=1) for points in sets for axis in (0, 1)]
    # a Gaussian of this variance is 1 at its mean: the second coordinate, always 0, adds nothing to the likelihood
    floors = np.tile([least_spread_px**2, 1 / (2 * np.pi)], (len(lines), 1))
    line_sizes = [_sizes(line, None, most_components) for line in lines]
    fits = best_mixtures(lines, line_sizes, floors=floors, seed=seed, parameters=3)
    marginals = [UnivariateMixture(fit.weights, fit.means[:, 0], np.sqrt(fit.covariances[:, 0, 0])) for fit in fits]
    return fit_copulas(
        sets,
        list(zip(marginals[::2], marginals[1::2], strict=True)),
        [_sizes(points, components, most_components) for points in sets],
        least_spread_px=least_spread_px,
        seed=seed,
    )


def _sizes(points: npt.NDArray[np.float64], components: int | None, most_components: int) -> Sequence[int]:
    """Return the numbers of components to choose from."""
    affordable = max(1, len(np.unique(points, axis=0)) // POINTS_PER_COMPONENT)
    return range(1, min(most_components, affordable) + 1) if components is None else [min(components, affordable)]


def _require_settings(components: int | None, most_components: int, least_spread_px: float, seed: int) -> None:
    _require_positive("least_spread_px", least_spread_px)
    for name, number in (("components", components), ("most_components", most_components)):
        if number is not None and number < 1:
            raise InvalidInputError(f"{name} must be >= 1, got {number}.")
    if seed < 0:
        raise InvalidInputError(f"a seed is a number >= 0, got {seed}.")


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
