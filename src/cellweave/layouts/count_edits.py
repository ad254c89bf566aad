"""Editing a raster of shared peaks so that it shows given numbers of cells of every class, as little as can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from cellweave.core import Cells
from cellweave.maps import SharedPeakCodec
from cellweave.maps.codec import Raster

Pixels: TypeAlias = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""Rows and columns."""

FAINTEST_PEAK = 0.1
"""Maxima of the channel of peaks that are lower than this do not become cells."""

NEIGHBOURHOOD = 2.0
"""Widths of a patch over which the classes around a cell are averaged, as the standard deviation of a Gaussian."""

NEIGHBOURS_WEIGHT = 2.0
"""Of a class's share of the neighbourhood beside its height at the cell, both of which lie in [0, 1]."""

_PATCH_REACH = 2.5
"""Widths of a patch from its cell within which it is handed to another class; it is faint beyond."""

_PEAK_REACH = 4.0
"""Widths of a peak from its summit within which it is raised or taken away."""

_NOT_ZERO = 1e-6
"""Smallest sum that shares are taken of."""


@dataclass(frozen=True, slots=True)
class CountEditor:
    """Makes a raster show given numbers of cells by changing what it is least sure of.

    The highest maxima of the channel of peaks become the cells, as many as are asked for: lower ones are taken away
    where they are too many, and raised where cells lack. Then cells of classes that have too many go to classes that
    lack some, those first whose class is least clear, by their own patch and by the classes around them: so cells join
    others of their new class, as they do in tissue. Every change ends where another maximum is nearer.

    Attributes:
        codec: Reads the raster; a cell is higher than the threshold of its finder.
        classes: Names.
    """

    codec: SharedPeakCodec
    classes: Sequence[str]

    def __call__(self, raster: Raster, counts: npt.ArrayLike) -> Raster:
        """Return a raster that shows the counts, or fewer cells where it has too few maxima.

        Maxima within two pixels of one another may hide one another when one of them is raised, and are then missed.

        Args:
            raster: Channels of cells, (1 + C, H, W), clean or as a model predicts them; left as it is.
            counts: Cells of every class, (C,).
        """
        wanted = np.asarray(counts, np.int64)
        threshold = self.codec.finder.threshold
        faintest = replace(self.codec.finder, threshold=min(FAINTEST_PEAK, threshold))
        found = replace(self.codec, finder=faintest).decode(raster, classes=self.classes)
        assert found.scores is not None
        edited = raster.copy()
        if not len(found):
            return edited
        peaks, patches = edited[0], edited[1:]
        territories = _Territories(found)
        kept, others = np.split(np.argsort(-found.scores, kind="stable"), [wanted.sum()])
        for index in others[found.scores[others] > threshold]:
            self._take_away(peaks, *territories.of(index, _PEAK_REACH * self.codec.peak_width_px))
        for index in kept[found.scores[kept] <= threshold]:
            self._raise(peaks, *territories.of(index, _PEAK_REACH * self.codec.peak_width_px))
        rows, columns = np.floor(found.xy[kept, ::-1]).astype(int).T
        clearness = patches + NEIGHBOURS_WEIGHT * self._shares_around(patches)
        before = found.labels[kept]
        after = labels_with_counts(before, clearness[:, rows, columns].T, wanted)
        for place in np.flatnonzero(after != before):
            pixels, _ = territories.of(kept[place], _PATCH_REACH * self.codec.class_width_px)
            exchanged = patches[after[place]][pixels], patches[before[place]][pixels]
            patches[before[place]][pixels], patches[after[place]][pixels] = exchanged
        return edited

    def _take_away(self, peaks: Raster, pixels: Pixels, squared: npt.NDArray[np.float64]) -> None:
        peaks[pixels] *= 1 - np.exp(-squared / (2 * (2 * self.codec.peak_width_px) ** 2))

    def _raise(self, peaks: Raster, pixels: Pixels, squared: npt.NDArray[np.float64]) -> None:
        peaks[pixels] = np.maximum(peaks[pixels], np.exp(-squared / (2 * self.codec.peak_width_px**2)))

    def _shares_around(self, patches: Raster) -> Raster:
        """Return the share of every class in the neighbourhood of every pixel, (C, H, W)."""
        width = NEIGHBOURHOOD * self.codec.class_width_px
        around = np.stack([cv2.GaussianBlur(np.maximum(one, 0), (0, 0), width) for one in patches])
        return np.asarray(around / np.maximum(around.sum(axis=0), _NOT_ZERO), np.float32)


def labels_with_counts(labels: npt.ArrayLike, clearness: npt.ArrayLike, counts: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the labels of cells after the fewest changes that give the counts.

    Cells move from classes that have too many to classes that have too few, one after another, each time the one that
    loses least clearness.

    Args:
        labels: Of the cells, (N,).
        clearness: Of every class at every cell, (N, C).
        counts: Wanted of every class, (C,).

    Returns:
        int64 (N,).

    Example:
        >>> labels_with_counts([0, 0, 1], [[0.9, 0.1], [0.6, 0.5], [0.2, 0.8]], [1, 2]).tolist()
        [0, 1, 1]
    """
    values = np.asarray(clearness, np.float64)
    changed = np.array(labels, np.int64)
    surplus = np.bincount(changed, minlength=values.shape[1]) - np.asarray(counts, np.int64)
    loss = np.take_along_axis(values, changed[:, None], axis=1) - values
    cells, classes = np.nonzero((surplus[changed] > 0)[:, None] & (surplus < 0))
    moved = np.zeros(len(changed), bool)
    for number in np.argsort(loss[cells, classes], kind="stable"):
        cell, to = cells[number], classes[number]
        if not moved[cell] and surplus[changed[cell]] > 0 and surplus[to] < 0:
            surplus[changed[cell]] -= 1
            surplus[to] += 1
            changed[cell], moved[cell] = to, True
    return changed


class _Territories:
    """Which pixels are nearer to one cell than to any other."""

    def __init__(self, cells: Cells) -> None:
        self._cells, self._tree = cells, cKDTree(cells.xy)

    def of(self, index: int, reach: float) -> tuple[Pixels, npt.NDArray[np.float64]]:
        """Return rows and columns of a cell's pixels within ``reach``, and their squared distances from it, (n,)."""
        x, y = self._cells.xy[index]
        height, width = self._cells.shape
        rows, columns = np.mgrid[
            max(0, int(y - reach)) : min(height, int(y + reach) + 1),
            max(0, int(x - reach)) : min(width, int(x + reach) + 1),
        ]
        squared = np.square(columns + 0.5 - x) + np.square(rows + 0.5 - y)
        near = squared <= reach**2
        rows, columns, squared = rows[near], columns[near], squared[near]
        own = self._tree.query(np.stack([columns + 0.5, rows + 0.5], axis=1))[1] == index
        return (rows[own], columns[own]), squared[own]
