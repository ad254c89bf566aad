"""The scale between a raster's channels, which lie in [0, 1], and the data that the diffusion model sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.maps.codec import Raster


@dataclass(frozen=True, slots=True)
class ChannelScale:
    """What turns channels with values in [0, 1] into the data of the diffusion model: less the mean, over the spread.

    Attributes:
        mean: One number a channel.
        spread: One number a channel, > 0.

    Raises:
        InvalidInputError: They are not equally many, not finite, or a spread is not > 0.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]

    def __post_init__(self) -> None:
        numbers = np.array([*self.mean, *self.spread], float)
        if len(self.mean) != len(self.spread) or not np.isfinite(numbers).all() or not min(self.spread, default=1) > 0:
            raise InvalidInputError(
                f"a scale needs one finite mean and one spread > 0 a channel, got {self.mean} and {self.spread}."
            )

    def to_data(self, values: npt.NDArray[np.float32]) -> Raster:
        """Return values (channels, H, W) in [0, 1] as data."""
        return np.asarray((values - _column(self.mean)) / _column(self.spread), np.float32)

    def to_values(self, data: npt.NDArray[np.float32]) -> Raster:
        """Return data (channels, H, W) as values, about [0, 1]."""
        return np.asarray(data * _column(self.spread) + _column(self.mean), np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return the scale for ``config.json``."""
        return {"mean": list(self.mean), "spread": list(self.spread)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> ChannelScale:
        """Return the scale that :meth:`to_json` wrote."""
        return cls(tuple(float(v) for v in stored["mean"]), tuple(float(v) for v in stored["spread"]))

    @classmethod
    def range(cls, channels: int) -> ChannelScale:
        """Return the scale from [0, 1] to [-1, 1]."""
        return cls((0.5,) * channels, (0.5,) * channels)

    @classmethod
    def standard(cls, rasters: Sequence[Raster]) -> ChannelScale:
        """Return the scale that gives every channel mean 0 and variance 1 over rasters (channels, H, W)."""
        pixels = sum(one[0].size for one in rasters)
        mean = np.sum([one.sum(axis=(1, 2), dtype=np.float64) for one in rasters], axis=0) / pixels
        squares = [np.square(one - mean[:, None, None]).sum(axis=(1, 2)) for one in rasters]
        spread = np.sqrt(np.sum(squares, axis=0) / pixels)
        # the channel of a class that no image has is constant
        return cls(tuple(mean.tolist()), tuple(np.where(spread > 0, spread, 1.0).tolist()))


def _column(numbers: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return np.asarray(numbers, np.float32)[:, None, None]
