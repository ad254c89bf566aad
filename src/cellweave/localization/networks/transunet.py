"""TransUNet: a U-Net whose deepest level is a vision transformer."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from cellweave.localization.networks.interface import LocatorNetwork, NetworkRecipe
from cellweave.localization.networks.transformer import GlobalAttention, TransformerLayer, from_tokens, to_tokens

STRIDE = 16
"""Pixels to a token."""

MARGIN_PX = 128
"""What tiles overlap by."""

_EXPANSION = 4


class TransUNetRecipe(NetworkRecipe):
    """Shape of the network; that of the paper's R50-ViT-B_16.

    Attributes:
        stem_width: Channels of the convolutional stem's first layer; its levels have 4, 8 and 16 times as many.
        stem_blocks: Number of residual blocks of the stem at strides 4, 8 and 16.
        width: Channels of a token.
        layers: Number of transformer layers.
        heads: Number of attention heads; divides ``width``.
        positions: Side of the grid of position embeddings, which is stretched to that of the image's tokens.
        bridge: Channels between transformer and decoder.
        decoder: Channels of the decoder at strides 8, 4, 2 and 1.
    """

    name: Literal["transunet"] = "transunet"
    stem_width: int = Field(default=64, ge=1)
    stem_blocks: tuple[int, int, int] = (3, 4, 9)
    width: int = Field(default=768, ge=1)
    layers: int = Field(default=12, ge=1)
    heads: int = Field(default=12, ge=1)
    positions: int = Field(default=14, ge=1)
    bridge: int = Field(default=512, ge=1)
    decoder: tuple[int, int, int, int] = (256, 128, 64, 16)

    @model_validator(mode="after")
    def _fits(self) -> TransUNetRecipe:
        if self.width % self.heads:
            raise ValueError(f"heads {self.heads} must divide width {self.width}")
        if min(*self.stem_blocks, *self.decoder) < 1:
            raise ValueError("stem_blocks and decoder must be positive numbers")
        return self

    def build(self, map_count: int, class_count: int) -> TransUNet:
        """Return the network with random weights."""
        return TransUNet(self, map_count, class_count)

    @property
    def stride(self) -> int:
        """Stride of the network."""
        return STRIDE


class TransUNet(LocatorNetwork):
    """A ResNet down to stride 16, a vision transformer over what it sees there, and a U-Net's decoder back up.

    Every token attends to all of the input, and position embeddings are stretched to it, so that tiles are not exact.

    Args:
        recipe: Its shape.
        map_count: Number of maps.
        class_count: Number of classes.

    Source:
        Chen et al. 2021, sections 3.2 and 3.3. Batch normalisation in the stem, where theirs has standardised weights
        and group normalisation; no pretrained weights, and transformer layers that begin as the identity.
    """

    exact_tiles = False

    def __init__(self, recipe: TransUNetRecipe, map_count: int, class_count: int) -> None:
        super().__init__(map_count, class_count)
        self.stride, self.margin = STRIDE, MARGIN_PX
        stem_widths = [recipe.stem_width * factor for factor in (1, 4, 8, 16)]
        self.root = nn.Sequential(*_convolution(3, recipe.stem_width, 7, stride=2))
        self.stem = nn.ModuleList(
            _stem_level(inputs, outputs, blocks, stride=stride)
            for (inputs, outputs), blocks, stride in zip(
                pairwise(stem_widths), recipe.stem_blocks, (1, 2, 2), strict=True
            )
        )
        self.embed = nn.Conv2d(stem_widths[-1], recipe.width, 1)
        self.positions = nn.Parameter(torch.zeros(1, recipe.width, recipe.positions, recipe.positions))
        self.transformer = nn.Sequential(
            *(
                TransformerLayer(recipe.width, GlobalAttention(recipe.width, recipe.heads), expansion=_EXPANSION)
                for _ in range(recipe.layers)
            ),
            nn.LayerNorm(recipe.width),
        )
        self.bridge = nn.Sequential(*_convolution(recipe.width, recipe.bridge, 3))
        deep, passed = (recipe.bridge, *recipe.decoder[:-1]), (*stem_widths[-2::-1], 0)
        self.decoder = nn.ModuleList(
            nn.Sequential(*_convolution(below + beside, outputs, 3), *_convolution(outputs, outputs, 3))
            for below, beside, outputs in zip(deep, passed, recipe.decoder, strict=True)
        )
        self.head = nn.Conv2d(recipe.decoder[-1], self.channels, 3, padding=1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (N, M, H, W) and class logits (N, C, H, W) of images (N, 3, H, W)."""
        x = self.root(images)
        passed = [x]
        x = functional.max_pool2d(x, 3, stride=2, padding=1)
        for level in self.stem:
            x = level(x)
            passed.append(x)
        passed.pop()
        embedded = self.embed(x)
        x = from_tokens(self.transformer(to_tokens(embedded + stretched(self.positions, embedded.shape[-2:]))))
        x = self.bridge(x)
        for block in self.decoder:
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(torch.cat([x, passed.pop()], dim=1) if passed else x)
        return self.split(self.head(x))


def stretched(positions: Tensor, size: torch.Size) -> Tensor:
    """Return position embeddings (1, C, G, G) of a grid of another size, (1, C, H, W), bilinearly interpolated.

    Source:
        Dosovitskiy et al. 2021, section 3.2, for images of another size than those trained on.
    """
    if positions.shape[-2:] == size:
        return positions
    return functional.interpolate(positions, size, mode="bilinear", align_corners=False)


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions beside a shortcut, with a quarter of the channels inside.

    Source:
        He et al. 2016, section 4.1.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        inside = outputs // 4
        self.block = nn.Sequential(
            *_convolution(inputs, inside, 1),
            *_convolution(inside, inside, 3, stride=stride),
            *_convolution(inside, outputs, 1)[:2],
        )
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Sequential(*_convolution(inputs, outputs, 1, stride=stride)[:2])

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, H / stride, W / stride) of (N, inputs, H, W)."""
        return functional.relu(self.block(x) + self.shortcut(x))


def _stem_level(inputs: int, outputs: int, blocks: int, *, stride: int) -> nn.Sequential:
    first = Bottleneck(inputs, outputs, stride=stride)
    return nn.Sequential(first, *(Bottleneck(outputs, outputs, stride=1) for _ in range(blocks - 1)))


def _convolution(inputs: int, outputs: int, side: int, *, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]
