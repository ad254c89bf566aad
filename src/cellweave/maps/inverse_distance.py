"""The inverse distance transform maps, plain (IDT) and focal (FIDT), and their codecs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy.typing as npt

from cellweave.maps.centres import Pixels
from cellweave.maps.codec import Raster
from cellweave.maps.peaks import CCLS, Decoder
from cellweave.maps.profiles import DistanceMapCodec, Profile, power_profile, require_at_least


def inverse_distance_map(
    xy: npt.ArrayLike, shape: tuple[int, int], *, constant: float = 1.0, cutoff: float = 0.0
) -> Raster:
    """Draw cells as a map that falls with the inverse of the distance to the nearest of them (IDT).

    A pixel at distance ``d`` (px) from its nearest centre gets ``1 / (d + constant)``.

    Args:
        xy: Cell centres, shape (N, 2), x right and y down, in pixels; floored to pixels. N may be 0.
        shape: Height and width of the map, in pixels.
        constant: C; in pixels, > 0; the height of a peak is its inverse.
        cutoff: Values below it become 0; the map as defined has none.

    Returns:
        float32 array of ``shape``, in [0, 1 / constant]; all 0 when there are no cells.

    Raises:
        InvalidCellsError: ``xy`` is not (N, 2), or a centre is not finite or outside the map.
        InvalidInputError: A number is too small.

    Source:
        Liang et al. 2022 (FIDT), where it is the map improved upon; Li et al. 2024, §3.1.

    Example:
        >>> inverse_distance_map([[0.5, 0.5]], (1, 4))[0, [0, 1, 3]].tolist()
        [1.0, 0.5, 0.25]
    """
    return InverseDistanceCodec(constant=constant, cutoff=cutoff).draw(xy, shape)


def focal_inverse_distance_map(
    xy: npt.ArrayLike,
    shape: tuple[int, int],
    *,
    slope: float = 0.02,
    offset: float = 0.75,
    constant: float = 1.0,
    cutoff: float = 0.0,
) -> Raster:
    """Draw cells as a map that falls slowly near them and faster far from all of them (FIDT).

    A pixel at distance ``d`` (px) from its nearest centre gets ``1 / (d ** (slope * d + offset) + constant)``.

    Args:
        xy: Cell centres, shape (N, 2), x right and y down, in pixels; floored to pixels. N may be 0.
        shape: Height and width of the map, in pixels.
        slope: α; per pixel, >= 0.
        offset: β; unitless, > 0.
        constant: C; unitless, > 0; the height of a peak is its inverse.
        cutoff: Values below it become 0; the map as defined has none.

    Returns:
        float32 array of ``shape``, in [0, 1 / constant]; all 0 when there are no cells.

    Raises:
        InvalidCellsError: ``xy`` is not (N, 2), or a centre is not finite or outside the map.
        InvalidInputError: A number is too small.

    Source:
        Liang et al. 2022, Focal inverse distance transform maps for crowd localization; Li et al. 2024, §3.1.

    Example:
        >>> focal_inverse_distance_map([[0.5, 0.5]], (1, 2)).tolist()
        [[1.0, 0.5]]
    """
    codec = FocalInverseDistanceCodec(slope=slope, offset=offset, constant=constant, cutoff=cutoff)
    return codec.draw(xy, shape)


@dataclass(frozen=True, slots=True)
class InverseDistanceCodec(DistanceMapCodec):
    """Cells as IDT maps, one channel a class.

    Attributes:
        constant, cutoff: Those of :func:`inverse_distance_map`.
        finder: Reads the cells back; CCLS when not given.

    Raises:
        InvalidInputError: A number is too small.
    """

    constant: float = 1.0
    cutoff: float = 0.0
    finder: Decoder = CCLS

    def __post_init__(self) -> None:
        require_at_least(0, cutoff=self.cutoff)
        require_at_least(0, inclusive=False, constant=self.constant)

    def profile(self, pixels: Pixels, shape: tuple[int, int]) -> Profile:
        """Return the profile, the same for all cells."""
        constant = self.constant
        return Profile(lambda distance: 1 / (distance + constant), self.cutoff)


@dataclass(frozen=True, slots=True)
class FocalInverseDistanceCodec(DistanceMapCodec):
    """Cells as FIDT maps, one channel a class.

    Attributes:
        slope, offset, constant, cutoff: Those of :func:`focal_inverse_distance_map`.
        finder: Reads the cells back; CCLS when not given.

    Raises:
        InvalidInputError: A number is too small.
    """

    slope: float = 0.02
    offset: float = 0.75
    constant: float = 1.0
    cutoff: float = 0.0
    finder: Decoder = CCLS

    def __post_init__(self) -> None:
        require_at_least(0, slope=self.slope, cutoff=self.cutoff)
        require_at_least(0, inclusive=False, offset=self.offset, constant=self.constant)

    def profile(self, pixels: Pixels, shape: tuple[int, int]) -> Profile:
        """Return the profile, the same for all cells."""
        return power_profile(slope=self.slope, offset=self.offset, constant=self.constant, cutoff=self.cutoff)
