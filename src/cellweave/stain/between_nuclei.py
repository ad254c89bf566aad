"""One style for images whose nuclei are known: what lies between the nuclei is made alike, nuclei keep their depth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.stain.reinhard import LEAST_SPREAD, lab_to_rgb, rgb_to_lab
from cellweave.stain.tissue import RgbImage

LEAST_SHARE = 0.02
"""Of the pixels; where less lies between nuclei, all pixels stand for it."""

GAINS = (0.7, 1.0)
"""Least and greatest gain of a* and of b*: hues are narrowed, never widened. How far they spread over an image says
how strong its stains are, but also how many nuclei it has. A few in pale stroma barely raise the spread; when it was
widened to the common one, by 2 and more, they turned from purple to cobalt blue, with cyan around them."""

Between = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class BetweenNucleiStyle:
    """Colours of what lies between nuclei, and how far the hues of whole images spread.

    Reinhard's method gives every image the same mean and spread of brightness, so that an image full of lymphocytes
    comes out with pale ones. Here the mean is that of the pixels between nuclei, a* and b* of the whole image are
    brought as near to a common spread as the gains allow, and the contrast of L* is left as it is: how dark nuclei are
    against their surroundings stays.

    Attributes:
        mean: Of L*, a* and b* between nuclei.
        spread: Standard deviation of a* and of b* over whole images, >= 0.
        gains: The least and the greatest that a* and b* of an image are multiplied by; None: whatever it takes, as in
            the training images of models whose ``config.json`` has no gains.

    Raises:
        InvalidInputError: Means and spreads are not three and two finite numbers, a spread is negative, or the gains
            do not lie on either side of 1.
    """

    mean: tuple[float, float, float]
    spread: tuple[float, float]
    gains: tuple[float, float] | None = GAINS

    def __post_init__(self) -> None:
        numbers = np.array([*self.mean, *self.spread], float)
        if (len(self.mean), len(self.spread)) != (3, 2) or not np.isfinite(numbers).all() or min(self.spread) < 0:
            raise InvalidInputError(
                "a style between nuclei needs three finite means of L*, a*, b* and two spreads >= 0 of a*, b*, got "
                f"{self.mean} and {self.spread}."
            )
        if self.gains is not None and not (len(self.gains) == 2 and 0 < self.gains[0] <= 1 <= self.gains[1] < np.inf):
            raise InvalidInputError(
                f"the gains of a style between nuclei are one above 0 up to 1 and one from 1, got {self.gains}; take "
                f"{GAINS}, or None for no limit."
            )

    @classmethod
    def of(cls, image: RgbImage, between: Between) -> Self:
        """Return the style of one image.

        Args:
            image: uint8 (H, W, 3).
            between: Whether a pixel lies between nuclei, bool (H, W).
        """
        lab = rgb_to_lab(image)
        ground = lab[between] if between.mean() >= LEAST_SHARE else lab.reshape(-1, 3)
        mean, spread = ground.mean(axis=0, dtype=float), lab[..., 1:].std(axis=(0, 1), dtype=float)
        return cls((float(mean[0]), float(mean[1]), float(mean[2])), (float(spread[0]), float(spread[1])))

    @classmethod
    def average(cls, images: Iterable[tuple[RgbImage, Between]]) -> Self:
        """Return the mean style of images.

        Raises:
            InvalidInputError: There are no images.
        """
        styles = [cls.of(image, between) for image, between in images]
        if not styles:
            raise InvalidInputError("there are no images to take a style from.")
        mean = np.mean([style.mean for style in styles], axis=0)
        spread = np.mean([style.spread for style in styles], axis=0)
        return cls((float(mean[0]), float(mean[1]), float(mean[2])), (float(spread[0]), float(spread[1])))

    def apply(self, image: RgbImage, between: Between) -> RgbImage:
        """Return an image, uint8 (H, W, 3), with this style in place of its own, as far as the gains allow."""
        own = self.of(image, between)
        gain = np.asarray(self.spread) / np.maximum(own.spread, LEAST_SPREAD)
        if self.gains is not None:
            gain = np.clip(gain, *self.gains)
        shifted = (rgb_to_lab(image) - np.asarray(own.mean)) * np.array([1.0, *gain]) + np.asarray(self.mean)
        return lab_to_rgb(shifted.astype(np.float32))

    def to_json(self) -> dict[str, Any]:
        """Return the style for a model's ``config.json``."""
        gains = None if self.gains is None else list(self.gains)
        return {"between_nuclei": {"mean": list(self.mean), "spread": list(self.spread), "gains": gains}}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Return the style that :meth:`to_json` wrote; one without gains was applied without a limit."""
        numbers = stored["between_nuclei"]
        first, second, third = (float(one) for one in numbers["mean"])
        of_a, of_b = (float(one) for one in numbers["spread"])
        gains = numbers.get("gains")
        limits = None if gains is None else (float(gains[0]), float(gains[1]))
        return cls((first, second, third), (of_a, of_b), limits)
