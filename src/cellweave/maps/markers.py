"""Cells as square markers of 3×3 pixels, and their exact reading back."""

from __future__ import annotations

import heapq
import itertools
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

Mask = npt.NDArray[np.uint8]
"""(H, W), of zeros and ones where no other numbers are spoken of."""

_SQUARE = np.ones((SIDE, SIDE), np.uint8)

_FEW, _FEW_SHARE = 1024, 32
"""Possible centres that are looked at one by one: so many, or one of so many pixels; of real layouts hardly any are."""


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
    not yet covered, of equals the first in row-major order. Marked pixels that no whole square covers (specks, ragged
    edges) are no cells.

    Time and memory grow with the pixels of the map, whatever is marked. Where after whole squares more than a 32nd of
    the pixels (and more than 1024) can still be centres, too many to be cells, of equals those come first whose row,
    then whose column, is the lowest modulo 3.

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


def _fewest_squares(possible: Mask) -> Mask:
    """Return which of the possible centres (H, W), 0 or 1, to take, in few steps rather than provably fewest."""
    alone = (_sums(possible) == 1).astype(np.uint8)
    taken = possible & _dilated(alone)
    open_pixels = np.asarray(_dilated(possible) > _dilated(taken), np.uint8)
    _take_whole_squares(possible, open_pixels, taken)
    gains = _sums(open_pixels) * possible
    if np.count_nonzero(gains) <= max(_FEW, possible.size // _FEW_SHARE):
        _take_in_order(gains, open_pixels, taken)
    else:
        _take_by_thirds(possible, open_pixels, taken)
    return taken


def _take_whole_squares(possible: Mask, open_pixels: Mask, taken: Mask) -> None:
    """Take, in row-major order, every square whose pixels are all open, and close them; arrays change in place."""
    whole = np.asarray(_sums(open_pixels) == SIDE**2) & (possible > 0)
    if not whole.any():
        return
    reach = SIDE - 1  # centres nearer than a side have squares that share pixels
    width = possible.shape[1] + reach
    free = bytearray(np.pad(whole, ((0, reach), (0, reach))).tobytes())
    shut = bytes(2 * reach + 1)
    places = []
    place = free.find(1)
    while place >= 0:
        places.append(place)
        for below in range(place + width - reach, place + reach * width, width):
            free[below : below + len(shut)] = shut
        place = free.find(1, place + SIDE)
    rows, columns = np.divmod(np.array(places, np.int64), width)
    chosen = np.zeros_like(taken)
    chosen[rows, columns] = 1
    taken |= chosen
    open_pixels &= ~_dilated(chosen)


def _take_in_order(gains: Mask, open_pixels: Mask, taken: Mask) -> None:
    """Take whatever covers the most open pixels, of equals the first in row-major order, until none is open.

    What a centre covers can only become less, so the numbers wait in a queue and are counted again when their turn
    comes.
    """
    waiting = gains > 0
    rim = SIDE // 2
    width = gains.shape[1] + 2 * rim
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
            taken[place // width - rim, place % width - rim] = 1
            for start in lines:
                still_open[start : start + SIDE] = covered
        elif gain:
            heapq.heappush(queue, (SIDE**2 - gain) * len(still_open) + place)


def _take_by_thirds(possible: Mask, open_pixels: Mask, taken: Mask) -> None:
    """Take whatever covers the most open pixels, of equals those of the first third of rows, then of columns.

    Squares whose centres have the same row and the same column modulo 3 share no pixel, so all of them are taken at
    once: a number of steps that no map can raise.
    """
    for gain in range(SIDE**2, 0, -1):
        for row, column in itertools.product(range(SIDE), repeat=2):
            third = np.s_[row::SIDE, column::SIDE]
            chosen = np.zeros_like(taken)
            chosen[third] = (_sums(open_pixels)[third] == gain) & (possible[third] > 0)
            taken |= chosen
            open_pixels &= ~_dilated(chosen)


def _sums(mask: Mask) -> Mask:
    """Return the number of ones in the square around every pixel."""
    return np.asarray(cv2.boxFilter(mask, -1, (SIDE, SIDE), normalize=False, borderType=cv2.BORDER_CONSTANT), np.uint8)


def _dilated(mask: Mask) -> Mask:
    """Return the pixels of the squares around ones."""
    return np.asarray(cv2.dilate(mask, _SQUARE), np.uint8)


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
