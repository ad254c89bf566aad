"""What a layout is measured by, and how far apart two sets of layouts are in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics.cell_scores import ALL
from cellweave.patterns import PairCounts, nearest_neighbour_distances, pair_counts, pool_pairs

Floats = npt.NDArray[np.float64]
Measure = Literal["nearest_neighbour", "pair_correlation"]

EDGES_UM: Floats = np.arange(2.0, 61.0, 2.0)
"""Ends of the classes of distance of the pair correlation, in µm: 29 classes over 2–60 µm."""
EDGES_UM.setflags(write=False)

UNITS: Mapping[Measure, str] = MappingProxyType({"nearest_neighbour": "µm", "pair_correlation": "1"})


@dataclass(frozen=True, slots=True, eq=False)
class LayoutStatistics:
    """What is measured of one layout, by label.

    Labels are ``all`` (cells of unknown class included), the name of a class (cells of it among themselves) and pairs
    of classes: ``a → b``, from each cell of a to the nearest of b; ``a – b``, all pairs of one of each.

    Attributes:
        counts: Number of cells; ``all`` and classes.
        nearest_um: Distances to nearest neighbours, in µm; ``all``, classes and ``a → b``.
        pairs: Pairs by their distance in µm; ``all``, classes and ``a – b``.
    """

    counts: dict[str, int]
    nearest_um: dict[str, Floats]
    pairs: dict[str, PairCounts]


def layout_statistics(cells: Cells, classes: Sequence[str]) -> LayoutStatistics:
    """Measure one layout.

    Args:
        cells: Of known scale, in a frame of more than 60 µm in both directions.
        classes: The classes to look at, in the order in which ``a – b`` names them.

    Raises:
        InvalidInputError: The scale is unknown, or the frame too small.
    """
    if cells.mpp is None:
        raise InvalidInputError("a layout has no scale (mpp), so its distances in µm are not known; give its data one.")
    frame = frame_um(cells.shape, cells.mpp)
    places = {ALL: cells.xy * cells.mpp} | {name: cells.of_class(name).xy * cells.mpp for name in classes}
    nearest = {label: nearest_neighbour_distances(xy) for label, xy in places.items()}
    nearest |= {_arrow(a, b): nearest_neighbour_distances(places[a], to=places[b]) for a, b in permutations(classes, 2)}
    pairs = {label: pair_counts(xy, frame, EDGES_UM) for label, xy in places.items()}
    pairs |= {_dash(a, b): pair_counts(places[a], frame, EDGES_UM, to=places[b]) for a, b in combinations(classes, 2)}
    return LayoutStatistics({label: len(xy) for label, xy in places.items()}, nearest, pairs)


def frame_um(shape: tuple[int, int], mpp: float) -> tuple[float, float]:
    """Return height and width of a frame in µm, having made sure that layouts can be measured in it.

    Args:
        shape: Height and width in pixels.
        mpp: µm per pixel.

    Raises:
        InvalidInputError: It is 60 µm or less in a direction.
    """
    frame = (shape[0] * mpp, shape[1] * mpp)
    if min(frame) <= EDGES_UM[-1]:
        raise InvalidInputError(
            f"layouts are compared over distances up to {EDGES_UM[-1]:g} µm, but the smallest frame is "
            f"{frame[1]:g}×{frame[0]:g} µm; give layouts with larger frames."
        )
    return frame


def labels_of(measure: Measure, classes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the labels that a measure has: ``all``, ``class`` and ``class pair``."""
    cross = (
        [_arrow(a, b) for a, b in permutations(classes, 2)]
        if measure == "nearest_neighbour"
        else [_dash(a, b) for a, b in combinations(classes, 2)]
    )
    return {ALL: (ALL,), "class": tuple(classes), "class pair": tuple(cross)}


def layout_distance(
    measure: Measure, label: str, one: Sequence[LayoutStatistics], other: Sequence[LayoutStatistics]
) -> float:
    """Return how far apart two sets of layouts are.

    Nearest neighbours: the Wasserstein-1 distance, in µm, of the distances of all cells of a set. Pair correlation:
    the mean over 2–60 µm of the absolute difference of g, each pooled over a set.

    Returns:
        A number >= 0; NaN where a set has no two cells to measure a distance between.
    """
    if measure == "nearest_neighbour":
        return _wasserstein(*(np.concatenate([each.nearest_um[label] for each in side]) for side in (one, other)))
    first, second = (pool_pairs(each.pairs[label] for each in side).pair_correlation() for side in (one, other))
    return float(np.abs(first - second).mean())


def _wasserstein(one: Floats, other: Floats) -> float:
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(one, other)) if len(one) and len(other) else float("nan")


def _arrow(a: str, b: str) -> str:
    return f"{a} → {b}"


def _dash(a: str, b: str) -> str:
    return f"{a} – {b}"
