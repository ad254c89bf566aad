"""Difference convolution: a convolution that looks at differences to its centre as well as at values."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellweave.core import InvalidInputError

KERNEL = 3


class DifferenceConv2d(nn.Conv2d):
    """A 3×3 convolution less ``theta`` times its kernel's sum times the value at the centre.

    ``y(p) = sum_n w(n) x(p + n) - theta x(p) sum_n w(n)``: 0 gives a plain convolution; 1 gives one of differences to
    the centre alone, which is blind to a constant added to the image.

    Both sums are linear, so they are one convolution, with ``theta`` times the sum of the kernel taken off its centre
    tap: training and inference cost what a plain convolution costs. Outside the image x is 0, and the second sum runs
    over the whole kernel there too: at borders the differences are those to 0.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output, whose height and width are those of the input.
        dilation: Pixels between neighbouring taps; the field is ``2 dilation + 1`` wide.
        theta: Share of the differences, 0 to 1.
        bias: Add a learnt constant to every channel.

    Raises:
        InvalidInputError: ``theta`` is not in [0, 1].

    Source:
        Li et al. 2024 (EDT), Eq. 9, after Yu et al. 2020 (central difference convolution).

    Example:
        >>> layer = DifferenceConv2d(1, 1, theta=1.0, bias=False)
        >>> flat = layer(torch.ones(1, 1, 5, 5))
        >>> bool(flat[..., 1:-1, 1:-1].abs().max() < 1e-6)
        True
    """

    def __init__(self, inputs: int, outputs: int, *, dilation: int = 1, theta: float = 0.7, bias: bool = True) -> None:
        if not 0 <= theta <= 1:
            raise InvalidInputError(f"theta, the share of the differences, must be 0 to 1, got {theta}.")
        super().__init__(inputs, outputs, KERNEL, padding=dilation, dilation=dilation, bias=bias)
        self.theta = theta

    def forward(self, x: Tensor) -> Tensor:
        """Return y (N, outputs, H, W) of x (N, inputs, H, W)."""
        return functional.conv2d(x, self.kernel(), self.bias, padding=self.padding, dilation=self.dilation)

    def kernel(self) -> Tensor:
        """Return the kernel of the one convolution that this is, (outputs, inputs, 3, 3)."""
        total = self.weight.sum(dim=(2, 3), keepdim=True)
        return self.weight - self.theta * functional.pad(total, 4 * (KERNEL // 2,))

    @torch.no_grad()
    def plain(self) -> nn.Conv2d:
        """Return the plain convolution with the same result, for inference."""
        layer = nn.Conv2d(
            self.in_channels,
            self.out_channels,
            KERNEL,
            padding=self.dilation[0],
            dilation=self.dilation[0],
            bias=self.bias is not None,
            device=self.weight.device,
            dtype=self.weight.dtype,
        )
        layer.weight.copy_(self.kernel())
        if self.bias is not None and layer.bias is not None:
            layer.bias.copy_(self.bias)
        return layer.train(self.training)
