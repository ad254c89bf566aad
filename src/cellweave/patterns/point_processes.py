"""Random point patterns in a rectangle; every length is in the same unit, whichever the caller uses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError

Points = npt.NDArray[np.float64]
"""Positions (N, 2): x right, y down."""

REACH = 4.0
"""Parents are laid this many standard deviations beyond the window; offspring from farther are 1 in 16,000."""


def poisson_points(intensity: float, shape: tuple[float, float], rng: np.random.Generator) -> Points:
    """Return a homogeneous Poisson process: ``intensity × area`` points on average, each anywhere.

    Args:
        intensity: Points per unit area, >= 0.
        shape: Height and width of the window.
        rng: Source of randomness.

    Returns:
        Positions (N, 2), 0 <= x < width and 0 <= y < height.

    Raises:
        InvalidInputError: A negative intensity, or a window without a size.
    """
    height, width = _window(shape)
    _require_at_least_zero("intensity", intensity)
    count = rng.poisson(intensity * height * width)
    return rng.random((count, 2)) * (width, height)


def thomas_points(
    parents: float,
    offspring: float,
    spread: float,
    *,
    shape: tuple[float, float],
    rng: np.random.Generator,
) -> Points:
    """Return a Thomas cluster process: Poisson parents, each with a Poisson number of Gaussian offspring.

    Parents also lie outside the window, so that clusters at its border are as full as elsewhere; the parents
    themselves are no points of the pattern. On average there are ``parents × offspring × area`` points.

    Args:
        parents: Clusters per unit area, >= 0.
        offspring: Mean number of points of a cluster, >= 0.
        spread: Standard deviation of offspring about their parent, in x and in y, >= 0.
        shape: Height and width of the window.
        rng: Source of randomness.

    Returns:
        Positions (N, 2) in the window, cluster after cluster.

    Raises:
        InvalidInputError: A negative parameter, or a window without a size.

    Source:
        Thomas 1949, A generalization of Poisson's binomial limit for use in ecology, Biometrika 36:18-25.
    """
    height, width = _window(shape)
    _require_at_least_zero("offspring", offspring)
    _require_at_least_zero("spread", spread)
    margin = REACH * spread
    centres = poisson_points(parents, (height + 2 * margin, width + 2 * margin), rng) - margin
    origins = np.repeat(centres, rng.poisson(offspring, len(centres)), axis=0)
    points = origins + rng.normal(0, spread, origins.shape)
    inside = ((points >= 0) & (points < (width, height))).all(axis=1)
    return points[inside]


def thin_by_map(
    points: Points, probabilities: npt.NDArray[np.floating], rng: np.random.Generator, *, pixel: float = 1.0
) -> Points:
    """Return some of the points, each kept with the probability that a map holds at its place.

    Thinning a Poisson process gives the inhomogeneous one of intensity ``intensity × probabilities``.

    Args:
        points: Positions (N, 2) in the window that the map covers.
        probabilities: (H, W), in [0, 1].
        rng: Source of randomness; one number a point is drawn, kept or not.
        pixel: Side of a pixel of the map, in the unit of the points.

    Raises:
        InvalidInputError: A point lies outside the map.
    """
    columns, rows = np.floor(points / pixel).astype(int).T
    height, width = probabilities.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    if not inside.all():
        i = int(np.argmin(inside))
        raise InvalidInputError(f"points[{i}] is {points[i].tolist()}, outside the map of {height}×{width} pixels.")
    kept: Points = points[rng.random(len(points)) < probabilities[rows, columns]]
    return kept


def _window(shape: tuple[float, float]) -> tuple[float, float]:
    height, width = shape
    if not (0 < height < np.inf and 0 < width < np.inf):
        raise InvalidInputError(f"a window has a height and a width > 0, got {shape}.")
    return height, width


def _require_at_least_zero(name: str, value: float) -> None:
    if not 0 <= value < np.inf:
        raise InvalidInputError(f"{name} must be a number >= 0, got {value}.")
