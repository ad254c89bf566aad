"""From a map with a peak at every cell to the cells: the calibrated peak finder, and CCLS as one setting of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from cellweave.core import InvalidInputError


class Peaks(NamedTuple):
    """Peaks of a map, in row-major order.

    Attributes:
        xy: Positions, float64 (N, 2), in pixels of the map.
        scores: Height of the map there, float32 (N,).
    """

    xy: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float32]


Decoder = Callable[[npt.ArrayLike], Peaks]
"""Finds the cells of one map (H, W): :class:`PeakFinder`, :class:`RelativePeakFinder` and their like."""


@dataclass(frozen=True, slots=True)
class PeakFinder:
    """Finds the pixels that are the highest in a square window around them and higher than a threshold.

    Attributes:
        window_px: Side of the square window, odd, >= 3. Of two peaks within ``window_px // 2`` of one another
            (in rows and in columns) only the higher is a cell; of equally high ones, a plateau included, one.
        threshold: A cell's pixel is higher than this.
        least_maximum: A map that is nowhere higher than this has no cells.
        subpixel: Move every peak to the maximum of a parabola through it and its neighbours, at most half a pixel.

    Raises:
        InvalidInputError: The window is not odd and >= 3, or a number is not finite.

    Source:
        With ``window_px=21, threshold=0.06, least_maximum=0.01`` this is CCLS, Li et al. 2024, Alg. 1: two max
        pools of 11 pixels in sequence are one of 21.
    """

    window_px: int
    threshold: float
    least_maximum: float = 0.0
    subpixel: bool = False

    def __post_init__(self) -> None:
        if self.window_px < 3 or self.window_px % 2 == 0:
            raise InvalidInputError(f"window_px must be odd and >= 3, got {self.window_px}.")
        if not (np.isfinite(self.threshold) and np.isfinite(self.least_maximum)):
            raise InvalidInputError(f"thresholds must be finite, got {self.threshold} and {self.least_maximum}.")

    def __call__(self, heights: npt.ArrayLike) -> Peaks:
        """Return the peaks of one map.

        Args:
            heights: (H, W), any real dtype, finite; taken as float32.

        Raises:
            InvalidInputError: The map is not two-dimensional or not finite.
        """
        heights = finite_map(heights)
        if heights.size == 0 or float(heights.max()) <= max(self.least_maximum, self.threshold):
            return NO_PEAKS
        return peaks_in_windows(heights, heights > self.threshold, window_px=self.window_px, subpixel=self.subpixel)


CCLS = PeakFinder(window_px=21, threshold=0.06, least_maximum=0.01)
"""The decoder of Li et al. 2024 with the authors' settings, made for 512-pixel frames of 40x images."""

NO_PEAKS = Peaks(np.zeros((0, 2)), np.zeros(0, np.float32))


def finite_map(heights: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return a map (H, W) as float32.

    Raises:
        InvalidInputError: The map is not two-dimensional or not finite.
    """
    heights = np.ascontiguousarray(heights, np.float32)
    if heights.ndim != 2:
        raise InvalidInputError(f"a map must have shape (H, W), got {heights.shape}.")
    if heights.size and not (np.isfinite(heights.max()) and np.isfinite(heights.min())):
        raise InvalidInputError("a map must be finite; this one holds NaN or infinity (did the training diverge?).")
    return heights


def peaks_in_windows(
    heights: npt.NDArray[np.float32], allowed: npt.NDArray[np.bool_], *, window_px: int, subpixel: bool
) -> Peaks:
    """Return the allowed pixels that are the highest in a square window around them, one a plateau.

    Args:
        heights: (H, W), finite, not empty.
        allowed: (H, W), where there may be a cell.
        window_px: Side of the window, odd.
        subpixel: Move peaks to the maximum of a parabola.
    """
    candidates = (heights == cv2.dilate(heights, np.ones((window_px, window_px), np.uint8))) & allowed
    rows, columns = _one_a_plateau(candidates)
    scores = heights[rows, columns]
    keep = _one_of_equals(rows, columns, scores, reach=window_px // 2)
    rows, columns, scores = rows[keep], columns[keep], scores[keep]
    xy = np.stack([columns + 0.5, rows + 0.5], axis=1)
    if subpixel:
        xy += np.stack([_parabola_offset(heights, rows, columns, axis=axis) for axis in (1, 0)], axis=1)
    return Peaks(xy, scores)


def _one_a_plateau(candidates: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return row and column of one pixel of every connected set of candidates, the one nearest its centre of mass."""
    count, labelled, _, centroids = cv2.connectedComponentsWithStats(candidates.astype(np.uint8), connectivity=8)
    rows, columns = np.nonzero(candidates)
    if count - 1 == len(rows):
        return rows, columns
    component = labelled[rows, columns]
    off_centre = np.hypot(columns - centroids[component, 0], rows - centroids[component, 1])
    order = np.lexsort((off_centre, component))
    first = order[np.r_[True, np.diff(component[order]) > 0]]
    first.sort()
    return rows[first], columns[first]


def _one_of_equals(
    rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], scores: npt.NDArray[np.float32], *, reach: int
) -> npt.NDArray[np.bool_]:
    """Return which peaks to keep so that no two lie within ``reach``; only equally high ones can."""
    keep = np.ones(len(rows), bool)
    if len(np.unique(scores)) == len(scores):
        return keep
    tree = cKDTree(np.stack([rows, columns], axis=1))
    for first, second in sorted(tree.query_pairs(reach, p=np.inf)):
        if keep[first] and keep[second]:
            keep[second] = False
    return keep


def _parabola_offset(
    heights: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], *, axis: int
) -> npt.NDArray[np.float64]:
    """Return where, relative to each peak, the parabola through it and its two neighbours along an axis is highest."""
    position = rows if axis == 0 else columns
    length = heights.shape[axis]
    before, after = np.maximum(position - 1, 0), np.minimum(position + 1, length - 1)
    low = heights[before, columns] if axis == 0 else heights[rows, before]
    high = heights[after, columns] if axis == 0 else heights[rows, after]
    curvature = 2.0 * heights[rows, columns] - low - high
    offset = np.divide(0.5 * (high - low), curvature, out=np.zeros(len(rows)), where=curvature > 0)
    inside = (position > 0) & (position < length - 1)
    return np.where(inside, np.clip(offset, -0.499, 0.499), 0.0)
