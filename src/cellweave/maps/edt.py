"""The exponential distance transform map (EDT) and its codec."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy.typing as npt

from cellweave.maps.cell_distances import largest_squared_distance
from cellweave.maps.centres import Pixels
from cellweave.maps.codec import Raster
from cellweave.maps.peaks import CCLS, Decoder
from cellweave.maps.profiles import DistanceMapCodec, Profile, power_profile, require_at_least


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
        reach_px: Use this in place of ``D``, > 0, so that peaks are equally wide in every image; to have it in
            micrometres, divide by the image's mpp.

    Returns:
        float32 array of ``shape``, in [0, 1 / constant]; all 0 when there are no cells.

    Raises:
        InvalidCellsError: ``xy`` is not (N, 2), or a centre is not finite or outside the map.
        InvalidInputError: A number is too small.

    Source:
        Li et al. 2024, Eq. 6, with C2 added to the exponent.

    Example:
        >>> exponential_distance_map([[0.5, 0.5]], (1, 3)).tolist()
        [[1.0, 0.5, 0.0]]
    """
    codec = ExponentialDistanceCodec(slope=slope, offset=offset, constant=constant, cutoff=cutoff, reach_px=reach_px)
    return codec.draw(xy, shape)


@dataclass(frozen=True, slots=True)
class ExponentialDistanceCodec(DistanceMapCodec):
    """Cells as EDT maps, one channel a class.

    Attributes:
        slope, offset, constant, cutoff, reach_px: Those of :func:`exponential_distance_map`.
        finder: Reads the cells back; CCLS when not given. A window of 3 returns every cell of a clean map that has
            no other of its class on a neighbouring pixel.

    Raises:
        InvalidInputError: A number is too small.
    """

    slope: float = 10.0
    offset: float = 0.5
    constant: float = 1.0
    cutoff: float = 0.01
    reach_px: float | None = None
    finder: Decoder = CCLS

    def __post_init__(self) -> None:
        require_at_least(0, slope=self.slope, cutoff=self.cutoff)
        require_at_least(0, inclusive=False, offset=self.offset, constant=self.constant)
        if self.reach_px is not None:
            require_at_least(0, inclusive=False, reach_px=self.reach_px)

    def profile(self, pixels: Pixels, shape: tuple[int, int]) -> Profile:
        """Return the profile of the map of these cells, one or more; without ``reach_px`` it depends on them."""
        reach = self.reach_px
        if reach is None:
            reach = max(math.sqrt(largest_squared_distance(pixels, shape)), 1.0)
        return power_profile(slope=self.slope / reach, offset=self.offset, constant=self.constant, cutoff=self.cutoff)
