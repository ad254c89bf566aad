"""One channel of peaks for the cells of all classes, and one channel a class that says whose peaks they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from cellweave.core import Cells, InvalidInputError
from cellweave.maps.codec import Raster
from cellweave.maps.peaks import PeakFinder

_LOWEST = 1e-3
"""Heights are read no lower than this before their logarithm is taken; at 3.7 widths from a cell."""


CLEAN_PEAKS = PeakFinder(window_px=3, threshold=0.5)
"""Reads what was drawn, unblurred."""


@dataclass(frozen=True, slots=True)
class SharedPeakCodec:
    """Draws positions and classes apart, and reads them back at sub-pixel accuracy.

    The first channel is ``exp(-d² / 2 peak_width²)`` with ``d`` the distance (px) to the nearest cell of any class.
    Channel ``1 + c`` is ``exp(-d² / 2 class_width²)`` where that cell is of class ``c``, and 0 elsewhere: smooth
    patches that say the class. A network so learns where cells keep away from one another once, not once a class,
    and rare classes make no sparser channel than frequent ones.

    A crop of the map of a whole image is the map of the crop, but for cells just outside of it, whose peaks show at
    its border; reading tells from the slope there that they are outside, and leaves them out.

    Attributes:
        peak_width_px: Of the peaks, as the standard deviation of a Gaussian.
        class_width_px: Of the classes' patches, likewise.
        finder: Reads the peaks.
    """

    peak_width_px: float = 2.0
    class_width_px: float = 5.0
    finder: PeakFinder = CLEAN_PEAKS

    def __post_init__(self) -> None:
        if not (self.peak_width_px > 0 and self.class_width_px > 0):
            raise InvalidInputError(f"widths must be > 0, got {self.peak_width_px} and {self.class_width_px} px.")

    def encode(self, cells: Cells) -> Raster:
        """Return float32 (1 + C, H, W) in [0, 1]; cells of unknown class are left out."""
        known = cells.labels >= 0
        height, width = cells.shape
        raster = np.zeros((1 + len(cells.classes), height, width), np.float32)
        if not known.any():
            return raster
        columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        distance, nearest = cKDTree(cells.xy[known]).query(np.stack([columns, rows], axis=-1))
        squared = np.square(distance)
        raster[0] = np.exp(-squared / (2 * self.peak_width_px**2))
        patches = np.exp(-squared / (2 * self.class_width_px**2))
        owner = cells.labels[known][nearest]
        for label in range(len(cells.classes)):
            raster[1 + label] = np.where(owner == label, patches, 0)
        return raster

    def decode(self, raster: npt.ArrayLike, *, classes: Sequence[str], mpp: float | None = None) -> Cells:
        """Return the cells of a raster (1 + C, H, W); their scores are the heights of their peaks.

        A cell has the class whose channel is highest at its peak, and lies where a Gaussian peak through the pixels
        beside it has its summit.

        Raises:
            InvalidInputError: The raster has another number of channels, or is not finite.
        """
        channels = np.asarray(raster, np.float32)
        if channels.ndim != 3 or len(channels) != 1 + len(classes) or not classes:
            raise InvalidInputError(
                f"a raster of {len(classes)} classes must have shape ({1 + len(classes)}, H, W), got {channels.shape}."
            )
        peaks = self.finder(channels[0])
        columns, rows = np.floor(peaks.xy).astype(int).T
        offsets = np.stack([self._offset(channels[0], rows, columns, axis=axis) for axis in (1, 0)], axis=1)
        xy = np.stack([columns, rows], axis=1) + 0.5 + offsets
        height, width = channels.shape[1:]
        inside = ((xy >= 0) & (xy < (width, height))).all(axis=1)
        return Cells(
            xy[inside],
            channels[1:, rows, columns].argmax(axis=0)[inside],
            classes=classes,
            shape=(height, width),
            mpp=mpp,
            scores=peaks.scores[inside],
        )

    def _offset(
        self, heights: Raster, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], *, axis: int
    ) -> npt.NDArray[np.float64]:
        """Return how far along an axis the summit lies from the centre of each peak's pixel, in pixels.

        The logarithm of a Gaussian peak is a parabola of known curvature, so its slope is enough; at the border the
        slope is one-sided, and the summit may lie beyond it.
        """
        position, length = (rows, heights.shape[0]) if axis == 0 else (columns, heights.shape[1])
        before, after = np.maximum(position - 1, 0), np.minimum(position + 1, length - 1)
        ends = [(before, columns), (after, columns)] if axis == 0 else [(rows, before), (rows, after)]
        low, high = (np.log(np.maximum(heights[end].astype(float), _LOWEST)) for end in ends)
        middle = 0.5 * (before + after - 2 * position)
        slope = (high - low) / np.maximum(after - before, 1)
        offset: npt.NDArray[np.float64] = middle + slope * self.peak_width_px**2
        at_border = (position == 0) | (position == length - 1)
        reach = np.where(at_border, 1.0, 0.499)
        return np.clip(offset, -reach, reach)
