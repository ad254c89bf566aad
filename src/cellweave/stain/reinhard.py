"""Reinhard normalisation: give an image the mean and the spread of a reference, channel by channel in L*a*b*."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError

RgbImage = npt.NDArray[np.uint8]

LEAST_SPREAD = 2.0
"""Of a channel, in L*a*b* units: an empty tile is shifted, its noise is not blown up to look like tissue."""


@dataclass(frozen=True, slots=True)
class ReinhardStyle:
    """The colours of an image or of a set of images.

    Attributes:
        mean: Of L*, a* and b*.
        spread: Their standard deviations, >= 0.

    Raises:
        InvalidInputError: They are not three finite numbers each, or a spread is negative.

    Source:
        Reinhard et al. 2001, Color transfer between images, Eq. 10 and 11, in CIE L*a*b* in place of l-alpha-beta, as
        is usual in histology.
    """

    mean: tuple[float, float, float]
    spread: tuple[float, float, float]

    def __post_init__(self) -> None:
        numbers = np.array([*self.mean, *self.spread], float)
        if len(numbers) != 6 or len(self.mean) != 3 or not np.isfinite(numbers).all() or min(self.spread) < 0:
            raise InvalidInputError(
                f"a style needs three finite means and spreads >= 0 of L*, a*, b*, got {self.mean} and {self.spread}."
            )

    @classmethod
    def of(cls, image: RgbImage) -> ReinhardStyle:
        """Return the style of one image, uint8 (H, W, 3)."""
        values = rgb_to_lab(image).reshape(-1, 3)
        return cls(_three(values.mean(axis=0, dtype=float)), _three(values.std(axis=0, dtype=float)))

    @classmethod
    def average(cls, images: Iterable[RgbImage]) -> ReinhardStyle:
        """Return the mean style of images: their colours, without how they differ from one another.

        Raises:
            InvalidInputError: There are no images.
        """
        styles = [cls.of(image) for image in images]
        if not styles:
            raise InvalidInputError("there are no images to take a style from.")
        mean = np.mean([style.mean for style in styles], axis=0)
        return cls(_three(mean), _three(np.mean([style.spread for style in styles], axis=0)))

    def apply(self, image: RgbImage) -> RgbImage:
        """Return an image, uint8 (H, W, 3), with this style in place of its own."""
        own = ReinhardStyle.of(image)
        gain = np.asarray(self.spread) / np.maximum(own.spread, LEAST_SPREAD)
        shifted = (rgb_to_lab(image) - np.asarray(own.mean)) * gain + np.asarray(self.mean)
        return lab_to_rgb(shifted.astype(np.float32))

    def to_json(self) -> dict[str, Any]:
        """Return the style for a model's ``config.json``."""
        return {"mean": list(self.mean), "spread": list(self.spread)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> ReinhardStyle:
        """Return the style that :meth:`to_json` wrote."""
        return cls(_three(stored["mean"]), _three(stored["spread"]))


def _three(numbers: Iterable[Any]) -> tuple[float, float, float]:
    first, second, third = (float(number) for number in numbers)
    return first, second, third


def rgb_to_lab(image: RgbImage) -> npt.NDArray[np.float32]:
    """Return L*, a* and b*, float32 (H, W, 3), of an image, uint8 (H, W, 3), which may not be empty."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise InvalidInputError(f"an image is uint8 (H, W, 3) and not empty, got {image.dtype} {image.shape}.")
    return np.asarray(cv2.cvtColor(image.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)


def lab_to_rgb(lab: npt.NDArray[np.float32]) -> RgbImage:
    """Return the image of L*, a* and b*, clipped to what red, green and blue can show."""
    values = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    return np.asarray(np.clip(np.rint(values * 255), 0, 255), np.uint8)
