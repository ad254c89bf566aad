"""The point process that real layouts are matched with: cells that cluster at long range and keep apart at short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellweave.core import Cells, numpy_generator
from cellweave.core.cells import UNKNOWN
from cellweave.metrics.layout_statistics import EDGES_UM, Floats, scale_of
from cellweave.patterns import (
    ThomasFit,
    fit_thomas,
    hard_core_clusters,
    nearest_neighbour_distances,
    pair_counts,
    pool_pairs,
)

CORE_SHARE = 0.02
"""Share of cells that are nearer to another than the hard core: annotators sometimes click twice."""


@dataclass(frozen=True, slots=True, eq=False)
class CellClusters:
    """A Thomas process of every class, with a hard core between all cells, fitted to real layouts.

    Attributes:
        classes: Names of the classes.
        processes: Of every class, then of the cells of unknown class; in µm.
        cores_um: Hard core of every class, then of the cells of unknown class: cells of two classes lie at least the
            mean of both apart, (C + 1,).
    """

    classes: tuple[str, ...]
    processes: tuple[ThomasFit, ...]
    cores_um: Floats

    @classmethod
    def fit(cls, layouts: Sequence[Cells], classes: Sequence[str]) -> CellClusters:
        """Fit the process to layouts of known scale.

        The hard core of a class is the 2 % quantile of the distances from its cells to the nearest cell of any class;
        its clusters are fitted to its K from twice that on, where the shoulder of the core has ended.

        Raises:
            InvalidInputError: A layout has no scale.
        """
        fits, cores = [], []
        for label in (*range(len(classes)), UNKNOWN):
            name = None if label == UNKNOWN else classes[label]
            own = [_places_um(cells, name) for cells in layouts]
            nearest = np.concatenate([_nearest(cells, name) for cells in layouts])
            core = min(float(np.quantile(nearest, CORE_SHARE)), EDGES_UM[-1] / 4) if len(nearest) else 0.0
            pairs = pool_pairs(
                pair_counts(xy, (cells.shape[0] * scale_of(cells), cells.shape[1] * scale_of(cells)), EDGES_UM)
                for xy, cells in zip(own, layouts, strict=True)
            )
            fits.append(fit_thomas(pairs, start=2 * core))
            cores.append(core)
        return cls(tuple(classes), tuple(fits), np.array(cores))

    def throw(self, cells: Cells, *, seed: int, index: int) -> tuple[Cells, int]:
        """Return a layout with as many cells of each class in the same frame, and how many found no free place.

        Args:
            cells: The layout whose numbers, frame and scale to take.
            seed: Of the run.
            index: Number of the layout.

        Raises:
            InvalidInputError: The layout has no scale.
        """
        mpp = scale_of(cells)
        counts = [len(_places_um(cells, name)) for name in (*self.classes, None)]
        height, width = cells.shape
        thrown = hard_core_clusters(
            counts,
            self.processes,
            (self.cores_um[:, None] + self.cores_um) / 2,
            shape=(height * mpp, width * mpp),
            rng=numpy_generator(seed, "clustered layout", index),
        )
        last = np.nextafter((width, height), 0.0)
        labels = np.where(thrown.labels == len(self.classes), UNKNOWN, thrown.labels)
        made = Cells(np.minimum(thrown.xy / mpp, last), labels, classes=self.classes, shape=cells.shape, mpp=cells.mpp)
        return made, thrown.crowded

    def to_json(self) -> list[dict[str, Any]]:
        """Return the parameters of the classes as JSON; null where a class shows no clusters."""
        return [
            {
                "class": name,
                "hard_core_um": float(core),
                "clusters_per_mm2": fit.parents * 1e6 if fit.clusters else None,
                "spread_um": fit.spread if fit.clusters else None,
            }
            for name, core, fit in zip(self.classes, self.cores_um[:-1], self.processes[:-1], strict=True)
        ]


def _places_um(cells: Cells, name: str | None) -> Floats:
    """Return the positions of the cells of a class, or of unknown class, in µm."""
    chosen = cells.select(cells.labels == UNKNOWN) if name is None else cells.of_class(name)
    return chosen.xy * scale_of(cells)


def _nearest(cells: Cells, name: str | None) -> Floats:
    """Return the distances from the cells of a class to the nearest cell of any class, in µm."""
    every = nearest_neighbour_distances(cells.xy * scale_of(cells))
    label = UNKNOWN if name is None else cells.classes.index(name)
    return every[cells.labels == label] if len(every) else every
