"""Spatially-adaptive normalisation: scale and shift of every pixel come from a semantic mask."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellweave.core import InvalidInputError
from cellweave.diffusion.blocks import Context, GroupNorm

HIDDEN_CHANNELS = 128
"""Between the mask and its scales and shifts."""


class SpatiallyAdaptiveNorm(nn.Module):
    """Group normalisation whose scale and shift are seen in the condition at every pixel (SPADE).

    The condition is resized to the input by its nearest pixels and goes through a convolution of 128 channels and a
    ReLU; a second convolution makes of it what the normalised input is scaled by, less 1, and shifted by.

    Args:
        channels: Of input and result.
        condition_channels: Of the context's condition.

    Source:
        Park et al. 2019 (SPADE), Eq. 1 and figure 3; Wang et al. 2022 (semantic diffusion), section 3.2, which puts it
        into the decoder of a diffusion U-Net; Shrivastava and Fletcher 2023 (NASDM), section 3.4.
    """

    def __init__(self, channels: int, condition_channels: int) -> None:
        super().__init__()
        self.norm = GroupNorm(channels, affine=False)
        self.look = nn.Conv2d(condition_channels, HIDDEN_CHANNELS, 3, padding=1)
        self.project = nn.Conv2d(HIDDEN_CHANNELS, 2 * channels, 3, padding=1)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Return ``x`` (N, C, H, W) normalised, scaled and shifted.

        Raises:
            InvalidInputError: The context has no condition.
        """
        if context.kept is None:
            scale, shift = self.modulation(context.condition, (x.shape[2], x.shape[3]))
        else:
            if self not in context.kept:
                context.kept[self] = self.modulation(context.condition, (x.shape[2], x.shape[3]))
            scale, shift = context.kept[self]
        return torch.addcmul(shift, self.norm(x), 1 + scale)

    def modulation(self, condition: Tensor | None, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Return scale, less 1, and shift, each (N, C, *size), of a condition (N, Cc, H, W)."""
        if condition is None:
            raise InvalidInputError("spatially-adaptive norms need a condition, and the context has none.")
        resized = functional.interpolate(condition, size=size, mode="nearest")
        scale, shift = self.project(functional.relu(self.look(resized))).chunk(2, dim=1)
        return scale, shift
