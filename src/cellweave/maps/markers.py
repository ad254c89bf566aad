"""Cells as square markers of 3×3 pixels, and their exact reading back."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.core import Cells
from cellweave.maps.centres import pixels_of_centres
from cellweave.maps.codec import Raster, decode_by_class, encode_by_class
from cellweave.maps.peaks import Peaks

SIDE = 3
"""Side of a marker, in pixels."""

_SQUARE = np.ones((SIDE, SIDE), np.uint8)


def marker_map(xy: npt.ArrayLike, shape: tuple[int, int]) -> Raster:
    """Draw cells as squares of 3×3 ones on zeros, cut off at the border.

    Args:
        xy: Cell centres inside the map, shape (N, 2), in pixels; floored to pixels.
        shape: Height and width of the map, in pixels.

    Returns:
        float32 array of ``shape``, 0 or 1.

    Raises:
        InvalidCellsError: ``xy`` is not (N, 2), or a centre is not finite or outside the map.

    Source:
        Li et al. 2024 (layout generation), §3.1.
    """
    centres = np.zeros(shape, np.uint8)
    centres[pixels_of_centres(xy, shape)] = 1
    if not centres.size:
        return centres.astype(np.float32)
    return cv2.dilate(centres, _SQUARE).astype(np.float32)


def find_markers(marked: npt.ArrayLike, *, threshold: float = 0.5) -> Peaks:
    """Return the centres of the fewest markers that cover the marked pixels.

    A pixel is a possible centre when the whole 3×3 square around it, as far as it lies in the map, is marked. Of the
    possible centres those are taken first that alone cover some marked pixel, then whichever covers the most pixels
    not yet covered. Marked pixels that no whole square covers (specks, ragged edges) are no cells.

    Args:
        marked: (H, W); a pixel is marked when higher than ``threshold``.
        threshold: Between background and marker.

    Returns:
        Centres, float64 (N, 2), at pixel centres in row-major order, and the mean height of each one's square,
        float32 (N,).
    """
    heights = np.asarray(marked, np.float32)
    if not heights.size:
        return Peaks(np.zeros((0, 2)), np.zeros(0, np.float32))
    mask = (heights > threshold).astype(np.uint8)
    possible = np.asarray(cv2.erode(mask, _SQUARE, borderType=cv2.BORDER_CONSTANT, borderValue=1), np.uint8)
    rows, columns = np.nonzero(_fewest_squares(possible))
    means = np.asarray(cv2.blur(heights, (SIDE, SIDE), borderType=cv2.BORDER_REPLICATE), np.float32)
    return Peaks(np.stack([columns + 0.5, rows + 0.5], axis=1), means[rows, columns])


def _fewest_squares(possible: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return which of the possible centres (H, W) to take, in few steps rather than provably fewest.

    Of centres that cover equally many open pixels the first in row-major order is taken. What a centre covers can only
    become less, so the numbers wait in a queue and are counted again when their turn comes: time grows with the pixels
    of the map times its logarithm, memory with the pixels, whatever is marked.
    """
    squares = cv2.boxFilter(possible, -1, (SIDE, SIDE), normalize=False, borderType=cv2.BORDER_CONSTANT)
    alone = (squares == 1).astype(np.uint8)
    taken = (possible > 0) & (cv2.dilate(alone, _SQUARE) > 0)
    open_pixels = ((squares > 0) & (cv2.dilate(taken.astype(np.uint8), _SQUARE) == 0)).astype(np.uint8)
    gains = cv2.boxFilter(open_pixels, -1, (SIDE, SIDE), normalize=False, borderType=cv2.BORDER_CONSTANT)
    waiting = (possible > 0) & (gains > 0)
    rim = SIDE // 2
    width = possible.shape[1] + 2 * rim
    still_open = bytearray(np.pad(open_pixels, rim).tobytes())
    rows, columns = np.nonzero(waiting)
    places = (rows + rim) * width + columns + rim
    # one number stands for both, the gain and the place: the lowest covers the most, and of those comes first
    queue: list[int] = ((SIDE**2 - gains[waiting].astype(np.int64)) * len(still_open) + places).tolist()
    heapq.heapify(queue)
    covered = bytes(SIDE)
    while queue:
        less, place = divmod(heapq.heappop(queue), len(still_open))
        lines = range(place - rim * width - rim, place + rim * width + 1, width)
        gain = sum(still_open.count(1, start, start + SIDE) for start in lines)
        if gain == SIDE**2 - less:
            taken[place // width - rim, place % width - rim] = True
            for start in lines:
                still_open[start : start + SIDE] = covered
        elif gain:
            heapq.heappush(queue, (SIDE**2 - gain) * len(still_open) + place)
    return taken


@dataclass(frozen=True, slots=True)
class MarkerCodec:
    """Cells as 3×3 markers, one channel a class.

    Attributes:
        threshold: Between background and marker when reading back.
    """

    threshold: float = 0.5

    @property
    def peak(self) -> float:
        """Height at a cell."""
        return 1.0

    def draw(self, xy: npt.ArrayLike, shape: tuple[int, int]) -> Raster:
        """Return the map (H, W) of all positions together."""
        return marker_map(xy, shape)

    def encode(self, cells: Cells) -> Raster:
        """Return a float32 raster (C, H, W) of zeros and ones; see :class:`cellweave.maps.MapCodec`."""
        return encode_by_class(cells, self.draw)

    def decode(self, raster: npt.ArrayLike, *, classes: Sequence[str], mpp: float | None = None) -> Cells:
        """Return the markers of every channel of a raster (C, H, W) as cells at pixel centres."""
        return decode_by_class(
            raster, lambda channel: find_markers(channel, threshold=self.threshold), classes=classes, mpp=mpp
        )
