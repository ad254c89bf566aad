"""Attention whose cost grows with the number of tokens, not with its square, and positions by convolution."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from cellweave.localization.networks.transformer import from_tokens, to_tokens, zeroed

WINDOWS = (3, 5, 7)
"""Sides of the neighbourhoods, in tokens, within which heads know the relative position; each has a third of them."""


class FactorisedAttention(nn.Module):
    """Keys and values of all tokens become one small matrix a head, which every query is multiplied with.

    A head of d channels gives ``Q (softmax(K)ᵀ V) / √d + Q ∘ P(V)``: the softmax runs over the tokens, and P is a
    depthwise convolution over the neighbourhood of a token, the relative position encoding.

    Args:
        width: Channels of a token, a multiple of ``heads``.
        heads: Number of heads.

    Source:
        Xu et al. 2021 (CoaT), sections 3.1 and 3.2; Lee et al. 2022 (MPViT), section 3.3. Every layer has
        convolutions of its own; CoaT's share them.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = zeroed(nn.Linear(width, width))
        self.position = RelativePosition(_split(heads, width // heads))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return what is added to tokens (N, H, W, C)."""
        images, height, width, channels = tokens.shape
        query, key, value = self.project_in(tokens).chunk(3, dim=-1)
        per_head = (images, height * width, self.heads, channels // self.heads)
        q, k, v = (part.reshape(per_head).transpose(1, 2) for part in (query, key, value))
        summary = k.softmax(dim=2).transpose(2, 3) @ v
        everywhere = (q @ summary * per_head[-1] ** -0.5).transpose(1, 2).reshape(tokens.shape)
        result: Tensor = self.project_out(everywhere + query * self.position(value))
        return result


class RelativePosition(nn.Module):
    """A depthwise convolution whose neighbourhood differs between groups of channels.

    Args:
        channels: Of every group, one a side in :data:`WINDOWS`; 0 for none.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.channels = [count for count in channels if count]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(count, count, side, padding=side // 2, groups=count)
            for count, side in zip(channels, WINDOWS, strict=True)
            if count
        )

    def forward(self, values: Tensor) -> Tensor:
        """Return values (N, H, W, C), each summed over its neighbourhood with learnt weights."""
        groups = torch.split(from_tokens(values), list(self.channels), dim=1)
        summed = [convolution(group) for convolution, group in zip(self.convolutions, groups, strict=True)]
        return to_tokens(torch.cat(summed, dim=1))


class ConvolutionalPosition(nn.Module):
    """Adds to every token what a depthwise 3×3 convolution makes of its neighbourhood.

    Source:
        Chu et al. 2021 (conditional positional encodings), section 3.3.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens (N, H, W, C) that know where they are."""
        return tokens + to_tokens(self.convolution(from_tokens(tokens)))


def _split(heads: int, channels_per_head: int) -> list[int]:
    """Return how many channels each of the windows gets: whole heads, as equally many as can be."""
    ends = [heads * number // len(WINDOWS) for number in range(len(WINDOWS) + 1)]
    return [(end - start) * channels_per_head for start, end in pairwise(ends)]
