"""The peak map: one Gaussian peak at every cell, none higher where cells are close; and its codec."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy.typing as npt

from cellweave.maps.centres import Pixels
from cellweave.maps.codec import Raster
from cellweave.maps.peaks import Decoder, PeakFinder
from cellweave.maps.profiles import DistanceMapCodec, Profile, require_at_least

CLEAN = PeakFinder(window_px=3, threshold=0.5)
"""Reads what was drawn, unblurred."""


def peak_map(xy: npt.ArrayLike, shape: tuple[int, int], *, width_px: float = 3.0, cutoff: float = 0.001) -> Raster:
    """Draw cells as a map that is 1 at every cell centre and falls like a Gaussian around it.

    A pixel at distance ``d`` (px) from its nearest centre gets ``exp(-d² / (2 width_px²))``. Unlike a density, the map
    is the highest of the cells' Gaussians and not their sum, so that it is 1 at every cell however dense they are.

    Args:
        xy: Cell centres, shape (N, 2), x right and y down, in pixels; floored to pixels. N may be 0.
        shape: Height and width of the map, in pixels.
        width_px: Of a peak, as the standard deviation of a Gaussian; in pixels, > 0.
        cutoff: Values below it become 0.

    Returns:
        float32 array of ``shape``, in [0, 1]; all 0 when there are no cells.

    Raises:
        InvalidCellsError: ``xy`` is not (N, 2), or a centre is not finite or outside the map.
        InvalidInputError: A number is too small.

    Source:
        Zhou et al. 2019, Objects as points (CenterNet), §3, as the target of keypoints.

    Example:
        >>> [f"{height:.4f}" for height in peak_map([[0.5, 0.5]], (1, 3), width_px=1.0)[0]]
        ['1.0000', '0.6065', '0.1353']
    """
    return PeakMapCodec(width_px=width_px, cutoff=cutoff).draw(xy, shape)


@dataclass(frozen=True, slots=True)
class PeakMapCodec(DistanceMapCodec):
    """Cells as peak maps, one channel a class.

    Attributes:
        width_px, cutoff: Those of :func:`peak_map`.
        finder: Reads the cells back; the highest pixels of 3×3 when not given.

    Raises:
        InvalidInputError: A number is too small.
    """

    width_px: float = 3.0
    cutoff: float = 0.001
    finder: Decoder = CLEAN

    def __post_init__(self) -> None:
        require_at_least(0, cutoff=self.cutoff)
        require_at_least(0, inclusive=False, width_px=self.width_px)

    @property
    def peak(self) -> float:
        """Height at a cell."""
        return 1.0

    def profile(self, pixels: Pixels, shape: tuple[int, int]) -> Profile:
        """Return the profile, the same for all cells."""
        factor = -1 / (2 * self.width_px**2)
        # math.e to a power, as other profiles have it: NumPy arrays and tensors alike
        return Profile(lambda distance: math.e ** (factor * distance**2), self.cutoff)
