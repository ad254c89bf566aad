"""The Attention U-Net: a U-Net whose skip connections pass through gates that the coarser level opens and closes."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from cellweave.localization.networks.interface import LocatorNetwork, NetworkRecipe


class AttentionUNetRecipe(NetworkRecipe):
    """Shape of the network.

    Attributes:
        width: Channels of the finest level; every coarser one has twice as many.
        levels: Number of levels; each has half the resolution of the one before.
    """

    name: Literal["attention-unet"] = "attention-unet"
    width: int = Field(default=64, ge=2)
    levels: int = Field(default=5, ge=2, le=6)

    def build(self, map_count: int, class_count: int) -> AttentionUNet:
        """Return the network with random weights."""
        return AttentionUNet(self, map_count, class_count)

    @property
    def stride(self) -> int:
        """Stride of the network."""
        return int(2 ** (self.levels - 1))


class AttentionGate(nn.Module):
    """What a skip connection passes on: its features, each pixel times a coefficient between 0 and 1.

    Features and gating signal are brought to one number of channels and one resolution, that of the gating signal,
    and added; a ReLU, a 1×1 convolution and a sigmoid make the coefficients, which are resampled to the features.

    Args:
        channels: Channels of the features, at twice the resolution of the gating signal.
        gating_channels: Channels of the gating signal.
        width: Channels inside.

    Source:
        Oktay et al. 2018, Eqs. 1 and 2 and Fig. 2, with bilinear resampling in the plane.
    """

    def __init__(self, channels: int, gating_channels: int, width: int) -> None:
        super().__init__()
        self.of_features = nn.Conv2d(channels, width, 2, stride=2, bias=False)
        self.of_gating = nn.Conv2d(gating_channels, width, 1)
        self.score = nn.Conv2d(width, 1, 1)

    def coefficients(self, features: Tensor, gating: Tensor) -> Tensor:
        """Return the coefficients (N, 1, H, W) of features (N, C, H, W), opened by a signal (N, G, H/2, W/2)."""
        added = functional.relu(self.of_features(features) + self.of_gating(gating))
        coarse = torch.sigmoid(self.score(added))
        return functional.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)

    def forward(self, features: Tensor, gating: Tensor) -> Tensor:
        """Return the gated features, (N, C, H, W)."""
        return features * self.coefficients(features, gating)


class AttentionUNet(LocatorNetwork):
    """A U-Net at full resolution with an attention gate on every skip connection but the finest.

    The finest has none in the paper either, for its features say too little of what is where. Unlike the paper it
    works in the plane, has batch normalisation, and learns from its last output alone, without deep supervision.

    Args:
        recipe: Widths and number of levels.
        map_count: Number of maps.
        class_count: Number of classes.

    Source:
        Oktay et al. 2018, §2 and Fig. 1; the U-Net is that of Ronneberger et al. 2015 with padded convolutions.
    """

    def __init__(self, recipe: AttentionUNetRecipe, map_count: int, class_count: int) -> None:
        super().__init__(map_count, class_count)
        self.stride = recipe.stride
        self.margin = _reach(recipe.levels)
        widths = [recipe.width * 2**level for level in range(recipe.levels)]
        pairs = list(zip(widths[-2::-1], widths[:0:-1], strict=True))
        self.encoder = nn.ModuleList(_block(i, o) for i, o in zip((3, *widths[:-1]), widths, strict=True))
        self.gates = nn.ModuleList(AttentionGate(fine, deep, fine) for fine, deep in pairs[:-1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(deep, fine, 2, stride=2) for fine, deep in pairs)
        self.decoder = nn.ModuleList(_block(2 * fine, fine) for fine, _ in pairs)
        self.head = nn.Conv2d(recipe.width, self.channels, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (N, M, H, W) and class logits (N, C, H, W) of images (N, 3, H, W)."""
        x = images
        passed: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool2d(x, 2) if level else x)
            passed.append(x)
        passed.pop()
        for number, (up, block) in enumerate(zip(self.up, self.decoder, strict=True)):
            skipped = passed.pop()
            if number < len(self.gates):
                skipped = self.gates[number](skipped, x)
            x = block(torch.cat([up(x), skipped], dim=1))
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


def _reach(levels: int) -> int:
    """Return how many pixels to either side of a pixel can change its output, rounded up to whole strides.

    Every convolution sees one pixel of its level to either side, every pooling or upsampling up to one more, and
    every gate one of the level that opens it.
    """
    strides: list[int] = [2**level for level in range(levels)]
    encoder = sum(2 * stride for stride in strides) + strides[-1]
    decoder = sum(2 * stride for stride in strides[:-1])
    gates = sum(strides[2:])
    return int(-(-(encoder + decoder + gates) // strides[-1]) * strides[-1])
