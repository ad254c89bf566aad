"""The head of networks that are no localisers by themselves: levels overlaid, then deconvolved to the image's size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class DeconvolutionHead(nn.Module):
    """From the features of several levels to maps at full resolution.

    Every level is brought to ``width`` channels by a 1×1 convolution and, bilinearly, to the size of the finest;
    their sum is doubled in size by transposed convolutions until it has the image's resolution.

    Args:
        inputs: Channels of every level, finest first.
        finest_stride: Pixels of the image to one of the finest level; a power of two.
        outputs: Channels of the result.
        width: Channels inside.

    Source:
        Li et al. 2024 (EDT), §4.3.2, which gives no numbers; these are ours.
    """

    def __init__(self, inputs: Sequence[int], finest_stride: int, outputs: int, *, width: int = 64) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in inputs)
        doublings: list[nn.Module] = []
        for _ in range(finest_stride.bit_length() - 1):
            doublings += [
                nn.ConvTranspose2d(width, width, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
        self.deconvolution = nn.Sequential(*doublings)
        self.output = nn.Conv2d(width, outputs, 1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Return (N, outputs, H, W) of the features of all levels, finest first."""
        size = levels[0].shape[-2:]
        overlaid = torch.stack(
            [
                functional.interpolate(lateral(level), size, mode="bilinear", align_corners=False)
                for lateral, level in zip(self.lateral, levels, strict=True)
            ]
        ).sum(dim=0)
        result: Tensor = self.output(self.deconvolution(overlaid))
        return result
