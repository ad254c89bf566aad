"""Second-order statistics of one pattern: pair correlation and Ripley's K and L."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.patterns.pairs import Floats, pair_counts


def pair_correlation(
    xy: npt.ArrayLike, shape: tuple[float, float], edges: npt.ArrayLike, *, to: npt.ArrayLike | None = None
) -> Floats:
    """Return how many times as many pairs lie at a distance as points without interaction would have there.

    g is 1 for a Poisson process, above 1 at distances of clustering, 0 below a hard core; mean over each class of
    distance, with Ohser and Stoyan's translation correction of the border. For several patterns together see
    :func:`cellweave.patterns.pool_pairs`.

    Args:
        xy: Points, (N, 2), x right and y down, in any unit of length.
        shape: Height and width of the window, in that unit; all points lie in it.
        edges: Ends of the classes of distance, ascending, >= 0, (B + 1,); the last is smaller than both sides.
        to: Points of another class, (M, 2), for the cross pair correlation; None for that within ``xy``.

    Returns:
        float64 (B,); NaN where there is no pair at all to look at (fewer than two points, or an empty class).

    Raises:
        InvalidInputError: A point lies outside the window, or the edges break a rule.

    Source:
        Illian, Penttinen, Stoyan & Stoyan 2008, Statistical Analysis and Modelling of Spatial Point Patterns, §4.3;
        intensities estimated by n (n - 1) / area², or n m / area².
    """
    return pair_counts(xy, shape, edges, to=to).pair_correlation()


def ripley_k(
    xy: npt.ArrayLike, shape: tuple[float, float], radii: npt.ArrayLike, *, to: npt.ArrayLike | None = None
) -> Floats:
    """Return Ripley's K: the mean number of further points within a radius of a point, over the intensity.

    K is pi r² for a Poisson process; translation correction of the border.

    Args:
        xy: Points, (N, 2), in any unit of length.
        shape: Height and width of the window, in that unit; all points lie in it.
        radii: Ascending, > 0, (R,), smaller than both sides of the window; a pair at the radius itself counts.
        to: Points of another class, (M, 2), for the cross K of ``xy`` and them; None for that within ``xy``.

    Returns:
        float64 (R,), in the unit squared; NaN where there is no pair at all to look at.

    Raises:
        InvalidInputError: A point lies outside the window, or the radii break a rule.

    Source:
        Ripley 1977, Modelling spatial patterns, Journal of the Royal Statistical Society B 39:172-212.
    """
    limits = np.atleast_1d(np.asarray(radii, np.float64))
    if limits.ndim != 1 or not (limits > 0).all():
        raise InvalidInputError(f"radii must be ascending numbers > 0, got {limits.tolist()}.")
    return pair_counts(xy, shape, np.concatenate([[0.0], limits]), to=to).ripley_k()


def ripley_l(
    xy: npt.ArrayLike, shape: tuple[float, float], radii: npt.ArrayLike, *, to: npt.ArrayLike | None = None
) -> Floats:
    """Return Besag's L, ``sqrt(K / pi)``: the radius itself for a Poisson process; see :func:`ripley_k`.

    Source:
        Besag 1977, in the discussion of Ripley 1977.
    """
    return np.sqrt(ripley_k(xy, shape, radii, to=to) / np.pi)
