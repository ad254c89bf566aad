"""UNeXt: a small U-Net whose coarse levels are perceptrons over shifted features instead of convolutions."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional

from cellweave.localization.networks.interface import LocatorNetwork, NetworkRecipe

PARTITIONS = 5
"""Groups of channels that are shifted by different numbers of pixels, from -2 to 2."""

CONVOLUTIONAL, LEVELS = 3, 5


class UNeXtRecipe(NetworkRecipe):
    """Shape of the network.

    Attributes:
        widths: Channels of the five levels, finest first; three of convolutions, then two of tokens. The default is
            that of the paper's text; its number of parameters, 1.47 million, is that of (16, 32, 128, 160, 256).
        hidden_factor: Channels inside a token block, as a multiple of those outside.
    """

    name: Literal["unext"] = "unext"
    widths: tuple[int, int, int, int, int] = (32, 64, 128, 160, 256)
    hidden_factor: int = Field(default=1, ge=1)

    @field_validator("widths")
    @classmethod
    def _wide_enough(cls, widths: tuple[int, int, int, int, int]) -> tuple[int, int, int, int, int]:
        if min(widths) < 1 or min(widths[CONVOLUTIONAL - 1 :]) < PARTITIONS:
            raise ValueError(f"widths must be positive, and the last three at least {PARTITIONS}")
        return widths

    def build(self, map_count: int, class_count: int) -> UNeXt:
        """Return the network with random weights."""
        return UNeXt(self, map_count, class_count)

    @property
    def stride(self) -> int:
        """Stride of the network."""
        return int(2**LEVELS)


def shifted(x: Tensor, axis: int) -> Tensor:
    """Return features (N, C, H, W), each fifth of the channels moved along an axis by -2, -1, 0, 1 or 2 pixels.

    What is moved in from outside is 0.

    Args:
        x: The features.
        axis: 2 to move along the height, 3 along the width.

    Source:
        Valanarasu and Patel 2022, §2, "Shifted MLP"; the partitions are as equal as can be.
    """
    farthest = PARTITIONS // 2
    padded = functional.pad(x, (farthest, farthest) if axis == 3 else (0, 0, farthest, farthest))
    parts = padded.tensor_split(PARTITIONS, dim=1)
    moved = [part.narrow(axis, PARTITIONS - 1 - number, x.shape[axis]) for number, part in enumerate(parts)]
    return torch.cat(moved, dim=1)


class TokenBlock(nn.Module):
    """Every pixel a token: two perceptrons, over features shifted along the width, then along the height.

    Args:
        channels: Channels of the tokens.
        hidden: Channels between the perceptrons.

    Source:
        Valanarasu and Patel 2022, Eqs. 1-4.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.across_width = nn.Linear(channels, hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.across_height = nn.Linear(hidden, channels)
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens (N, C, H, W) after the block."""
        hidden = self.across_width(shifted(tokens, 3).movedim(1, -1)).movedim(-1, 1)
        hidden = functional.gelu(self.depthwise(hidden))
        change = self.across_height(shifted(hidden, 2).movedim(1, -1))
        result: Tensor = self.norm(tokens.movedim(1, -1) + change)
        return result.movedim(-1, 1)


class UNeXt(LocatorNetwork):
    """Three convolutional levels and two of tokens, and the same way back; skip connections are added.

    Args:
        recipe: Widths.
        map_count: Number of maps.
        class_count: Number of classes.

    Source:
        Valanarasu and Patel 2022, §2 and Fig. 1, without dropout.
    """

    def __init__(self, recipe: UNeXtRecipe, map_count: int, class_count: int) -> None:
        super().__init__(map_count, class_count)
        self.stride = recipe.stride
        self.margin = _reach()
        widths = recipe.widths
        inputs = (3, *widths[:-1])
        self.encoder = nn.ModuleList(
            _convolution(i, o, stride=1 if level < CONVOLUTIONAL else 2)
            for level, (i, o) in enumerate(zip(inputs, widths, strict=True))
        )
        self.encoder_tokens = nn.ModuleList(TokenBlock(c, c * recipe.hidden_factor) for c in widths[CONVOLUTIONAL:])
        outputs = (*widths[-2::-1], widths[0])
        self.decoder = nn.ModuleList(_convolution(i, o) for i, o in zip(widths[::-1], outputs, strict=True))
        self.decoder_tokens = nn.ModuleList(TokenBlock(c, c * recipe.hidden_factor) for c in outputs[:2])
        self.head = nn.Conv2d(widths[0], self.channels, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (N, M, H, W) and class logits (N, C, H, W) of images (N, 3, H, W)."""
        x = images
        passed: list[Tensor] = []
        for level, convolution in enumerate(self.encoder):
            x = convolution(x)
            tokens = level - CONVOLUTIONAL
            x = functional.max_pool2d(x, 2) if tokens < 0 else self.encoder_tokens[tokens](x)
            passed.append(x)
        passed.pop()
        for number, convolution in enumerate(self.decoder):
            x = functional.interpolate(convolution(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            if passed:
                x = x + passed.pop()
            if number < len(self.decoder_tokens):
                x = self.decoder_tokens[number](x)
        return self.split(self.head(x))


def _convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _reach() -> int:
    """Return how many pixels to either side of a pixel can change its output, rounded up to whole strides.

    Every convolution and every interpolation sees one pixel of what it is given to either side; a token block sees
    along either axis two by the shift and one by its depthwise convolution; halving adds what a coarse pixel covers.
    """
    strides: list[int] = [2**level for level in range(LEVELS + 1)]
    encoder = sum(strides[:-1])
    decoder = 2 * sum(strides[1:])
    tokens = (PARTITIONS // 2 + 1) * (strides[5] + 2 * strides[4] + strides[3])
    covered = strides[-1] - 1
    return int(-(-(encoder + decoder + tokens + covered) // strides[-1]) * strides[-1])
