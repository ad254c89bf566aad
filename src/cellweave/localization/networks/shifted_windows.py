"""Attention within square windows, which every second layer shifts by half a window."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellweave.localization.networks.transformer import zeroed


class WindowAttention(nn.Module):
    """Every token attends to the tokens of its window.

    Where the sides are no multiples of the window they are padded, and nothing attends to the padding; a side of one
    window is not shifted.

    Args:
        width: Channels of a token, a multiple of ``heads``.
        heads: Number of heads.
        window: Side of a window, in tokens.
        shifted: Move the windows by half their side; those that the shift would lay around the image's edge are cut
            there.

    Source:
        Liu et al. 2021, section 3.2 and Eq. 4.
    """

    offsets: Tensor

    def __init__(self, width: int, heads: int, window: int, *, shifted: bool) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.shift = window // 2 if shifted else 0
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = zeroed(nn.Linear(width, width))
        self.position_bias = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.register_buffer("offsets", _offsets(window), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return what is added to tokens (N, H, W, C)."""
        _, height, width, _ = tokens.shape
        padded = functional.pad(tokens, (0, 0, 0, -width % self.window, 0, -height % self.window))
        rows, columns = padded.shape[1:3]
        down, right = (self.shift if side > self.window else 0 for side in (rows, columns))
        moved = padded.roll((-down, -right), (1, 2)) if down or right else padded
        seen = None
        if down or right or padded.shape != tokens.shape:
            row_regions = _regions(height, rows, down, tokens.device)
            column_regions = _regions(width, columns, right, tokens.device)
            regions = _windows((3 * row_regions[:, None] + column_regions)[None, :, :, None], self.window)[0, :, :, 0]
            seen = regions[:, :, None] == regions[:, None, :]
        attended = self._attend(_windows(moved, self.window), seen)
        back = _from_windows(self.project_out(attended), rows, columns, self.window)
        back = back.roll((down, right), (1, 2)) if down or right else back
        return back[:, :height, :width]

    def _attend(self, windows: Tensor, seen: Tensor | None) -> Tensor:
        """Return what the tokens of windows (N, K, T, C) see; ``seen`` (K, T, T) says who may see whom."""
        images, count, tokens, channels = windows.shape
        parts = self.project_in(windows).view(images, count, tokens, 3, self.heads, channels // self.heads)
        query, key, value = parts.permute(3, 0, 1, 4, 2, 5)
        bias = self.position_bias[self.offsets].permute(2, 0, 1).to(query.dtype)
        # four dimensions, which the fast kernels want: windows go with the images, or with the heads, which have masks
        if seen is None:
            first, mask = 0, bias[None]
        else:
            first, mask = 1, torch.where(seen[:, None], bias, -torch.inf).flatten(0, 1)[None]
        query, key, value = (part.flatten(first, first + 1) for part in (query, key, value))
        attended = functional.scaled_dot_product_attention(query, key, value, mask)
        return attended.view(images, count, self.heads, tokens, -1).transpose(2, 3).reshape(windows.shape)


def _offsets(window: int) -> Tensor:
    """Return for every two places of a window which entry of the table of biases is theirs, int64 (T, T)."""
    place = torch.arange(window)
    row, column = (axis.flatten() for axis in torch.meshgrid(place, place, indexing="ij"))
    down, right = row[:, None] - row[None, :], column[:, None] - column[None, :]
    return (down + window - 1) * (2 * window - 1) + right + window - 1


def _regions(size: int, padded: int, shift: int, device: torch.device) -> Tensor:
    """Return which tokens along an axis, after the shift, belong together: inside 0, from the far edge 1, padding 2."""
    place = torch.arange(padded, device=device) + shift
    return torch.where(place % padded >= size, 2, (place >= padded).long())


def _windows(tokens: Tensor, side: int) -> Tensor:
    """Return tokens (N, H, W, C) as windows (N, K, T, C)."""
    images, height, width, channels = tokens.shape
    split = tokens.view(images, height // side, side, width // side, side, channels)
    return split.transpose(2, 3).reshape(images, -1, side**2, channels)


def _from_windows(windows: Tensor, height: int, width: int, side: int) -> Tensor:
    """Return windows (N, K, T, C) as tokens (N, H, W, C)."""
    images, _, _, channels = windows.shape
    split = windows.view(images, height // side, width // side, side, side, channels)
    return split.transpose(2, 3).reshape(images, height, width, channels)
