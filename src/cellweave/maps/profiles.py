"""Maps whose height depends on the distance to the nearest cell alone, drawn by looking heights up in a table."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.maps.cell_distances import near_squared_distances, squared_distances
from cellweave.maps.centres import Pixels, pixels_of_centres
from cellweave.maps.codec import Raster, decode_by_class, encode_by_class
from cellweave.maps.peaks import Decoder

_NEAR_PX = 40
"""Up to this reach distances near cells cost less than those of the whole map."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Height of a map as a function of the distance to the nearest cell.

    Attributes:
        height: From distances (px), a float64 array of any shape, to heights; it never rises with the distance.
        cutoff: Heights below it are 0.
    """

    height: Callable[[Any], Any]
    cutoff: float

    def reach_squared(self, longest: int) -> int:
        """Return a squared distance from which on all heights are 0, or ``longest`` where they are not up to there."""
        if self.cutoff <= 0:
            return longest
        low = self._heights(np.arange(math.isqrt(longest) + 1)) < self.cutoff
        return min(longest, int(np.argmax(low)) ** 2) if low.any() else longest

    def table(self, last: int) -> npt.NDArray[np.float32]:
        """Return the heights at the squared distances 0, 1, ... ``last``, float32 (last + 1,)."""
        heights = self._heights(np.sqrt(np.arange(last + 1)))
        return np.where(heights < self.cutoff, 0, heights).astype(np.float32)

    def at(self, squared: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the heights at squared distances of any shape, one by one."""
        heights = self._heights(np.sqrt(squared))
        return np.where(heights < self.cutoff, 0, heights).astype(np.float32)

    def _heights(self, distance: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        with np.errstate(over="ignore"):  # far from all cells a power is infinite and the height 0
            return np.asarray(self.height(distance.astype(np.float64)))


def power_profile(*, slope: float, offset: float, constant: float, cutoff: float) -> Profile:
    """Return the profile ``1 / (d ** (slope * d + offset) + constant)`` of a distance ``d`` in pixels."""

    def height(distance: Any) -> Any:
        return 1 / (distance ** (slope * distance + offset) + constant)

    return Profile(height, cutoff)


def draw_profile(pixels: Pixels, shape: tuple[int, int], profile: Profile) -> Raster:
    """Return the map (H, W) in which every pixel has the height of its distance to the nearest cell; 0 without cells.

    Only distances at which the profile is not 0 are computed where that is less work than all of them; heights come
    from a table over squared distances, or one by one where the table would be longer than the map.
    """
    if not len(pixels.rows):
        return np.zeros(shape, np.float32)
    reach = profile.reach_squared((shape[0] - 1) ** 2 + (shape[1] - 1) ** 2)
    if reach <= _NEAR_PX**2:
        near = near_squared_distances(pixels, shape, reach_squared=reach)
        table = profile.table(reach)
        if near.dtype == np.uint8:
            return np.asarray(cv2.LUT(near, np.pad(table, (0, 255 - reach))), np.float32)
        return np.take(table, near, mode="clip")
    squared = squared_distances(pixels, shape)
    last = min(reach, int(squared.max()))
    if last > squared.size:
        return profile.at(squared)
    return np.take(profile.table(last), squared, mode="clip")


class DistanceMapCodec(ABC):
    """Cells as maps of a :class:`Profile`, one channel a class; what the codecs of such maps share."""

    __slots__ = ()
    constant: float
    finder: Decoder

    @abstractmethod
    def profile(self, pixels: Pixels, shape: tuple[int, int]) -> Profile:
        """Return the profile of the map of these cells, one or more."""

    @property
    def peak(self) -> float:
        """Height at a cell."""
        return 1 / self.constant

    def draw(self, xy: npt.ArrayLike, shape: tuple[int, int]) -> Raster:
        """Return the map (H, W) of all positions together."""
        pixels = pixels_of_centres(xy, shape)
        if not len(pixels.rows):
            return np.zeros(shape, np.float32)
        return draw_profile(pixels, shape, self.profile(pixels, shape))

    def encode(self, cells: Cells) -> Raster:
        """Return a float32 raster (C, H, W) in [0, 1 / constant]; see :class:`cellweave.maps.MapCodec`."""
        return encode_by_class(cells, self.draw)

    def decode(self, raster: npt.ArrayLike, *, classes: Sequence[str], mpp: float | None = None) -> Cells:
        """Return the peaks of every channel of a raster (C, H, W) as cells at pixel centres."""
        return decode_by_class(raster, self.finder, classes=classes, mpp=mpp)


def require_at_least(least: float, *, inclusive: bool = True, **values: float) -> None:
    """Check settings of a map by name.

    Raises:
        InvalidInputError: A value is lower than ``least``, or equal to it when not inclusive, or not finite.
    """
    for name, value in values.items():
        if not (np.isfinite(value) and (value >= least if inclusive else value > least)):
            raise InvalidInputError(f"{name} must be a number {'>=' if inclusive else '>'} {least:g}, got {value}.")
