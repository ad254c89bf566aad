"""The layout as the image model sees it."""

from __future__ import annotations

import numpy as np

from cellweave.core import Cells
from cellweave.images.recipe import ConditionRecipe
from cellweave.maps import SharedPeakCodec
from cellweave.maps.codec import Raster


def condition_channels(class_count: int) -> int:
    """Return the number of channels of a condition, before it is folded."""
    return 1 + class_count


def draw_condition(cells: Cells, recipe: ConditionRecipe) -> Raster:
    """Return the condition of a layout: peaks of all cells and patches of their classes, in [-1, 1].

    A crop of it is the condition of the crop, but for what cells outside of it leave at its border.

    Returns:
        float32 (1 + C, H, W).
    """
    drawn = SharedPeakCodec(recipe.peak_width_px, recipe.class_width_px).encode(cells)
    return np.asarray(drawn * 2 - 1, np.float32)
