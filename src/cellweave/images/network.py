"""The network of an image model."""

from __future__ import annotations

import torch

from cellweave.diffusion import DiffusionUNet
from cellweave.images.condition import condition_channels
from cellweave.images.recipe import ImageRecipe
from cellweave.training.initialise import initialise


def build_network(recipe: ImageRecipe, class_count: int, generator: torch.Generator | None = None) -> DiffusionUNet:
    """Return the network of a recipe; its weights depend on ``generator`` alone when one is given."""
    basis = recipe.basis
    network = DiffusionUNet(
        recipe.network,
        3 if basis is None else basis.components,
        condition_channels=condition_channels(recipe, class_count) * (1 if basis is None else basis.side**2),
        learned_variance=recipe.process.learned_variance,
        conditioning=recipe.conditioning,
    )
    if generator is not None:
        initialise(network, generator)
    return network
