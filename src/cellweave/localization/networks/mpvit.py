"""MPViT: at every level, patches of several sizes go through transformers side by side."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from cellweave.localization.networks.factorised_attention import ConvolutionalPosition, FactorisedAttention
from cellweave.localization.networks.head import DeconvolutionHead
from cellweave.localization.networks.interface import LocatorNetwork, NetworkRecipe
from cellweave.localization.networks.transformer import TransformerLayer, from_tokens, to_tokens

STEM_STRIDE = 4
"""Pixels to a token of the finest level."""

MARGIN_PX = 128
"""What tiles overlap by, at least; a whole number of strides."""


class MPViTRecipe(NetworkRecipe):
    """Shape of the network; that of MPViT-S.

    Attributes:
        widths: Channels of the tokens of every level, finest first; each further level has half the resolution.
        layers: Number of transformer layers of every path of a level.
        paths: Number of paths of every level: tokens of 3×3, of 5×5, of 7×7 patches and so on.
        heads: Number of attention heads; divides all widths.
        head_width: Channels of the head.
    """

    name: Literal["mpvit"] = "mpvit"
    widths: tuple[int, ...] = (64, 128, 216, 288)
    layers: tuple[int, ...] = (1, 3, 6, 3)
    paths: tuple[int, ...] = (2, 3, 3, 3)
    heads: int = Field(default=8, ge=1)
    head_width: int = Field(default=64, ge=1)

    @model_validator(mode="after")
    def _fits(self) -> MPViTRecipe:
        lengths = {len(self.widths), len(self.layers), len(self.paths)}
        if len(lengths) > 1 or 0 in lengths or min(*self.widths, *self.layers, *self.paths) < 1:
            raise ValueError("widths, layers and paths must be equally many positive numbers, one for every level")
        if any(width % self.heads for width in self.widths):
            raise ValueError(f"heads {self.heads} must divide all widths {list(self.widths)}")
        if self.widths[0] % 2:
            raise ValueError(f"the first width must be even, not {self.widths[0]}: the stem begins with half of it")
        return self

    def build(self, map_count: int, class_count: int) -> MPViT:
        """Return the network with random weights."""
        return MPViT(self, map_count, class_count)

    @property
    def stride(self) -> int:
        """Stride of the network."""
        return int(STEM_STRIDE * 2 ** (len(self.widths) - 1))


class MPViT(LocatorNetwork):
    """A multi-path vision transformer whose levels are overlaid and deconvolved to maps and class logits.

    Its attention weighs all tokens of the input at once, so that tiles are not exact.

    Args:
        recipe: Its shape.
        map_count: Number of maps.
        class_count: Number of classes.

    Source:
        Lee et al. 2022. Without dropped paths and pretrained weights, and with layers that begin as the identity.
    """

    exact_tiles = False

    def __init__(self, recipe: MPViTRecipe, map_count: int, class_count: int) -> None:
        super().__init__(map_count, class_count)
        self.stride = recipe.stride
        self.margin = -(-MARGIN_PX // recipe.stride) * recipe.stride
        widths = recipe.widths
        following = (*widths[1:], widths[-1])
        self.stem = nn.Sequential(
            *_convolution(3, widths[0] // 2, 3, stride=2), *_convolution(widths[0] // 2, widths[0], 3, stride=2)
        )
        self.levels = nn.ModuleList(
            MultiPathLevel(width, outputs, layers=layers, paths=paths, heads=recipe.heads, stride=2 if number else 1)
            for number, (width, outputs, layers, paths) in enumerate(
                zip(widths, following, recipe.layers, recipe.paths, strict=True)
            )
        )
        self.head = DeconvolutionHead(following, STEM_STRIDE, self.channels, width=recipe.head_width)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (N, M, H, W) and class logits (N, C, H, W) of images (N, 3, H, W)."""
        x = self.stem(images)
        features: list[Tensor] = []
        for level in self.levels:
            x = level(x)
            features.append(x)
        return self.split(self.head(features))


class MultiPathLevel(nn.Module):
    """Overlapping patches of several sizes, a transformer for each, and a convolution beside them.

    Patches of 5×5 are two 3×3 convolutions in a row, those of 7×7 three.

    Args:
        inputs: Channels that come in, and of the tokens.
        outputs: Channels of the result.
        layers: Number of transformer layers of every path.
        paths: Number of paths.
        heads: Number of attention heads.
        stride: 2 to halve the resolution, 1 to keep it.

    Source:
        Lee et al. 2022, sections 3.2 (multi-scale patch embedding) and 3.3 (global-to-local feature interaction).
    """

    def __init__(self, inputs: int, outputs: int, *, layers: int, paths: int, heads: int, stride: int) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(
            _depthwise_separable(inputs, stride=1 if number else stride) for number in range(paths)
        )
        self.local = nn.Sequential(
            *_convolution(inputs, inputs, 1),
            *_convolution(inputs, inputs, 3, groups=inputs),
            nn.Conv2d(inputs, inputs, 1, bias=False),
            nn.BatchNorm2d(inputs),
        )
        self.encoders = nn.ModuleList(
            nn.Sequential(
                *(
                    nn.Sequential(
                        ConvolutionalPosition(inputs), TransformerLayer(inputs, FactorisedAttention(inputs, heads))
                    )
                    for _ in range(layers)
                )
            )
            for _ in range(paths)
        )
        self.aggregate = nn.Sequential(*_convolution((paths + 1) * inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, H / stride, W / stride) of (N, inputs, H, W)."""
        seen: list[Tensor] = []
        for embedding, encoder in zip(self.embeddings, self.encoders, strict=True):
            x = embedding(x)
            if not seen:
                seen.append(x + self.local(x))
            seen.append(from_tokens(encoder(to_tokens(x))))
        result: Tensor = self.aggregate(torch.cat(seen, dim=1))
        return result


def _convolution(inputs: int, outputs: int, side: int, *, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.Hardswish(inplace=True),
    ]


def _depthwise_separable(channels: int, *, stride: int) -> nn.Sequential:
    depthwise = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, groups=channels, bias=False)
    return nn.Sequential(depthwise, *_convolution(channels, channels, 1))
