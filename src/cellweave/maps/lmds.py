"""LMDS: local maxima above a share of the map's own maximum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.maps.peaks import NO_PEAKS, Peaks, finite_map, peaks_in_windows


@dataclass(frozen=True, slots=True)
class RelativePeakFinder:
    """Finds the pixels that are the highest in a square window around them and high beside the map's maximum.

    Attributes:
        window_px: Side of the square window, odd, >= 3. Of two peaks within ``window_px // 2`` of one another
            (in rows and in columns) only the higher is a cell; of equally high ones, a plateau included, one.
        share: A cell's pixel is at least this share of the map's maximum, in (0, 1].
        least_maximum: A map that is nowhere as high as this has no cells, > 0. It is a height, so a map with peaks
            far below 1, a Gaussian density for instance, must first be divided by the height of its peaks.
        subpixel: Move every peak to the maximum of a parabola through it and its neighbours, at most half a pixel.

    Raises:
        InvalidInputError: The window is not odd and >= 3, or a number is out of range.

    Source:
        With the defaults this is LMDS, Liang et al. 2022 (FIDT), but that a plateau is one cell.
    """

    window_px: int = 3
    share: float = 100 / 255
    least_maximum: float = 0.1
    subpixel: bool = False

    def __post_init__(self) -> None:
        if self.window_px < 3 or self.window_px % 2 == 0:
            raise InvalidInputError(f"window_px must be odd and >= 3, got {self.window_px}.")
        if not 0 < self.share <= 1:
            raise InvalidInputError(f"share must be > 0 and <= 1, got {self.share}.")
        if not 0 < self.least_maximum < np.inf:
            raise InvalidInputError(f"least_maximum must be a number > 0, got {self.least_maximum}.")

    def __call__(self, heights: npt.ArrayLike) -> Peaks:
        """Return the peaks of one map.

        Args:
            heights: (H, W), any real dtype, finite; taken as float32.

        Raises:
            InvalidInputError: The map is not two-dimensional or not finite.

        Example:
            >>> LMDS([[0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.3, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]]).xy.tolist()
            [[3.5, 1.5]]
        """
        heights = finite_map(heights)
        highest = heights.max(initial=0)
        if highest < np.float32(self.least_maximum):
            return NO_PEAKS
        allowed = heights >= np.float32(self.share) * highest
        return peaks_in_windows(heights, allowed, window_px=self.window_px, subpixel=self.subpixel)


LMDS = RelativePeakFinder()
"""The decoder of Liang et al. 2022 with the authors' settings: 3×3 maxima of 100/255 of the highest, 0.1 at least."""
