"""HoVer-Net's encoder and two of its decoders as a localiser."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional

from cellweave.localization.networks.interface import LocatorNetwork, NetworkRecipe

LEVELS = 4

DENSE_UNITS = (8, 4)
"""Dense units of a decoder's two coarser levels."""


class HoverNetRecipe(NetworkRecipe):
    """Shape of the network.

    Attributes:
        width: Channels of the first convolution; all others are in proportion.
        units: Residual units of the encoder's four levels, finest first; the default is ResNet-50.
        kernel_px: Side of the decoders' kernels; 3 is faster.
    """

    name: Literal["hovernet"] = "hovernet"
    width: int = Field(default=64, ge=8, multiple_of=8)
    units: tuple[int, int, int, int] = (3, 4, 6, 3)
    kernel_px: Literal[3, 5] = 5

    @field_validator("units")
    @classmethod
    def _some_everywhere(cls, units: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        if min(units) < 1:
            raise ValueError("units must be positive numbers")
        return units

    def build(self, map_count: int, class_count: int) -> HoverNet:
        """Return the network with random weights."""
        return HoverNet(self, map_count, class_count)

    @property
    def stride(self) -> int:
        """Stride of the network."""
        return int(2 ** (LEVELS - 1))


class HoverNet(LocatorNetwork):
    """A pre-activated ResNet-50 that halves the resolution three times, and a densely connected decoder an output.

    The branch of nuclear pixels draws the maps, the branch of nuclear types the class logits; without classes there
    is only the first. The branch of horizontal and vertical distances is left out: it divides touching nuclei of a
    mask, and points have no mask. Unlike the original, the decoders' convolutions are padded, so that the output has
    the size of the image.

    At full resolution it has 4 x ``width`` channels: the slowest of the convolutional networks, by far.

    Args:
        recipe: Width, units and kernels.
        map_count: Number of maps.
        class_count: Number of classes.

    Source:
        Graham et al. 2019, §3.1 and Fig. 2.
    """

    def __init__(self, recipe: HoverNetRecipe, map_count: int, class_count: int) -> None:
        super().__init__(map_count, class_count)
        width = recipe.width
        self.stride = recipe.stride
        self.margin = _reach(recipe.units, recipe.kernel_px)
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, padding=3, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        outputs = [4 * width * 2**level for level in range(LEVELS)]
        self.encoder = nn.ModuleList(
            _level(i, o, units, stride=2 if level else 1)
            for level, (i, o, units) in enumerate(zip((width, *outputs[:-1]), outputs, recipe.units, strict=True))
        )
        self.bottom = nn.Conv2d(outputs[-1], outputs[-2], 1, bias=False)
        self.pixels = _Decoder(width, recipe.kernel_px, map_count)
        self.types = _Decoder(width, recipe.kernel_px, class_count) if class_count else None

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (N, M, H, W) and class logits (N, C, H, W) of images (N, 3, H, W)."""
        x = self.stem(images)
        levels: list[Tensor] = []
        for level in self.encoder:
            x = level(x)
            levels.append(x)
        levels[-1] = self.bottom(x)
        maps: Tensor = self.pixels(levels)
        return maps, maps[:, :0] if self.types is None else self.types(levels)


class _ResidualUnit(nn.Module):
    """Three convolutions whose result is added to what they were given; the first of a level may change its size."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, first: bool) -> None:
        super().__init__()
        inner = outputs // 4
        self.layers = nn.Sequential(
            *([] if first else _activation(inputs)),  # what enters a level is activated already
            nn.Conv2d(inputs, inner, 1, bias=False),
            *_activation(inner),
            nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False),
            *_activation(inner),
            nn.Conv2d(inner, outputs, 1, bias=False),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False) if first else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.shortcut(x) + self.layers(x)
        return result


class _DenseUnit(nn.Module):
    """Two convolutions whose result is put beside what they were given."""

    def __init__(self, inputs: int, width: int, kernel_px: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_activation(inputs),
            nn.Conv2d(inputs, 2 * width, 1, bias=False),
            *_activation(2 * width),
            nn.Conv2d(2 * width, width // 2, kernel_px, padding=kernel_px // 2, groups=4, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layers(x)], dim=1)


class _Decoder(nn.Module):
    """From the four levels of the encoder to one output: doubled, added to the finer level, convolved, three times."""

    def __init__(self, width: int, kernel_px: int, outputs: int) -> None:
        super().__init__()
        coarse, middle, fine = 4 * width, 2 * width, width
        self.coarse = _dense_level(4 * coarse, coarse, DENSE_UNITS[0], width, kernel_px)
        self.middle = _dense_level(4 * middle, middle, DENSE_UNITS[1], width, kernel_px)
        self.fine = nn.Sequential(
            nn.Conv2d(4 * fine, fine, kernel_px, padding=kernel_px // 2, bias=False),
            *_activation(fine),
            nn.Conv2d(fine, outputs, 1),
        )

    def forward(self, levels: list[Tensor]) -> Tensor:
        first, second, third, x = levels
        for finer, convolutions in ((third, self.coarse), (second, self.middle), (first, self.fine)):
            x = convolutions(functional.interpolate(x, scale_factor=2.0, mode="nearest") + finer)
        return x


def _activation(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]


def _level(inputs: int, outputs: int, units: int, *, stride: int) -> nn.Sequential:
    first = _ResidualUnit(inputs, outputs, stride=stride, first=True)
    others = [_ResidualUnit(outputs, outputs, stride=1, first=False) for _ in range(units - 1)]
    return nn.Sequential(first, *others, *_activation(outputs))


def _dense_level(inputs: int, channels: int, units: int, width: int, kernel_px: int) -> nn.Sequential:
    growth = width // 2
    outputs = channels + units * growth
    return nn.Sequential(
        nn.Conv2d(inputs, channels, kernel_px, padding=kernel_px // 2, bias=False),
        *(_DenseUnit(channels + unit * growth, width, kernel_px) for unit in range(units)),
        *_activation(outputs),
        nn.Conv2d(outputs, outputs, 1, bias=False),
    )


def _reach(units: tuple[int, ...], kernel_px: int) -> int:
    """Return how many pixels to either side of a pixel can change its output, rounded up to whole strides.

    Every 3×3 convolution sees one pixel of what it is given to either side, every larger one more; halving adds what
    a coarse pixel covers.
    """
    stem = 3
    encoder: int = sum(count * 2**level - (2 ** (level - 1) if level else 0) for level, count in enumerate(units))
    deepest: int = 2 ** (LEVELS - 1)
    decoder = kernel_px // 2 * ((1 + DENSE_UNITS[0]) * deepest // 2 + (1 + DENSE_UNITS[1]) * deepest // 4 + 1)
    return int(-(-(stem + encoder + decoder + deepest - 1) // deepest) * deepest)
