"""Editing a raster of shared peaks so that it shows given numbers of cells of every class, as little as can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from cellweave.core import Cells
from cellweave.maps import SharedPeakCodec
from cellweave.maps.codec import Raster

FAINTEST_PEAK = 0.1
"""Maxima of the channel of peaks that are lower than this do not become cells."""

NEIGHBOURHOOD = 2.0
"""Widths of a patch over which the classes around a cell are averaged, as the standard deviation of a Gaussian."""

NEIGHBOURS_WEIGHT = 2.0
"""Of a class's share of the neighbourhood beside its height at the cell, both of which lie in [0, 1]."""

_REACH = 2.5
"""Widths of a patch from its cell within which it is handed to another class; it is faint beyond."""

_NOTHING = 1e-6


@dataclass(frozen=True, slots=True)
class CountEditor:
    """Makes a raster show given numbers of cells by changing what it is least sure of.

    The highest maxima of the channel of peaks become the cells, as many as are asked for: lower ones are taken away
    where they are too many, and raised where cells lack. Then cells of classes that have too many go to classes that
    lack some, those first whose class is least clear, by their own patch and by the classes around them: so cells join
    others of their new class, as they do in tissue.

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
        clearness = patches + NEIGHBOURS_WEIGHT * self._shares_around(patches)
        labels = labels_with_counts(cells.labels, clearness[:, rows, columns].T, wanted)
        self._hand_over(patches, cells, labels)
        return edited

    def _shares_around(self, patches: Raster) -> Raster:
        """Return the share of every class in the neighbourhood of every pixel, (C, H, W)."""
        width = NEIGHBOURHOOD * self.codec.class_width_px
        around = np.stack([cv2.GaussianBlur(np.maximum(one, 0), (0, 0), width) for one in patches])
        return np.asarray(around / np.maximum(around.sum(axis=0), _NOTHING), np.float32)

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


def labels_with_counts(labels: npt.ArrayLike, clearness: npt.ArrayLike, counts: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the labels of cells after the fewest and cheapest changes that give the counts.

    Cells move from classes that have too many to classes that have too few, those first that lose least clearness.

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


def _around(
    shape: Sequence[int], x: float, y: float, reach: float
) -> tuple[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], npt.NDArray[np.float64]]:
    """Return rows (h, 1) and columns (1, w) of the pixels about a place, and their squared distances (h, w)."""
    rows = np.arange(max(0, int(y - reach)), min(shape[0], int(y + reach) + 1))[:, None]
    columns = np.arange(max(0, int(x - reach)), min(shape[1], int(x + reach) + 1))[None]
    return (rows, columns), np.square(columns + 0.5 - x) + np.square(rows + 0.5 - y)
