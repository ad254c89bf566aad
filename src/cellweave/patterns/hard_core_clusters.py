"""Clustered cells that keep their distance: classes as Thomas processes of given numbers, with a common hard core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.patterns.exclusion import inhibit
from cellweave.patterns.minimum_contrast import ThomasFit
from cellweave.patterns.point_processes import REACH, Points, poisson_points

ROUNDS = 200
"""How often a point that is too near another is thrown anew."""


@dataclass(frozen=True, slots=True, eq=False)
class CrowdedPoints:
    """A pattern of given numbers of points.

    Attributes:
        xy: Positions, (N, 2).
        labels: Class of every point, int64 (N,).
        crowded: Number of points for which no free place was found; they lie closer to another than allowed.
    """

    xy: Points
    labels: npt.NDArray[np.int64]
    crowded: int


def hard_core_clusters(
    numbers: Sequence[int],
    processes: Sequence[ThomasFit],
    distances: npt.ArrayLike,
    *,
    shape: tuple[float, float],
    rng: np.random.Generator,
) -> CrowdedPoints:
    """Return a pattern with given numbers of points of every class, clustered at long range and apart at short.

    Given its clusters, a Thomas process is an inhomogeneous Poisson process, whose points, their number given, are
    independent draws from the sum of the clusters' densities. Points are thrown so, in random order of the classes,
    and those too near an earlier one are thrown again.

    Args:
        numbers: Points of every class, >= 0.
        processes: Process of every class, in the unit of ``shape``.
        distances: Exclusion distance of every pair of classes, (C, C); see :func:`cellweave.patterns.inhibit`.
        shape: Height and width of the window.
        rng: Source of randomness.

    Raises:
        InvalidInputError: Numbers and processes are not equally many, a number is negative, or the distances are no
            symmetric (C, C) matrix >= 0.
    """
    if len(numbers) != len(processes) or min(numbers, default=0) < 0:
        raise InvalidInputError(
            f"every class has a number >= 0 and a process, got {list(numbers)} and {len(processes)} processes."
        )
    limits = np.asarray(distances, np.float64)
    if limits.shape != (len(numbers), len(numbers)):
        raise InvalidInputError(
            f"{len(numbers)} classes need exclusion distances ({len(numbers)}, {len(numbers)}), got {limits.shape}."
        )
    centres = [_centres(process, shape, rng) for process in processes]
    labels = rng.permutation(np.repeat(np.arange(len(numbers)), numbers))
    xy = _throw(labels, processes, centres, shape, rng)
    order = np.arange(len(labels))
    for _ in range(ROUNDS):
        stays = inhibit(xy[order], labels[order], limits)
        if stays.all():
            return CrowdedPoints(xy, labels, 0)
        again = order[~stays]
        xy[again] = _throw(labels[again], processes, centres, shape, rng)
        order = np.concatenate([order[stays], again])
    return CrowdedPoints(xy, labels, int((~inhibit(xy[order], labels[order], limits)).sum()))


def _centres(process: ThomasFit, shape: tuple[float, float], rng: np.random.Generator) -> Points:
    """Return the middles of clusters in and around a window, at least one near enough to have points in it."""
    if not process.clusters:
        return np.zeros((0, 2))
    height, width = shape
    margin = REACH * process.spread
    centres = poisson_points(process.parents, (height + 2 * margin, width + 2 * margin), rng) - margin
    inside = ((centres >= -process.spread) & (centres <= (width + process.spread, height + process.spread))).all(axis=1)
    return centres if inside.any() else np.concatenate([centres, rng.random((1, 2)) * (width, height)])


def _throw(
    labels: npt.NDArray[np.int64],
    processes: Sequence[ThomasFit],
    centres: Sequence[Points],
    shape: tuple[float, float],
    rng: np.random.Generator,
) -> Points:
    """Return a draw for every point from the density of its class, inside the window."""
    height, width = shape
    xy = rng.random((len(labels), 2)) * (width, height)
    for label, (process, middles) in enumerate(zip(processes, centres, strict=True)):
        left = np.flatnonzero(labels == label) if process.clusters else np.zeros(0, np.int64)
        while len(left):
            origins = middles[rng.integers(len(middles), size=len(left))]
            xy[left] = origins + rng.normal(0, process.spread, origins.shape)
            left = left[~((xy[left] >= 0) & (xy[left] < (width, height))).all(axis=1)]
    return xy
