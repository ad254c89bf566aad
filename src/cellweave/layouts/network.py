"""The network of a layout model."""

from __future__ import annotations

import torch

from cellweave.diffusion import DiffusionUNet
from cellweave.layouts.counted_unet import CountedUNet
from cellweave.layouts.raster import raster_channels
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.training.initialise import initialise


def build_network(recipe: LayoutRecipe, class_count: int, generator: torch.Generator | None = None) -> DiffusionUNet:
    """Return the network of a recipe; its weights depend on ``generator`` alone when one is given."""
    channels, learned = raster_channels(recipe, class_count), recipe.process.learned_variance
    network: DiffusionUNet
    if recipe.condition == "counts":
        network = CountedUNet(recipe.network, channels, classes=class_count, learned_variance=learned)
    else:
        network = DiffusionUNet(recipe.network, channels, categories=recipe.told_categories, learned_variance=learned)
    if generator is not None:
        initialise(network, generator)
    return network
