"""``config.json`` of a layout model: what it says, and that it agrees with itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from cellweave import __version__
from cellweave.core import Cells, InvalidInputError
from cellweave.data import CellClass
from cellweave.data.images import MAX_PIXELS
from cellweave.layouts.categories import CountingCategories
from cellweave.layouts.channel_scale import ChannelScale
from cellweave.layouts.count_projection import ChannelMeans
from cellweave.layouts.raster import raster_channels
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.layouts.training_counts import TrainingCounts
from cellweave.maps import PeakFinder

FORMAT = "cellweave-layouts"
VERSION = 1


def refuse_misfits(
    recipe: LayoutRecipe,
    classes: Sequence[CellClass],
    mpp: float | None,
    finder: PeakFinder,
    categories: CountingCategories,
    training_counts: TrainingCounts | None,
    channel_means: ChannelMeans | None,
    scale: ChannelScale,
) -> None:
    """Make sure that what a model folder says of its layouts agrees with itself and allows a layout at all.

    Raises:
        InvalidInputError: It does not.
    """
    if not classes:
        raise InvalidInputError("a layout model needs at least one class.")
    Cells.empty(classes=[one.name for one in classes], shape=(recipe.frame.crop_px, recipe.frame.crop_px), mpp=mpp)
    if max(recipe.frame.crop_px, recipe.frame.raster_px) ** 2 > MAX_PIXELS:
        raise InvalidInputError(
            f"a layout of {recipe.frame.crop_px} px, drawn with {recipe.frame.raster_px} px, has more than "
            f"{MAX_PIXELS:,} pixels."
        )
    if finder.window_px > 2 * recipe.frame.raster_px:
        raise InvalidInputError(f"window_px {finder.window_px} is wider than a raster of {recipe.frame.raster_px} px.")
    if categories.number != max(1, recipe.told_categories) or not all(
        a < b for a, b in pairwise((-1, *categories.bounds))
    ):
        raise InvalidInputError(
            f"category_bounds {list(categories.bounds)} are not the ascending bounds of {recipe.told_categories} "
            "categories."
        )
    channels = raster_channels(recipe, len(classes))
    if len(scale.mean) != channels:
        raise InvalidInputError(f"scale is of {len(scale.mean)} channels, the model's rasters have {channels}.")
    if channel_means is not None and recipe.condition != "counts":
        raise InvalidInputError(f"channel_means go with the condition 'counts', not {recipe.condition!r}.")
    counted = None if training_counts is None else training_counts.crops.shape[1]
    if counted != (len(classes) if recipe.condition == "counts" else None):
        raise InvalidInputError(
            f"training_counts are of {counted} classes; a model of condition {recipe.condition!r} with "
            f"{len(classes)} classes has {'others' if recipe.condition == 'counts' else 'none'}."
        )


def layout_config(
    recipe: LayoutRecipe,
    *,
    classes: Sequence[CellClass],
    mpp: float | None,
    scale: ChannelScale,
    finder: PeakFinder,
    categories: CountingCategories,
    density_constant: float | None,
    training: dict[str, Any],
    training_counts: TrainingCounts | None = None,
    channel_means: ChannelMeans | None = None,
) -> dict[str, Any]:
    """Return the ``config.json`` of a layout model."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "code_version": __version__,
        "classes": [{"name": one.name, "colour": one.colour} for one in classes],
        "mpp": mpp,
        "scale": scale.to_json(),
        "decoder": {"window_px": finder.window_px, "threshold": finder.threshold},
        "category_bounds": list(categories.bounds),
        **({} if training_counts is None else {"training_counts": training_counts.to_json()}),
        **({} if channel_means is None else {"channel_means": channel_means.to_json()}),
        "density_constant": density_constant,
        "recipe": recipe.model_dump(mode="json"),
        "training": training,
    }
