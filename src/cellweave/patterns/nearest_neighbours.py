"""Distances to the nearest neighbour, and their distribution without the bias of the border."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from cellweave.core import InvalidInputError
from cellweave.patterns.pairs import Floats, points_in_window


def nearest_neighbour_distances(xy: npt.ArrayLike, *, to: npt.ArrayLike | None = None) -> Floats:
    """Return the distance from every point to its nearest neighbour, as it is seen in the window.

    Args:
        xy: Points, (N, 2), in any unit of length.
        to: Points of another class, (M, 2), to look for neighbours among; None: the other points of ``xy``.

    Returns:
        float64 (N,), in the unit of the points; empty where there is nobody to be a neighbour.

    Raises:
        InvalidInputError: The shape of an array is not (N, 2).

    Example:
        >>> nearest_neighbour_distances([[0, 0], [3, 4], [3, 5]]).tolist()
        [5.0, 1.0, 1.0]
    """
    points = as_points(xy)
    others = points if to is None else as_points(to)
    own = to is None
    if len(others) <= own or not len(points):
        return np.zeros(0)
    distances, _ = cKDTree(others).query(points, k=[2 if own else 1])
    return np.asarray(distances, np.float64)[:, 0]


def border_distances(xy: npt.ArrayLike, shape: tuple[float, float]) -> Floats:
    """Return the distance from every point (N, 2) to the nearest side of a window (height, width), float64 (N,).

    Raises:
        InvalidInputError: A point lies outside the window.
    """
    points = points_in_window(xy, shape)
    height, width = shape
    gaps: Floats = np.minimum(points, np.subtract((width, height), points))
    return gaps.min(axis=1) if len(gaps) else np.zeros(0)


def nearest_neighbour_distribution(distances: npt.ArrayLike, borders: npt.ArrayLike, radii: npt.ArrayLike) -> Floats:
    """Return the share of points whose true nearest neighbour, beyond the border too, lies within a radius.

    A distance longer than that to the border is only known to be at least the latter: it is censored, and the
    distribution is Kaplan and Meier's. Patterns are pooled by concatenating their distances.

    Args:
        distances: To the nearest neighbour in the window, (N,); see :func:`nearest_neighbour_distances`.
        borders: From the same points to the border, (N,); see :func:`border_distances`.
        radii: Where to take the distribution, >= 0, (R,); the radius itself counts.

    Returns:
        float64 (R,), rising in 0..1; NaN where there are no points.

    Raises:
        InvalidInputError: There is not one border distance for every distance.

    Source:
        Baddeley & Gill 1997, Kaplan-Meier estimators of distance distributions for spatial point processes,
        Annals of Statistics 25:263-292. ``1 - exp(-intensity × pi r²)`` for a Poisson process.
    """
    nearest, border = np.asarray(distances, np.float64).ravel(), np.asarray(borders, np.float64).ravel()
    limits = np.asarray(radii, np.float64)
    if len(nearest) != len(border):
        raise InvalidInputError(f"every distance needs its border's, got {len(border)} for {len(nearest)}.")
    if not len(nearest):
        return np.full(limits.shape, np.nan)
    known = nearest <= border
    times, deaths = np.unique(nearest[known], return_counts=True)
    at_risk = len(nearest) - np.searchsorted(np.sort(np.minimum(nearest, border)), times, side="left")
    survival = np.concatenate([[1.0], np.cumprod(1 - deaths / at_risk)])
    return np.asarray(1 - survival[np.searchsorted(times, limits, side="right")], np.float64)


def as_points(xy: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return points as float64 (N, 2); N may be 0.

    Raises:
        InvalidInputError: The shape is not (N, 2).
    """
    points = np.asarray(xy, np.float64).reshape(-1, 2) if np.size(xy) == 0 else np.asarray(xy, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InvalidInputError(f"points must have shape (N, 2), got {points.shape}.")
    return points
