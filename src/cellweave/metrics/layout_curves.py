"""The curves that sets of layouts are compared by: sums over layouts, so that any weighting of them is one product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.metrics.layout_frechet import gaussian_moments
from cellweave.metrics.layout_statistics import EDGES_UM, SCALES_UM, Floats, LayoutStatistics, Measure

MEASURES: Mapping[Measure, str] = MappingProxyType(
    {"nearest_neighbour": "µm", "ripley_l": "µm", "pair_correlation": "1", "topology": "µm", "spatial_fid": "1"}
)
"""Every measure and the unit of its distances."""

NAMES: Mapping[Measure, str] = MappingProxyType(
    {
        "nearest_neighbour": "nearest neighbour",
        "ripley_l": "L",
        "pair_correlation": "pair correlation",
        "topology": "topology",
        "spatial_fid": "spatial-FID",
    }
)
"""Every measure in words."""

NEAREST_UM: Floats = np.concatenate([np.arange(0, 40, 0.25), np.arange(40, 100, 1.0), np.arange(100, 1001, 10.0)])
"""Where the distribution of nearest neighbours is taken, in µm; farther ones count as 1 mm away."""
NEAREST_UM.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class LayoutCurves:
    """A measure of several layouts, each a numerator and a denominator, that pool by summing either.

    Attributes:
        numerators: (layouts, K).
        denominators: What each layout contributes to the common denominator, (layouts,).
    """

    numerators: Floats
    denominators: Floats

    def pooled(self, weights: Floats) -> Floats:
        """Return the quotients of weighted sums over the layouts.

        Args:
            weights: How often each layout counts, (M, layouts).

        Returns:
            float64 (M, K); NaN where the denominator is 0: there is nothing to look at.
        """
        below = weights @ self.denominators
        below = np.where(below > 0, below, np.nan)
        return np.asarray((weights @ self.numerators) / below[:, None], np.float64)


def measure_curves(measure: Measure, label: str, layouts: Sequence[LayoutStatistics]) -> LayoutCurves:
    """Return a measure of several layouts; pooled, it is

    - for nearest neighbours their distribution function at ``NEAREST_UM``,
    - for L and the pair correlation these at ``EDGES_UM`` (K is summed, and its root taken once pooled),
    - for topology the pieces, then the holes, a cell, at ``SCALES_UM``.
    """
    if measure == "nearest_neighbour":
        distances = [np.sort(np.minimum(one.nearest_um[label], NEAREST_UM[-1])) for one in layouts]
        below = [np.searchsorted(each, NEAREST_UM + 1e-9, side="right") for each in distances]
        return _curves(below, [len(each) for each in distances], len(NEAREST_UM))
    if measure == "topology":
        return _curves(
            [np.concatenate(one.topology[label]) for one in layouts],
            [one.counts[label] for one in layouts],
            2 * len(SCALES_UM),
        )
    pairs = [one.pairs[label] for one in layouts]
    densities = [each.product_density for each in pairs]
    if measure == "ripley_l":
        return _curves([np.cumsum(each.weights) / np.pi for each in pairs], densities, len(EDGES_UM) - 1)
    rings = np.pi * np.diff(EDGES_UM**2)
    return _curves([each.weights / rings for each in pairs], densities, len(EDGES_UM) - 1)


def feature_curves(features: Floats) -> LayoutCurves:
    """Return features of layouts, (N, D), as what pools to their mean and second moments; see ``frechet_distance``."""
    return LayoutCurves(gaussian_moments(features), np.ones(len(features)))


def readable(measure: Measure, pooled: Floats) -> Floats:
    """Return pooled curves, (M, K), as they are compared and drawn: K becomes L, all else stays."""
    return np.sqrt(np.maximum(pooled, 0)) if measure == "ripley_l" else pooled


def curve_distance(measure: Measure, one: Floats, other: Floats) -> Floats:
    """Return how far apart pooled curves (M, K) are, (M,); NaN where one is not defined.

    Nearest neighbours: the Wasserstein-1 distance, in µm. L: mean absolute difference over 2–60 µm, in µm. Pair
    correlation: the same, unitless. Topology: the area between the curves of pieces a cell, in µm, plus that of holes.

    Args:
        measure: Any but ``spatial_fid``.
        one, other: What :meth:`LayoutCurves.pooled` returned.
    """
    return np.asarray(np.abs(readable(measure, one) - readable(measure, other)) @ _STEPS[measure], np.float64)


def _curves(numerators: Sequence[npt.NDArray[Any]], denominators: Sequence[float], length: int) -> LayoutCurves:
    above = np.array(numerators, np.float64).reshape(len(numerators), length)
    return LayoutCurves(above, np.array(denominators, np.float64))


def _trapezoid(at: Floats) -> Floats:
    """Return the weights of values in the integral over where they are taken."""
    gaps = np.diff(at)
    return np.concatenate([gaps, [0.0]]) / 2 + np.concatenate([[0.0], gaps]) / 2


_CLASSES = len(EDGES_UM) - 1
_STEPS: Mapping[Measure, Floats] = MappingProxyType(
    {
        "nearest_neighbour": _trapezoid(NEAREST_UM),
        "ripley_l": np.full(_CLASSES, 1 / _CLASSES),
        "pair_correlation": np.concatenate([[0.0], np.full(_CLASSES - 1, 1 / (_CLASSES - 1))]),
        "topology": np.tile(_trapezoid(SCALES_UM), 2),
    }
)
