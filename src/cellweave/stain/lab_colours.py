"""Reinhard normalisation of tissue: the mean and the spread of its colours, without those of the glass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.stain.optical_density import density_to_rgb
from cellweave.stain.reinhard import LEAST_SPREAD, ReinhardStyle, lab_to_rgb, rgb_to_lab
from cellweave.stain.tissue import (
    LEAST_TISSUE,
    TISSUE_DENSITY,
    RgbImage,
    TissueSample,
    blocks_of,
    channels_of,
    density_tables,
    require_rgb,
)


@dataclass(frozen=True, slots=True)
class LabColours:
    """What Reinhard's method knows of an image.

    Attributes:
        style: Mean and spread of tissue in L*a*b*, once clear glass is white; None when the image is empty.
        background: Grey levels of clear glass, (3,).
    """

    style: ReinhardStyle | None
    background: tuple[float, float, float]

    @classmethod
    def learn(cls, sample: TissueSample) -> Self:
        """Return the colours of a sample of tissue."""
        if len(sample.pixels) < LEAST_TISSUE:
            return cls(None, sample.background)
        balanced = density_to_rgb(_densities(sample.pixels[None], sample.background))
        return cls(ReinhardStyle.of(balanced), sample.background)

    @property
    def is_empty(self) -> bool:
        """Whether there is no tissue."""
        return self.style is None

    def recolour(self, image: RgbImage, target: LabColours) -> RgbImage:
        """Return an image that has these colours with those of a target, on white glass.

        Every pixel depends on itself alone. Pixels paler than tissue are mixed from the recoloured and the balanced
        image, so that white stays white; an empty image stays as it is.

        Raises:
            InvalidInputError: The target is empty.
        """
        require_rgb(image)
        if target.style is None:
            raise InvalidInputError("the target has no tissue to take colours from; choose another one.")
        if self.style is None:
            return image.copy()
        gain = np.asarray(target.style.spread) / np.maximum(self.style.spread, LEAST_SPREAD)
        shift = np.asarray(target.style.mean) - gain * np.asarray(self.style.mean)
        result = np.empty_like(image)
        for rows in blocks_of(image):
            densities = _densities(image[rows], self.background)
            balanced = density_to_rgb(densities)
            lab = rgb_to_lab(_in_rows(balanced)) * gain.astype(np.float32) + shift.astype(np.float32)
            painted = lab_to_rgb(lab).reshape(-1, 3)[: balanced.size // 3].reshape(balanced.shape)
            tissue = np.minimum(densities.sum(axis=-1, keepdims=True) / np.float32(3 * TISSUE_DENSITY), 1)
            mixed = balanced + tissue * (painted.astype(np.float32) - balanced)
            result[rows] = np.rint(mixed).astype(np.uint8)
        return result

    def to_json(self) -> dict[str, Any]:
        """Return the numbers, exactly."""
        return {"style": None if self.style is None else self.style.to_json(), "background": list(self.background)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Return what :meth:`to_json` wrote."""
        red, green, blue = (float(level) for level in stored["background"])
        return cls(None if stored["style"] is None else ReinhardStyle.from_json(stored["style"]), (red, green, blue))


def _densities(image: RgbImage, background: tuple[float, float, float]) -> npt.NDArray[np.float32]:
    tables = density_tables(background)
    channels = zip(tables, channels_of(image), strict=True)
    return np.stack([table.take(one) for table, one in channels], axis=-1)


def _in_rows(image: RgbImage) -> RgbImage:
    """Return the pixels in rows of 64, the last one filled up: OpenCV rounds the rest of a row in another way."""
    pixels = image.reshape(-1, 3)
    return np.pad(pixels, ((0, -len(pixels) % 64), (0, 0))).reshape(-1, 64, 3)
