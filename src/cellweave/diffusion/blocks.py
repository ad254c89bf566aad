"""The parts of the diffusion U-Net: norms, residual blocks, attention, and the embedding of a noise level."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

Resample = Literal["down", "up"]

NormFactory = Callable[[int], nn.Module]
"""From channels to a norm that is called with (x, context); a decoder may be given another one than an encoder."""


class Context(NamedTuple):
    """What every block may look at beside its input.

    Attributes:
        embedding: Of noise level and category, (N, E), after its nonlinearity.
        condition: What spatially-adaptive norms look at, (N, Cc, H, W) of the data's size; None where there are none.
        kept: Scales and shifts that such norms have made of the condition, by norm, for conditions that are seen at
            many noise levels; None: they are made anew.
    """

    embedding: Tensor
    condition: Tensor | None = None
    kept: dict[nn.Module, tuple[Tensor, Tensor]] | None = None


class GroupNorm(nn.GroupNorm):
    """Group normalisation with 32 groups, or the most that divide the channels, that leaves its context aside."""

    def __init__(self, channels: int, *, affine: bool = True) -> None:
        super().__init__(math.gcd(32, channels), channels, affine=affine)

    def forward(self, x: Tensor, context: Context | None = None) -> Tensor:
        """Return ``x`` (N, C, H, W) normalised."""
        return super().forward(x)


class ScaleShiftNorm(nn.Module):
    """Group normalisation whose scale and shift come from the embedding of noise level and category.

    Args:
        channels: Of input and result.
        embedding: Length of the context's embedding.
        norm: Makes the normalisation that is scaled and shifted.

    Source:
        Dhariwal and Nichol 2021, section 3 (adaptive group normalisation).
    """

    def __init__(self, channels: int, embedding: int, norm: NormFactory = GroupNorm) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.project = nn.Linear(embedding, 2 * channels)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Return ``x`` (N, C, H, W) normalised, scaled and shifted."""
        scale, shift = self.project(context.embedding)[:, :, None, None].chunk(2, dim=1)
        return torch.addcmul(shift, self.norm(x, context), 1 + scale)


class ResidualBlock(nn.Module):
    """Norm, SiLU, convolution, twice, beside a shortcut; the last convolution starts at zero.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the result.
        embedding: Length of the context's embedding.
        dropout: Share of the values dropped before the last convolution.
        resample: Halve or double the resolution: averages of 2×2 pixels, or repeated pixels, in both branches.
        norm: Makes both norms; the second one takes scale and shift from the embedding on top.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        embedding: int,
        dropout: float,
        resample: Resample | None = None,
        norm: NormFactory = GroupNorm,
    ) -> None:
        super().__init__()
        self.resample = resample
        self.first_norm = norm(inputs)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second_norm = ScaleShiftNorm(outputs, embedding, norm)
        self.dropout = nn.Dropout(dropout)
        self.second = zeroed(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Return (N, ``outputs``, H', W') of ``x`` (N, ``inputs``, H, W)."""
        h = functional.silu(self.first_norm(x, context))
        h = self.first(_resampled(h, self.resample))
        h = self.dropout(functional.silu(self.second_norm(h, context)))
        skipped: Tensor = self.shortcut(_resampled(x, self.resample))
        added: Tensor = self.second(h)
        return skipped + added


class SelfAttention(nn.Module):
    """Every pixel attends to every pixel; the result is added to the input, and starts at zero.

    Args:
        channels: Of input and result.
        head_channels: Channels a head; fewer channels than that are one head.
    """

    def __init__(self, channels: int, head_channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // head_channels)
        self.norm = GroupNorm(channels)
        self.project = nn.Conv2d(channels, 3 * channels, 1)
        self.merge = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Return ``x`` (N, C, H, W) with what its pixels saw."""
        count, channels, height, width = x.shape
        projected = self.project(self.norm(x)).flatten(2).transpose(1, 2)  # (N, HW, 3C), no copy if channels are last
        parts = projected.reshape(count, height * width, 3, self.heads, channels // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        seen = functional.scaled_dot_product_attention(query, key, value)
        seen = seen.transpose(1, 2).reshape(count, height, width, channels).permute(0, 3, 1, 2)
        merged: Tensor = self.merge(seen)
        return x + merged


class LevelEmbedding(nn.Module):
    """Sines and cosines of a noise level, seen through two layers.

    Args:
        frequencies: Number of sines and cosines, even.
        embedding: Length of the result.
    """

    def __init__(self, frequencies: int, embedding: int) -> None:
        super().__init__()
        self.pairs = frequencies // 2
        self.layers = nn.Sequential(nn.Linear(2 * self.pairs, embedding), nn.SiLU(), nn.Linear(embedding, embedding))

    def forward(self, t: Tensor) -> Tensor:
        """Return the embedding (N, E) of noise levels ``t`` (N,)."""
        exponent = torch.arange(self.pairs, dtype=torch.float32, device=t.device) / self.pairs
        angle = t.float()[:, None] * torch.exp(-math.log(10_000) * exponent)
        embedding: Tensor = self.layers(torch.cat([angle.cos(), angle.sin()], dim=1))
        return embedding


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """Set a convolution's weights and bias to zero, and return it."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _resampled(x: Tensor, resample: Resample | None) -> Tensor:
    if resample == "down":
        return functional.avg_pool2d(x, 2)
    return functional.interpolate(x, scale_factor=2.0, mode="nearest") if resample == "up" else x
