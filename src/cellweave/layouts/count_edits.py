"""Editing a raster of shared peaks so that it shows given numbers of cells of every class, as little as can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from cellweave.core import Cells
from cellweave.maps import SharedPeakCodec
from cellweave.maps.codec import Raster

FAINTEST_PEAK = 0.1
"""Maxima of the channel of peaks that are lower than this do not become cells."""

_REACH = 2.5
"""Widths of a patch from its cell within which it is handed to another class; it is faint beyond."""


@dataclass(frozen=True, slots=True)
class CountEditor:
    """Makes a raster show given numbers of cells by changing what it is least sure of.

    The highest maxima of the channel of peaks become the cells, as many as are asked for: lower ones are taken away
    where they are too many, and raised where cells lack. Then cells of classes that have too many go to classes that
    lack some, those first whose class is least clear.

    Attributes:
        codec: Reads the raster; a cell is higher than the threshold of its finder.
        classes: Names.
    """

    codec: SharedPeakCodec
    classes: Sequence[str]

    def __call__(self, raster: Raster, counts: npt.ArrayLike) -> Raster:
        """Return a raster that shows the counts, or fewer cells where it has too few maxima.

        Args:
            raster: Channels of cells, (1 + C, H, W), clean or as a model predicts them; left as it is.
            counts: Cells of every class, (C,).
        """
        wanted = np.asarray(counts, np.int64)
        edited = raster.copy()
        peaks, patches = edited[0], edited[1:]
        finder = self.codec.finder
        faint = replace(self.codec, finder=replace(finder, threshold=min(FAINTEST_PEAK, finder.threshold)))
        found = faint.decode(raster, classes=self.classes)
        assert found.scores is not None
        order = np.argsort(-found.scores, kind="stable")
        kept, others = np.split(order, [wanted.sum()])
        for x, y in found.xy[others[found.scores[others] > finder.threshold]]:
            window, squared = _around(peaks.shape, x, y, 6 * self.codec.peak_width_px)
            peaks[window] *= 1 - np.exp(-squared / (2 * (2 * self.codec.peak_width_px) ** 2))
        for x, y in found.xy[kept[found.scores[kept] <= finder.threshold]]:
            window, squared = _around(peaks.shape, x, y, 4 * self.codec.peak_width_px)
            peaks[window] = np.maximum(peaks[window], np.exp(-squared / (2 * self.codec.peak_width_px**2)))
        cells = found.select(kept)
        rows, columns = np.floor(cells.xy[:, ::-1]).astype(int).T
        labels = labels_with_counts(patches[:, rows, columns].T, wanted)
        self._hand_over(patches, cells, labels)
        return edited

    def _hand_over(self, patches: Raster, cells: Cells, labels: npt.NDArray[np.int64]) -> None:
        """Exchange the values of two classes in the patch of every cell that changes from one to the other."""
        changed = np.flatnonzero(labels != cells.labels)
        reach = _REACH * self.codec.class_width_px
        nearest = cKDTree(cells.xy) if len(changed) else None
        for index in changed:
            assert nearest is not None
            x, y = cells.xy[index]
            (rows, columns), squared = _around(patches.shape[1:], x, y, reach)
            at = np.stack(np.broadcast_arrays(columns + 0.5, rows + 0.5), axis=-1)
            own = (nearest.query(at)[1] == index) & (squared <= reach**2)
            one, other = patches[cells.labels[index]], patches[labels[index]]
            window = (rows, columns)
            one[window], other[window] = (
                np.where(own, other[window], one[window]),
                np.where(own, one[window], other[window]),
            )


def labels_with_counts(heights: npt.ArrayLike, counts: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the class of every cell: the highest, but for the fewest and least clear that give the counts.

    Cells move from classes that have too many to classes that have too few, those first that lose least height.

    Args:
        heights: Of every class at every cell, (N, C).
        counts: Wanted of every class, (C,).

    Returns:
        int64 (N,).

    Example:
        >>> labels_with_counts([[0.9, 0.1], [0.6, 0.5], [0.2, 0.8]], [1, 2]).tolist()
        [0, 1, 1]
    """
    values = np.asarray(heights, np.float64)
    labels = values.argmax(axis=1)
    surplus = np.bincount(labels, minlength=values.shape[1]) - np.asarray(counts, np.int64)
    loss = values.max(axis=1, keepdims=True) - values
    movable = (surplus[labels] > 0)[:, None] & (surplus < 0)
    cells, classes = np.nonzero(movable)
    moved = np.zeros(len(labels), bool)
    for number in np.argsort(loss[cells, classes], kind="stable"):
        cell, to = cells[number], classes[number]
        if not moved[cell] and surplus[labels[cell]] > 0 and surplus[to] < 0:
            surplus[labels[cell]] -= 1
            surplus[to] += 1
            labels[cell], moved[cell] = to, True
    return np.asarray(labels, np.int64)


def _around(
    shape: Sequence[int], x: float, y: float, reach: float
) -> tuple[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], npt.NDArray[np.float64]]:
    """Return rows (h, 1) and columns (1, w) of the pixels about a place, and their squared distances (h, w)."""
    rows = np.arange(max(0, int(y - reach)), min(shape[0], int(y + reach) + 1))[:, None]
    columns = np.arange(max(0, int(x - reach)), min(shape[1], int(x + reach) + 1))[None]
    return (rows, columns), np.square(columns + 0.5 - x) + np.square(rows + 0.5 - y)
