"""Swin Transformer: a pyramid of layers whose attention stays within windows."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from torch import Tensor, nn

from cellweave.localization.networks.head import DeconvolutionHead
from cellweave.localization.networks.interface import LocatorNetwork, NetworkRecipe
from cellweave.localization.networks.shifted_windows import WindowAttention
from cellweave.localization.networks.transformer import TransformerLayer, from_tokens, to_tokens

PATCH_PX = 4
"""Side of the patches that become tokens."""


class SwinRecipe(NetworkRecipe):
    """Shape of the network; that of Swin-T but for the window.

    Attributes:
        width: Channels of the finest level; every further level has half the resolution and twice the channels.
        layers: Number of layers of every level, finest first; every second one has shifted windows.
        heads: Number of attention heads of every level.
        window: Side of the windows, in tokens; 7 in the paper. With 8, images whose sides are multiples of 256 pixels
            hold whole windows at all four levels.
        head_width: Channels of the head.
    """

    name: Literal["swin"] = "swin"
    width: int = Field(default=96, ge=1)
    layers: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = Field(default=8, ge=2, le=32)
    head_width: int = Field(default=64, ge=1)

    @model_validator(mode="after")
    def _fits(self) -> SwinRecipe:
        if not self.layers or len(self.layers) != len(self.heads) or min(*self.layers, *self.heads) < 1:
            raise ValueError("layers and heads must be equally many positive numbers, one for every level")
        for channels, heads in zip(self.widths, self.heads, strict=True):
            if channels % heads:
                raise ValueError(f"heads {heads} must divide the {channels} channels of their level")
        return self

    def build(self, map_count: int, class_count: int) -> Swin:
        """Return the network with random weights."""
        return Swin(self, map_count, class_count)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of every level, finest first."""
        return tuple(self.width * 2**level for level in range(len(self.layers)))

    @property
    def stride(self) -> int:
        """Stride of the network."""
        return int(PATCH_PX * 2 ** (len(self.layers) - 1))


class Swin(LocatorNetwork):
    """A Swin Transformer whose levels are overlaid and deconvolved to maps of cells and class logits.

    Tiles overlap by one window of the coarsest level. What lies farther away reaches a pixel through the windows of
    many layers, faintly: tiles are not exact. Where the side of a tile is a multiple of that window too, as 1024 is of
    the default's 256, tiles hold the same windows as the whole image.

    Args:
        recipe: Its shape.
        map_count: Number of maps.
        class_count: Number of classes.

    Source:
        Liu et al. 2021. Without dropped paths and pretrained weights, and with layers that begin as the identity.
        Own code: that of transformers fails for good once it has seen an image smaller than a window, that of MONAI
        takes wrong relative positions there, and both attend to padding.
    """

    exact_tiles = False

    def __init__(self, recipe: SwinRecipe, map_count: int, class_count: int) -> None:
        super().__init__(map_count, class_count)
        self.stride = recipe.stride
        self.margin = recipe.window * recipe.stride
        widths = recipe.widths
        self.embed = nn.Conv2d(3, recipe.width, PATCH_PX, stride=PATCH_PX)
        self.embed_norm = nn.LayerNorm(recipe.width)
        self.merges = nn.ModuleList(PatchMerging(width) for width in widths[:-1])
        self.levels = nn.ModuleList(
            nn.Sequential(
                *(
                    TransformerLayer(width, WindowAttention(width, heads, recipe.window, shifted=bool(number % 2)))
                    for number in range(layers)
                )
            )
            for width, layers, heads in zip(widths, recipe.layers, recipe.heads, strict=True)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)
        self.head = DeconvolutionHead(widths, PATCH_PX, self.channels, width=recipe.head_width)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (N, M, H, W) and class logits (N, C, H, W) of images (N, 3, H, W)."""
        return self.split(self.head(self.features(images)))

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the features of all levels, finest first: (N, width, H/4, W/4), (N, 2 width, H/8, W/8), ..."""
        tokens = self.embed_norm(to_tokens(self.embed(images)))
        features: list[Tensor] = []
        for number, (level, norm) in enumerate(zip(self.levels, self.norms, strict=True)):
            if number:
                tokens = self.merges[number - 1](tokens)
            tokens = level(tokens)
            features.append(from_tokens(norm(tokens)))
        return features


class PatchMerging(nn.Module):
    """Four tokens become one of twice the channels.

    Source:
        Liu et al. 2021, section 3.1.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduce = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (N, H/2, W/2, 2 C) of tokens (N, H, W, C)."""
        images, height, width, channels = tokens.shape
        squares = tokens.view(images, height // 2, 2, width // 2, 2, channels).permute(0, 1, 3, 4, 2, 5)
        result: Tensor = self.reduce(self.norm(squares.reshape(images, height // 2, width // 2, 4 * channels)))
        return result
