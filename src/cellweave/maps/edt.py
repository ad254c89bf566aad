"""The exponential distance transform map (EDT) and its codec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidCellsError
from cellweave.maps.codec import Raster, decode_by_class, encode_by_class
from cellweave.maps.peaks import CCLS, PeakFinder


def exponential_distance_map(
    xy: npt.ArrayLike,
    shape: tuple[int, int],
    *,
    slope: float = 10.0,
    offset: float = 0.5,
    constant: float = 1.0,
    cutoff: float = 0.01,
    reach_px: float | None = None,
) -> Raster:
    """Draw cells as a map that is 1 at every cell centre and falls to 0 around it.

    A pixel at distance ``d`` (px) from its nearest centre gets ``1 / (d ** (slope * d / D + offset) + constant)``,
    where ``D`` is the largest ``d`` of the map: sparse images get wide peaks, dense ones narrow peaks. So a map of
    a crop differs from the crop of a map; draw the whole image, then crop.

    Args:
        xy: Cell centres, shape (N, 2), x right and y down, in pixels; floored to pixels. N may be 0.
        shape: Height and width of the map, in pixels.
        slope: C1 of Eq. 6; unitless, >= 0.
        offset: C2 of Eq. 6; unitless, > 0.
        constant: C3 of Eq. 6; unitless, > 0; the height of a peak is its inverse.
        cutoff: Values below it become 0.
        reach_px: Use this in place of ``D``, so that peaks are equally wide in every image.

    Returns:
        float32 array of ``shape``, in [0, 1 / constant]; all 0 when there are no cells.

    Raises:
        InvalidCellsError: ``xy`` is not (N, 2), or a centre is not finite or outside the map.

    Source:
        Li et al. 2024, Eq. 6, with C2 added to the exponent.

    Example:
        >>> exponential_distance_map([[0.5, 0.5]], (1, 3)).tolist()
        [[1.0, 0.5, 0.0]]
    """
    centres = np.asarray(xy, dtype=float).reshape(-1, 2) if np.size(xy) == 0 else np.asarray(xy, dtype=float)
    if centres.ndim != 2 or centres.shape[1] != 2:
        raise InvalidCellsError(f"xy must have shape (N, 2), got {centres.shape}.")
    height, width = shape
    inside = ((centres >= 0) & (centres < (width, height))).all(axis=1)  # False for NaN
    if not inside.all():
        i = int(np.argmin(inside))
        raise InvalidCellsError(
            f"xy[{i}] is {centres[i].tolist()}, outside the {height}×{width} map; is it (row, column)?"
        )
    if len(centres) == 0:
        return np.zeros(shape, np.float32)
    background = np.ones(shape, np.uint8)
    columns, rows = np.floor(centres).astype(int).T
    background[rows, columns] = 0
    distance = cv2.distanceTransform(background, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    reach = max(float(distance.max()), 1.0) if reach_px is None else reach_px
    with np.errstate(over="ignore"):  # far from all cells the power is infinite and the value 0
        values = 1 / (distance ** (slope * distance / reach + offset) + constant)
    return np.where(values < cutoff, 0, values).astype(np.float32)


@dataclass(frozen=True, slots=True)
class ExponentialDistanceCodec:
    """Cells as EDT maps, one channel a class.

    Attributes:
        slope, offset, constant, cutoff, reach_px: Those of :func:`exponential_distance_map`.
        finder: Reads the cells back; CCLS when not given. A window of 3 returns every cell of a clean map that has
            no other of its class on a neighbouring pixel.
    """

    slope: float = 10.0
    offset: float = 0.5
    constant: float = 1.0
    cutoff: float = 0.01
    reach_px: float | None = None
    finder: PeakFinder = CCLS

    def draw(self, xy: npt.ArrayLike, shape: tuple[int, int]) -> Raster:
        """Return the map (H, W) of all positions together."""
        return exponential_distance_map(
            xy,
            shape,
            slope=self.slope,
            offset=self.offset,
            constant=self.constant,
            cutoff=self.cutoff,
            reach_px=self.reach_px,
        )

    def encode(self, cells: Cells) -> Raster:
        """Return a float32 raster (C, H, W) in [0, 1 / constant]; see :class:`cellweave.maps.MapCodec`."""
        return encode_by_class(cells, self.draw)

    def decode(self, raster: npt.ArrayLike, *, classes: Sequence[str], mpp: float | None = None) -> Cells:
        """Return the peaks of every channel of a raster (C, H, W) as cells at pixel centres."""
        return decode_by_class(raster, self.finder, classes=classes, mpp=mpp)
