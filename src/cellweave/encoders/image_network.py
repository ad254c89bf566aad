"""A small residual network of patches of stained tissue: features, and the class of the cell in the middle."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH_PX = 64
"""Side of a patch, in pixels of 0.5 µm."""

_GROUPS = 8
_LIGHT_MEAN, _LIGHT_SPREAD = 0.7, 0.2
"""About those of the grey levels of stained tissue, from 0 to 1."""


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.GroupNorm(_GROUPS, channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.GroupNorm(_GROUPS, channels),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return F.silu(maps + self.convolutions(maps))


def _halving(inner: int, outer: int) -> nn.Sequential:
    convolution = nn.Conv2d(inner, outer, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.GroupNorm(_GROUPS, outer), nn.SiLU(), _Residual(outer))


class ImageNetwork(nn.Module):
    """Pixels folded by two, then three halvings with a residual block each.

    Features are made of what the patch shows on average, at two scales, and of what its middle shows.

    Args:
        classes: Number of classes of a patch: those of cells, and background.
        widths: Channels at a half, a quarter, an eighth and a sixteenth of the side; multiples of 8.
        features: Number of features.
    """

    def __init__(self, classes: int, widths: Sequence[int] = (16, 32, 64, 128), features: int = 64) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, first, 3, padding=1, bias=False),
            nn.GroupNorm(_GROUPS, first),
            nn.SiLU(),
        )
        self.quarter = _halving(first, second)
        self.eighth = _halving(second, third)
        self.sixteenth = _halving(third, fourth)
        self.features = nn.Linear(third + 2 * fourth, features)
        self.classes = nn.Linear(features, classes)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (N, F) and logits of the classes (N, C) of patches (N, 3, 64, 64), red to blue, 0 to 1."""
        eighth = self.eighth(self.quarter(self.stem((patches - _LIGHT_MEAN) / _LIGHT_SPREAD)))
        sixteenth = self.sixteenth(eighth)
        middle = sixteenth[:, :, 1:-1, 1:-1]
        means = [maps.mean(dim=(2, 3)) for maps in (eighth, sixteenth, middle)]
        features = self.features(torch.cat(means, dim=1))
        return features, self.classes(F.silu(features))
