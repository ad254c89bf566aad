"""Ghost modules with convolutional block attention: cheap features, weighed by channel and by place."""

from __future__ import annotations

import torch
from torch import Tensor, nn

REDUCTION, FEWEST = 16, 4


class GhostModule(nn.Module):
    """Half of the channels by a 1×1 convolution, the other half from those by a 3×3 convolution of each alone.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output, even.
        active: Put a ReLU after both; without it the result can be added to something.

    Source:
        Han et al. 2020 (GhostNet), Eqs. 2 and 3 with s = 2 and d = 3.
    """

    def __init__(self, inputs: int, outputs: int, *, active: bool = True) -> None:
        super().__init__()
        half = outputs // 2
        self.primary = _block(nn.Conv2d(inputs, half, 1, bias=False), active=active)
        self.cheap = _block(nn.Conv2d(half, half, 3, padding=1, groups=half, bias=False), active=active)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, outputs, H, W) of x (N, inputs, H, W)."""
        primary = self.primary(x)
        return torch.cat([primary, self.cheap(primary)], dim=1)


class BlockAttention(nn.Module):
    """Features times a coefficient of their channel, then times one of their pixel, both between 0 and 1.

    Args:
        channels: Channels of the features.

    Source:
        Woo et al. 2018 (CBAM), Eqs. 2 and 3, with at least 4 channels inside the perceptron.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // REDUCTION, FEWEST)
        self.perceptron = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, channels))
        self.place = nn.Conv2d(2, 1, 7, padding=3)

    def of_channels(self, x: Tensor) -> Tensor:
        """Return the coefficients of the channels, (N, C, 1, 1)."""
        scores = self.perceptron(x.mean(dim=(2, 3))) + self.perceptron(x.amax(dim=(2, 3)))
        return torch.sigmoid(scores)[:, :, None, None]

    def of_pixels(self, x: Tensor) -> Tensor:
        """Return the coefficients of the pixels, (N, 1, H, W)."""
        return torch.sigmoid(self.place(torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the weighed features, (N, C, H, W)."""
        x = x * self.of_channels(x)
        return x * self.of_pixels(x)


class GhostBlock(nn.Module):
    """Two ghost modules and block attention, added to what they were given.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output, even.

    Source:
        The Ghost_CBAM module of Li et al. 2024 (Lite-UNet), built as the bottleneck of GhostNet with CBAM.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            GhostModule(inputs, outputs), GhostModule(outputs, outputs, active=False), BlockAttention(outputs)
        )
        self.shortcut = _block(nn.Conv2d(inputs, outputs, 1, bias=False), active=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, outputs, H, W) of x (N, inputs, H, W)."""
        result: Tensor = self.layers(x) + self.shortcut(x)
        return result


def _block(convolution: nn.Conv2d, *, active: bool) -> nn.Sequential:
    layers: list[nn.Module] = [convolution, nn.BatchNorm2d(convolution.out_channels)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if active else []))
