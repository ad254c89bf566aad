"""A small fully convolutional autoencoder of layouts, one channel in and out; its middle is what is kept."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

STRIDE = 8
"""Pixels of a layout raster to a pixel of the middle, in either direction."""


class LayoutAutoencoder(nn.Module):
    """Three halvings and three doublings of a raster of markers; no part of it sees the whole.

    Args:
        widths: Channels at half, a quarter and an eighth of the side.
        middle: Channels of the middle.
    """

    def __init__(self, widths: Sequence[int] = (8, 16, 32), middle: int = 12) -> None:
        super().__init__()
        first, second, third = widths
        self.encoder = nn.Sequential(
            nn.Conv2d(1, first, 5, stride=2, padding=2),
            nn.SiLU(),
            nn.Conv2d(first, second, 5, stride=2, padding=2),
            nn.SiLU(),
            nn.Conv2d(second, third, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(third, middle, 3, padding=1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(middle, third, 3, padding=1),
            nn.SiLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(third, second, 3, padding=1),
            nn.SiLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(second, first, 3, padding=1),
            nn.SiLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(first, 1, 3, padding=1),
        )

    def forward(self, rasters: Tensor) -> Tensor:
        """Return logits of the markers, (N, 1, H, W), of rasters of 0 and 1, (N, 1, H, W); H, W multiples of 8."""
        logits: Tensor = self.decoder(self.encoder(rasters))
        return logits
