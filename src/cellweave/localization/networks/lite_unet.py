"""Lite-UNet: a U-Net of few parameters, with difference convolutions and two kinds of attention."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from cellweave.localization.networks.ghost_attention import GhostBlock
from cellweave.localization.networks.gradient_aggregation import GradientAggregation
from cellweave.localization.networks.graph_correlation import GraphCorrelationAttention
from cellweave.localization.networks.interface import LocatorNetwork, NetworkRecipe

OVERLAP_STRIDES = 4
"""What tiles overlap by, in strides; the attention sees the whole image in any case."""


class LiteUNetRecipe(NetworkRecipe):
    """Shape of the network.

    Attributes:
        width: Channels of the finest level, even; every coarser one has twice as many.
        levels: Number of levels; each has half the resolution of the one before.
        theta: Share of the differences in the difference convolutions.
    """

    name: Literal["lite-unet"] = "lite-unet"
    width: int = Field(default=32, ge=2, multiple_of=2)
    levels: int = Field(default=5, ge=2, le=6)
    theta: float = Field(default=0.7, ge=0, le=1)

    def build(self, map_count: int, class_count: int) -> LiteUNet:
        """Return the network with random weights."""
        return LiteUNet(self, map_count, class_count)

    @property
    def stride(self) -> int:
        """Stride of the network."""
        return int(2 ** (self.levels - 1))


class LiteUNet(LocatorNetwork):
    """A U-Net whose first block aggregates gradients and whose others are ghost blocks with attention.

    The paper's abstract names its three modules: gradient aggregation by difference convolutions, graph correlation
    attention, and a Ghost_CBAM module as the base of the network. Its text was not at hand: how the modules are put
    together, their widths, and what is inside the graph correlation attention are ours, so that results of this
    network say little of those that the paper reports. The gradient aggregation is that of the EDT paper, by the
    same authors.

    Args:
        recipe: Widths and number of levels.
        map_count: Number of maps.
        class_count: Number of classes.

    Source:
        Li et al. 2024 (Lite-UNet: a lightweight and efficient network for cell localization), abstract.
    """

    exact_tiles = False

    def __init__(self, recipe: LiteUNetRecipe, map_count: int, class_count: int) -> None:
        super().__init__(map_count, class_count)
        self.stride = recipe.stride
        self.margin = OVERLAP_STRIDES * recipe.stride
        widths = [recipe.width * 2**level for level in range(recipe.levels)]
        pairs = list(pairwise(widths))
        first = GradientAggregation(3, recipe.width, theta=recipe.theta)
        self.encoder = nn.ModuleList([first, *(GhostBlock(fine, coarse) for fine, coarse in pairs)])
        self.attention = GraphCorrelationAttention()
        self.decoder = nn.ModuleList(GhostBlock(coarse + fine, fine) for fine, coarse in reversed(pairs))
        self.head = nn.Conv2d(recipe.width, self.channels, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (N, M, H, W) and class logits (N, C, H, W) of images (N, 3, H, W)."""
        x = images
        passed: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool2d(x, 2) if level else x)
            passed.append(x)
        x = self.attention(passed.pop())
        for block in self.decoder:
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat([x, passed.pop()], dim=1))
        return self.split(self.head(x))
