"""What an image model is conditioned on, a layout of cells or a semantic mask, as its network sees it."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from cellweave.core import Cells
from cellweave.data import SemanticMask
from cellweave.data.semantic_masks import BACKGROUND
from cellweave.images.recipe import ConditionRecipe, ImageRecipe, MaskRecipe
from cellweave.maps import SharedPeakCodec
from cellweave.maps.codec import Raster

Scene: TypeAlias = Cells | SemanticMask
"""What an image is painted of."""


def condition_channels(recipe: ImageRecipe, class_count: int) -> int:
    """Return the number of channels of a condition, before it is folded."""
    return 1 + class_count + (recipe.masks is not None and recipe.masks.edges)


def draw_scene(scene: Scene, recipe: ImageRecipe, class_count: int) -> Raster:
    """Return the condition of a layout or a mask, whichever the recipe is for, float32 (channels, H, W)."""
    if isinstance(scene, Cells):
        assert recipe.condition is not None  # callers have compared scene and recipe
        return draw_condition(scene, recipe.condition)
    assert recipe.masks is not None
    return draw_mask(scene, recipe.masks, class_count)


def draw_condition(cells: Cells, recipe: ConditionRecipe) -> Raster:
    """Return the condition of a layout: peaks of all cells and patches of their classes, in [-1, 1].

    A crop of it is the condition of the crop, but for what cells outside of it leave at its border.

    Returns:
        float32 (1 + C, H, W).
    """
    drawn = SharedPeakCodec(recipe.peak_width_px, recipe.class_width_px).encode(cells)
    return np.asarray(drawn * 2 - 1, np.float32)


def draw_mask(mask: SemanticMask, recipe: MaskRecipe, class_count: int) -> Raster:
    """Return the condition of a mask: background, every class, and edges if the recipe wants them, each 0 or 1.

    The null condition is 0 in all channels, as no known pixel is.

    Returns:
        float32 (1 + C, H, W), or (2 + C, H, W) with edges.

    Source:
        Shrivastava and Fletcher 2023 (NASDM), section 3.4.
    """
    codes = np.arange(BACKGROUND, class_count + 1)[:, None, None]
    channels = [mask.classes == codes]
    if recipe.edges:
        channels.append(mask.edges()[None])
    return np.concatenate(channels).astype(np.float32)
