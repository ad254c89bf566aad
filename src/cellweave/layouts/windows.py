"""Layouts larger than the training crop: overlapping windows of one raster are denoised, and averaged each step."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from cellweave.core import InvalidInputError
from cellweave.diffusion import DiffusionProcess, NetworkCall


def window_starts(length: int, *, window: int, overlap: int) -> list[int]:
    """Return where windows begin that cover a length, evenly apart, neighbours sharing ``overlap`` or more.

    Example:
        >>> window_starts(10, window=4, overlap=1)
        [0, 3, 6]
    """
    number = math.ceil((length - window) / (window - overlap)) + 1
    return [round(start) for start in np.linspace(0, length - window, number).tolist()]


class WindowedNetwork:
    """A network, trained on windows of one size, as sampling calls it on rasters of any larger size.

    At every step the network sees each window of the noisy raster, and what it says of a pixel is the weighted mean
    over the windows that hold the pixel. Weights rise linearly over the overlap, so that no window ends abruptly. All
    windows are told the same. Windows are seen one after the other: beside the raster itself, memory is that of one
    window, and where coarse levels are reused that of their features, some times the raster's. A raster of the size of
    the window is given to the network as it is.

    Where the model pads its crops, the windows inside the raster are shown the padding that it knows: background, with
    the noise of that place, as on the way that leads from this noise to background. What it says there is left out.

    Make a new one for every batch: the first call is at the noisiest level, and what it sees is taken for the noise.

    Args:
        network: Takes windows.
        process: Of the model.
        window: Side of a window, padding included, in pixels of the raster.
        overlap: Pixels that neighbouring windows share, padding left out.
        background: Data of a pixel without cells, (channels,); needed where there is padding.
        pad: Padding of every window.

    Raises:
        InvalidInputError: Neighbours would share nothing, or everything.

    Source:
        Bar-Tal et al. 2023, "MultiDiffusion: Fusing diffusion paths for controlled image generation" (ICML), Eq. 5: the
        least-squares agreement of all windows is their weighted mean at every step. There the mean is of what a step
        makes of the windows; here it is of what the network says of them, before the step. Both are the same where a
        step is linear, that is without clipping. The weights are ours.
    """

    def __init__(
        self,
        network: NetworkCall,
        process: DiffusionProcess,
        *,
        window: int,
        overlap: int,
        background: Tensor,
        pad: int = 0,
    ) -> None:
        if not 1 <= overlap < window - 2 * pad:
            raise InvalidInputError(f"windows of {window - 2 * pad} px cannot share {overlap} px with the next one.")
        self.network, self.process, self.window, self.pad, self.overlap = network, process, window, pad, overlap
        self._background = background[None, :, None, None]
        self._noise: Tensor | None = None

    def __call__(self, x_t: Tensor, t: Tensor, *, category: Tensor | None, condition: Tensor | None) -> Tensor:
        """Return the output (N, C or 2C, H, W) for noisy data (N, C, H, W), both sides at least the window's.

        Raises:
            InvalidInputError: A side is shorter than the window.
        """
        height, width = x_t.shape[2:]
        side = self.window
        if min(height, width) < side:
            raise InvalidInputError(f"a raster of {width}×{height} px is smaller than the window of {side} px.")
        if (height, width) == (side, side):
            return self.network(x_t, t, category=category, condition=condition)
        if self._noise is None:
            self._noise = x_t
        total: Tensor | None = None
        weight = x_t.new_zeros(1, 1, height, width)
        for top in self._starts(height):
            for left in self._starts(width):
                place = (..., slice(top, top + side), slice(left, left + side))
                down, across = self._weights(top, height, x_t), self._weights(left, width, x_t)
                one = down[:, None] * across[None, :]
                piece = self._shown(x_t[place], self._noise[place], t, one)
                output = self.network(piece, t, category=category, condition=condition).float()
                if total is None:
                    total = output.new_zeros(*output.shape[:2], height, width)
                total[place] += output * one
                weight[place] += one
        assert total is not None
        return total / weight

    def _starts(self, length: int) -> list[int]:
        return window_starts(length, window=self.window, overlap=self.overlap + 2 * self.pad)

    def _weights(self, start: int, length: int, raster: Tensor) -> Tensor:
        """Return the weights (window,) along one axis of a window: 0 in padding inside the raster, then a ramp to 1."""
        weights = raster.new_ones(self.window)
        ramp = torch.arange(1, self.overlap + 1, device=raster.device, dtype=raster.dtype) / (self.overlap + 1)
        rise = torch.cat([raster.new_zeros(self.pad), ramp])
        if start > 0:
            weights[: len(rise)] *= rise
        if start + self.window < length:
            weights[self.window - len(rise) :] *= rise.flip(0)
        return weights

    def _shown(self, piece: Tensor, noise: Tensor, t: Tensor, weights: Tensor) -> Tensor:
        """Return a window with noisy background wherever it has no weight."""
        if not self.pad:
            return piece
        background = self.process.noisy(self._background.expand_as(piece), t, noise)
        return torch.where(weights == 0, background, piece)
