"""How far generated layouts are from those of patients held out, beside those that their model learnt from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cellweave.core import Cells, numpy_generator
from cellweave.encoders import LayoutEncoder
from cellweave.metrics.cell_scores import ALL
from cellweave.metrics.layout_arms import crop_to_centre, raster_round_trip, throw_at_random
from cellweave.metrics.layout_bootstrap import SideWeights, resampled_weights
from cellweave.metrics.layout_clusters import CellClusters
from cellweave.metrics.layout_comparison import ComparedSets
from cellweave.metrics.layout_curves import LayoutCurves, feature_curves
from cellweave.metrics.layout_frechet import DIMENSIONS
from cellweave.metrics.layout_scores import COLUMNS, KINDS, Kind
from cellweave.metrics.layout_statistics import Floats, LayoutStatistics, Measure, layout_statistics

RESAMPLES = 200
SPLITS = 20

PLACES: tuple[tuple[str, Measure, str], ...] = tuple(one for one in COLUMNS if one[1] != "topology")
"""Title, measure and label of what is compared; with one class there are no pairs of classes."""

_SEED = 0
"""Of splits, random layouts and resamples: the same for all arms, so that they are compared on the same ones."""


class FoldReference:
    """The real layouts of a fold: those of patients held out, and those that the model learnt from.

    Held-out layouts are compared with generated ones; with those learnt from, which are of other patients (the floor:
    no model that copies what it is shown comes nearer); with layouts that have the counts of the latter and cells
    anywhere (the ceiling); and with layouts that have these counts, of a cluster process fitted to the latter. All are
    cropped in their middle to the frame of the generated ones, and go through the same raster and back.

    Args:
        held_out: Layouts of patients held out, of one known scale, at least as large as the frame.
        learnt: Layouts of the other patients; likewise.
        groups: Patient or slide of the held-out layouts, then of those learnt from.
        frame: Height and width in pixels.

    Raises:
        InvalidInputError: The scale is unknown, or the frame too small to measure in.
    """

    def __init__(
        self, held_out: Sequence[Cells], learnt: Sequence[Cells], groups: Sequence[str], frame: tuple[int, int]
    ) -> None:
        self.classes = held_out[0].classes
        self._held_out, self._groups = len(held_out), list(groups)
        crops = [crop_to_centre(one, frame) for one in (*held_out, *learnt)]
        process = CellClusters.fit(learnt, self.classes)
        kinds: dict[Kind, list[Cells]] = {
            "random": [throw_at_random(one, seed=_SEED, index=i) for i, one in enumerate(crops)],
            "fitted": [process.throw(one, seed=_SEED, index=i)[0] for i, one in enumerate(crops)],
            "real": crops,
        }
        self._encoder = LayoutEncoder.from_pretrained()
        self._measured = {kind: self._measure(each) for kind, each in kinds.items()}
        self._cells = numbers_of(crops[self._held_out :]).mean(axis=0)

    def compare(self, synthetic: Sequence[Cells]) -> dict[str, Any]:
        """Return how far generated layouts are from held-out ones, as JSON.

        Returns:
            ``size``: layouts on either side; ``distances``: by title, from held-out layouts to those of every kind in
            the order of ``KINDS``, means over splits; ``samples``: the same in every resample of patients and
            generated layouts, (resamples, 4); ``learnt_cells``: mean numbers of cells of the layouts learnt from, all
            and by class. What is not defined is null.
        """
        statistics, curves = self._measure(synthetic)
        measured = {"synthetic": (statistics, curves), **self._measured}
        sets = ComparedSets.of(
            self.classes,
            {kind: measured[kind][0] for kind in KINDS},
            {kind: measured[kind][1] for kind in KINDS},
            topology=False,
        )
        weights = self._weights(len(synthetic))
        splits = len(weights.real)
        found = sets.distances(weights)
        there = [(title, measure, label) for title, measure, label in PLACES if (measure, label) in found]
        samples: dict[str, list[list[float | None]]] = {title: [] for title, _, _ in there}
        for block in resampled_weights(weights, self._groups, resamples=RESAMPLES, seed=_SEED):
            distances = sets.distances(block)
            for title, measure, label in there:
                means = distances[measure, label].reshape(-1, splits, len(KINDS)).mean(axis=1)
                samples[title] += [_listed(row) for row in means]
        return {
            "size": weights.size,
            "distances": {title: _listed(found[measure, label].mean(axis=0)) for title, measure, label in there},
            "samples": samples,
            "learnt_cells": _listed(self._cells),
        }

    def _measure(self, layouts: Sequence[Cells]) -> tuple[list[LayoutStatistics], LayoutCurves]:
        treated = [raster_round_trip(one) for one in layouts]
        statistics = [layout_statistics(one, self.classes) for one in treated]
        return statistics, feature_curves(self._encoder.features(treated, self.classes, dimensions=DIMENSIONS))

    def _weights(self, synthetic: int) -> SideWeights:
        """Return which layouts are compared: equally many on all sides, drawn in every split where there are more."""
        total = len(self._groups)
        sides = (range(self._held_out), range(self._held_out, total), range(synthetic))
        size = min(map(len, sides))
        splits = 1 if all(len(side) == size for side in sides) else SPLITS
        weights = [np.zeros((splits, count)) for count in (total, total, synthetic)]
        for row in range(splits):
            rng = numpy_generator(_SEED, "layout study split", row)
            for side, into in zip(sides, weights, strict=True):
                into[row, rng.choice(np.array(side), size, replace=False)] = 1
        return SideWeights(weights[0], weights[1], weights[2], size)


def numbers_of(layouts: Sequence[Cells]) -> Floats:
    """Return the numbers of cells of known class of layouts, all and by class, (layouts, 1 + C)."""
    by_class = np.array([[one.counts()[name] for name in one.classes] for one in layouts], np.float64)
    return np.concatenate([by_class.sum(axis=1, keepdims=True), by_class], axis=1)


def labels_of_numbers(classes: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns of :func:`numbers_of`."""
    return (ALL, *classes)


def _listed(values: Floats) -> list[float | None]:
    return [round(float(value), 6) if math.isfinite(value) else None for value in values]
