"""Radii in the frame of 512×512 pixels that the papers resize every image to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from cellweave.core import InvalidInputError, Length

FRAME_PX = 512
"""Side of the frame, in pixels."""


@dataclass(frozen=True, slots=True)
class FrameRadius:
    """A radius in pixels of an image that was resized to 512×512, whatever its own size and proportions.

    In a square image of side S it is ``value · S / 512`` pixels. Resizing any other image scales its axes differently:
    what is a circle in the frame is an ellipse in the image, and pairs are judged in the frame.

    Source:
        Li et al. 2024 (EDT), §4.1: images are resized to 512×512, and the radii of 5 and 10 px are meant there.
    """

    value: float
    unit: ClassVar[Literal["in512"]] = "in512"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value > 0):
            raise InvalidInputError(
                f"a radius must be a positive number of pixels of the {FRAME_PX}-frame, got {self.value}."
            )


Radius = Length | FrameRadius
"""Distance within which a cell counts as found: in pixels, in µm, or in pixels of the 512-frame."""


@dataclass(frozen=True, slots=True)
class Reach:
    """A radius, as one image has it.

    Attributes:
        factors: What x and y are multiplied with before distances are measured.
        radius: Within which a pair is near enough, after that.
        radius_px: The radius in pixels of the image; NaN where it differs along x and y.
    """

    factors: tuple[float, float]
    radius: float
    radius_px: float


def reach_in(radius: Radius, shape: tuple[int, int], mpp: float | None) -> Reach:
    """Return a radius as an image of some size and scale has it.

    Args:
        radius: The radius.
        shape: Height and width of the image, in pixels.
        mpp: µm per pixel of the image; None where unknown.

    Raises:
        InvalidInputError: The radius is in µm and the scale is unknown.

    Example:
        >>> reach_in(FrameRadius(5), (256, 256), None)
        Reach(factors=(2.0, 2.0), radius=5, radius_px=2.5)
        >>> reach_in(FrameRadius(5), (1024, 256), None)
        Reach(factors=(2.0, 0.5), radius=5, radius_px=nan)
    """
    if isinstance(radius, Length):
        in_px = radius.to_px(mpp=mpp)
        return Reach((1.0, 1.0), in_px, in_px)
    height, width = shape
    in_px = radius.value * width / FRAME_PX if height == width else math.nan
    return Reach((FRAME_PX / max(width, 1), FRAME_PX / max(height, 1)), radius.value, in_px)
