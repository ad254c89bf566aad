"""The plain U-Net, at full resolution."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from cellweave.localization.networks.gradient_aggregation import GradientAggregation
from cellweave.localization.networks.interface import LocatorNetwork, NetworkRecipe


class UNetRecipe(NetworkRecipe):
    """Shape of the network.

    Attributes:
        width: Channels of the finest level; each level has twice those of the one before. 64 in the paper.
        levels: Number of levels; each halves the resolution. 5 in the paper.
        mga: Put the gradient aggregation module in place of the first encoder stage (M_U-Net).
        theta: Share of the differences in that module, 0 to 1.
    """

    name: Literal["unet"] = "unet"
    width: int = Field(default=64, ge=2)
    levels: int = Field(default=5, ge=2, le=6)
    mga: bool = False
    theta: float = Field(default=0.7, ge=0, le=1)

    def build(self, map_count: int, class_count: int) -> UNet:
        """Return the network with random weights."""
        return UNet(self, map_count, class_count)

    @property
    def stride(self) -> int:
        """Stride of the network."""
        return int(2 ** (self.levels - 1))


class UNet(LocatorNetwork):
    """The U-Net of Ronneberger et al. from an RGB image to maps of cells and class logits.

    Args:
        recipe: Width, depth and first stage.
        map_count: Number of maps.
        class_count: Number of classes.

    Source:
        Ronneberger et al. 2015, Fig. 1; convolutions here are padded, so that maps have the image's size, and followed
        by batch normalisation. With ``mga``: Li et al. 2024 (EDT), §4.3.2.
    """

    def __init__(self, recipe: UNetRecipe, map_count: int, class_count: int) -> None:
        super().__init__(map_count, class_count)
        self.stride = recipe.stride
        self.margin = _reach(recipe)
        widths = [recipe.width * 2**level for level in range(recipe.levels)]
        first = GradientAggregation(3, widths[0], theta=recipe.theta) if recipe.mga else _block(3, widths[0])
        pairs = list(pairwise(widths))
        self.encoder = nn.ModuleList([first, *(_block(fine, coarse) for fine, coarse in pairs)])
        self.up = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in reversed(pairs))
        self.decoder = nn.ModuleList(_block(2 * fine, fine) for fine, _ in reversed(pairs))
        self.head = nn.Conv2d(widths[0], self.channels, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (N, M, H, W) and class logits (N, C, H, W) of images (N, 3, H, W)."""
        x = images
        passed: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool2d(x, 2) if level else x)
            passed.append(x)
        passed.pop()
        for up, block in zip(self.up, self.decoder, strict=True):
            x = block(torch.cat([passed.pop(), up(x)], dim=1))
        return self.split(self.head(x))


def _block(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [
            nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _reach(recipe: UNetRecipe) -> int:
    """Return how many pixels to either side of a pixel can change its output, rounded up to whole strides.

    Every level's two convolutions see two of its pixels to either side, on the way down and up again, and a pixel of
    the coarsest level is its stride wide.
    """
    strides = [2**level for level in range(recipe.levels)]
    first = GradientAggregation.reach if recipe.mga else 2
    encoder = first + 2 * sum(strides[1:]) + strides[-1] - 1
    decoder = 2 * sum(strides[:-1])
    deepest = strides[-1]
    return int(-(-(encoder + decoder) // deepest) * deepest)
