"""What is measured of one layout: counts, nearest neighbours, pairs by their distance, pieces and holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations
from typing import Literal

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics.cell_scores import ALL
from cellweave.patterns import BettiCurves, PairCounts, betti_curves, nearest_neighbour_distances, pair_counts

Floats = npt.NDArray[np.float64]
Measure = Literal["nearest_neighbour", "ripley_l", "pair_correlation", "topology", "spatial_fid"]

EDGES_UM: Floats = np.arange(0.0, 61.0, 2.0)
"""Ends of the classes of distance of pairs, in µm; the pair correlation is compared over 2–60 µm, without the first."""
EDGES_UM.setflags(write=False)

SCALES_UM: Floats = np.arange(0.0, 41.0, 1.0)
"""Distances at which cells are joined to count pieces and holes, in µm."""
SCALES_UM.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class LayoutStatistics:
    """What is measured of one layout, by label.

    Labels are ``all`` (cells of unknown class included), the name of a class (cells of it among themselves) and pairs
    of classes: ``a → b``, from each cell of a to the nearest of b; ``a – b``, all pairs of one of each.

    Attributes:
        counts: Number of cells; ``all`` and classes.
        nearest_um: Distances to nearest neighbours, in µm; ``all``, classes and ``a → b``.
        pairs: Pairs by their distance in µm; ``all``, classes and ``a – b``.
        topology: Pieces and holes at ``SCALES_UM``; ``all`` and classes; empty where not asked for.
    """

    counts: dict[str, int]
    nearest_um: dict[str, Floats]
    pairs: dict[str, PairCounts]
    topology: dict[str, BettiCurves] = field(default_factory=dict)


def layout_statistics(cells: Cells, classes: Sequence[str], *, topology: bool = False) -> LayoutStatistics:
    """Measure one layout.

    Args:
        cells: Of known scale, in a frame of more than 60 µm in both directions.
        classes: The classes to look at, in the order in which ``a – b`` names them.
        topology: Count pieces and holes, too; needs the extra ``topology``.

    Raises:
        InvalidInputError: The scale is unknown, the frame too small, or the extra is missing.
    """
    mpp = scale_of(cells)
    frame = frame_um(cells.shape, mpp)
    places = {ALL: cells.xy * mpp} | {name: cells.of_class(name).xy * mpp for name in classes}
    nearest = {label: nearest_neighbour_distances(xy) for label, xy in places.items()}
    nearest |= {_arrow(a, b): nearest_neighbour_distances(places[a], to=places[b]) for a, b in permutations(classes, 2)}
    pairs = {label: pair_counts(xy, frame, EDGES_UM) for label, xy in places.items()}
    pairs |= {_dash(a, b): pair_counts(places[a], frame, EDGES_UM, to=places[b]) for a, b in combinations(classes, 2)}
    curves = {label: betti_curves(xy, SCALES_UM) for label, xy in places.items()} if topology else {}
    return LayoutStatistics({label: len(xy) for label, xy in places.items()}, nearest, pairs, curves)


def scale_of(cells: Cells) -> float:
    """Return the µm per pixel of a layout.

    Raises:
        InvalidInputError: They are not known.
    """
    if cells.mpp is None:
        raise InvalidInputError("a layout has no scale (mpp), so its distances in µm are not known; give its data one.")
    return cells.mpp


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
    none: tuple[str, ...] = ()
    pairs = {
        "nearest_neighbour": tuple(_arrow(a, b) for a, b in permutations(classes, 2)),
        "ripley_l": tuple(_dash(a, b) for a, b in combinations(classes, 2)),
        "pair_correlation": tuple(_dash(a, b) for a, b in combinations(classes, 2)),
    }
    single = none if measure == "spatial_fid" else tuple(classes)
    return {ALL: (ALL,), "class": single, "class pair": pairs.get(measure, none)}


def _arrow(a: str, b: str) -> str:
    return f"{a} → {b}"


def _dash(a: str, b: str) -> str:
    return f"{a} – {b}"
