"""One style for many images: what a model's training images are given before they are learnt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Protocol

from cellweave.stain.normaliser import StainNormaliser, method_named, sample_of_images
from cellweave.stain.reinhard import ReinhardStyle
from cellweave.stain.tissue import RgbImage

StyleName = Literal["reinhard", "macenko", "vahadane"]


class Style(Protocol):
    """Colours that images can be given."""

    def apply(self, image: RgbImage) -> RgbImage:
        """Return an image, uint8 (H, W, 3), with these colours in place of its own."""

    def to_json(self) -> dict[str, Any]:
        """Return the style for a model's ``config.json``."""


def common_style(name: StyleName, images: Iterable[RgbImage], *, seed: int = 0) -> Style:
    """Return the style that images have in common.

    Args:
        name: ``reinhard``: the mean of their styles, glass and tissue alike; ``macenko`` or ``vahadane``: the stains of
            all their tissue together.
        images: uint8 (H, W, 3) each.
        seed: Of the samples of tissue.

    Raises:
        InvalidInputError: There are no images, or they lack tissue or a stain.
    """
    if name == "reinhard":
        return ReinhardStyle.average(images)
    return StainNormaliser(name, method_named(name).learn(sample_of_images(images, seed=seed)), seed)
