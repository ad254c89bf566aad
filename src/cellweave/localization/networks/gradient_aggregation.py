"""The multi-scale gradient aggregation (MGA) module: difference convolutions of growing dilation, stitched."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cellweave.localization.networks.difference_convolution import DifferenceConv2d

DILATIONS = (1, 2, 3, 4)


class GradientAggregation(nn.Module):
    """Features of differences within 3, 5, 7 and 9 pixels, in place of a network's first encoder stage.

    A 1×1 convolution sets the number of channels. Each of four branches takes that and the result of the branch
    before it, added ("continuous superposition"), and puts them through a difference convolution of dilation 1, 2, 3
    or 4. The four results are stitched and fused by a 1×1 convolution.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the result, whose height and width are those of the input.
        theta: Share of the differences; see :class:`DifferenceConv2d`.
        width: Channels of every branch; half of ``outputs`` when None, which makes the module cost about what the two
            convolutions cost that it replaces.

    Attributes:
        reach: How far a pixel sees, in pixels: 10, for the branches follow one another.

    Raises:
        InvalidInputError: ``theta`` is not in [0, 1].

    Source:
        Li et al. 2024 (EDT), §3.3 and Fig. 6. Ours are the width of the branches, the fusing convolution, and batch
        normalisation and ReLU after every convolution, of which the paper says nothing.
    """

    reach = sum(DILATIONS)

    def __init__(self, inputs: int, outputs: int, *, theta: float = 0.7, width: int | None = None) -> None:
        super().__init__()
        width = max(outputs // 2, 1) if width is None else width
        self.adjust = _block(nn.Conv2d(inputs, width, 1, bias=False))
        self.branches = nn.ModuleList(
            _block(DifferenceConv2d(width, width, dilation=dilation, theta=theta, bias=False)) for dilation in DILATIONS
        )
        self.fuse = _block(nn.Conv2d(len(DILATIONS) * width, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, outputs, H, W) of x (N, inputs, H, W)."""
        x = self.adjust(x)
        stitched: list[Tensor] = []
        for branch in self.branches:
            stitched.append(branch(x + stitched[-1] if stitched else x))
        result: Tensor = self.fuse(torch.cat(stitched, dim=1))
        return result


def _block(convolution: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True))
