"""Cells as square markers of 3×3 pixels, and their exact reading back."""

from __future__ import annotations

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
    mask = (heights > threshold).astype(np.uint8)
    possible = cv2.erode(mask, _SQUARE, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    covered = cv2.dilate(possible, _SQUARE)
    count, labelled = cv2.connectedComponents(covered, connectivity=8)
    rows, columns = np.nonzero(possible)
    component = labelled[rows, columns]
    order = np.argsort(component, kind="stable")
    chosen: list[npt.NDArray[np.intp]] = []
    for members in np.split(order, np.searchsorted(component[order], np.arange(2, count))):
        if len(members) > 1:
            members = members[_fewest_squares(rows[members], columns[members], heights.shape)]
        chosen.append(members)
    index = np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.intp)
    rows, columns = rows[index], columns[index]
    means = np.asarray(cv2.blur(heights, (SIDE, SIDE), borderType=cv2.BORDER_REPLICATE), np.float32)
    return Peaks(np.stack([columns + 0.5, rows + 0.5], axis=1), means[rows, columns])


def _fewest_squares(
    rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], shape: tuple[int, ...]
) -> npt.NDArray[np.intp]:
    """Return which of the possible centres of one connected patch to take, in few steps rather than provably fewest."""
    reach = np.arange(SIDE) - SIDE // 2
    square_rows = rows[:, None, None] + reach[:, None]
    square_columns = columns[:, None, None] + reach[None, :]
    inside = (square_rows >= 0) & (square_rows < shape[0]) & (square_columns >= 0) & (square_columns < shape[1])
    pixels = np.where(inside, square_rows * shape[1] + square_columns, -1).reshape(len(rows), -1)
    unique, position = np.unique(pixels, return_inverse=True)
    covers = np.zeros((len(rows), len(unique)), bool)
    covers[np.arange(len(rows))[:, None], position.reshape(pixels.shape)] = True
    covers = covers[:, unique >= 0]
    alone = covers.sum(axis=0) == 1
    taken: npt.NDArray[np.bool_] = np.asarray(covers[:, alone].any(axis=1))
    open_pixels = ~covers[taken].any(axis=0)
    while open_pixels.any():
        gain = (covers & open_pixels).sum(axis=1)
        best = int(np.argmax(gain))
        taken[best] = True
        open_pixels &= ~covers[best]
    return np.flatnonzero(taken)


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
