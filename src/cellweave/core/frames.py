"""Lengths with their unit, and their conversion to pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cellweave.core.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Length:
    """A length in pixels or in micrometres.

    Example:
        >>> Length(3.0, "um").to_px(mpp=0.5)
        6.0
    """

    value: float
    unit: Literal["px", "um"] = "px"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value > 0):
            raise InvalidInputError(f"a length must be a positive number of {self.unit}, got {self.value}.")

    def to_px(self, *, mpp: float | None) -> float:
        """Return the length in pixels of an image with ``mpp`` micrometres per pixel.

        Raises:
            InvalidInputError: The length is in micrometres and ``mpp`` is unknown.
        """
        if self.unit == "px":
            return self.value
        if mpp is None:
            raise InvalidInputError(
                f"a length of {self.value:g} µm cannot be used on an image of unknown scale; "
                "give the image's micrometres per pixel (mpp), or the length in pixels."
            )
        return self.value / mpp
