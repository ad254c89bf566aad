"""The layout as the image model sees it."""

from __future__ import annotations

from cellweave.core import Cells
from cellweave.images.recipe import ConditionRecipe
from cellweave.maps import ExponentialDistanceCodec
from cellweave.maps.codec import Raster


def draw_condition(cells: Cells, recipe: ConditionRecipe) -> Raster:
    """Return the condition of a layout: an EDT map of every class in [-1, 1], float32 (C, H, W).

    The reach is fixed, so that a crop of the map is the map of the crop up to its border.
    """
    return ExponentialDistanceCodec(reach_px=recipe.reach_px).encode(cells) * 2 - 1
