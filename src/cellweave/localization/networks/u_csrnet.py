"""U-CSRNet: a VGG front end, a dilated back end, and transposed convolutions back to full resolution."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from cellweave.localization.networks.gradient_aggregation import GradientAggregation
from cellweave.localization.networks.head import DeconvolutionHead
from cellweave.localization.networks.interface import LocatorNetwork, NetworkRecipe

FRONT = ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8))
"""Channels of VGG-16's first ten convolutions, as multiples of ``width``; stages are a pooling apart."""

BACK = (8, 8, 8, 4, 2, 1)
"""Channels of the dilated convolutions, as multiples of ``width``."""

DILATION = 2
"""Of the back end; CSRNet's configuration B, its best."""

STRIDE = 2 ** (len(FRONT) - 1)


class UCSRNetRecipe(NetworkRecipe):
    """Shape of the network.

    Attributes:
        width: Channels of the first stage; all others are multiples of it. 64 in the paper.
        mga: Put the gradient aggregation module in place of the first encoder stage (M_U-CSRNet).
        theta: Share of the differences in that module, 0 to 1.
    """

    name: Literal["u-csrnet"] = "u-csrnet"
    width: int = Field(default=64, ge=2)
    mga: bool = False
    theta: float = Field(default=0.7, ge=0, le=1)

    def build(self, map_count: int, class_count: int) -> UCSRNet:
        """Return the network with random weights."""
        return UCSRNet(self, map_count, class_count)

    @property
    def stride(self) -> int:
        """Stride of the network."""
        return int(STRIDE)


class UCSRNet(LocatorNetwork):
    """CSRNet, brought back to the image's resolution by transposed convolutions.

    Args:
        recipe: Width and first stage.
        map_count: Number of maps.
        class_count: Number of classes.

    Source:
        Huang et al. 2020 (BCData), who add transposed convolutions to CSRNet (Li et al. 2018, Table 3, configuration
        B). The channels of the transposed convolutions are ours, and so is batch normalisation after every convolution
        in place of weights from ImageNet. With ``mga``: Li et al. 2024 (EDT), §4.3.2.
    """

    def __init__(self, recipe: UCSRNetRecipe, map_count: int, class_count: int) -> None:
        super().__init__(map_count, class_count)
        self.stride = recipe.stride
        self.margin = _reach(mga=recipe.mga)
        width = recipe.width
        stages: list[nn.Module] = []
        inputs = 3
        for multiples in FRONT:
            stages.append(_stage(inputs, [width * multiple for multiple in multiples]))
            inputs = width * multiples[-1]
        if recipe.mga:
            stages[0] = GradientAggregation(3, width, theta=recipe.theta)
        self.front = nn.ModuleList(stages)
        self.back = _stage(inputs, [width * multiple for multiple in BACK], dilation=DILATION)
        self.head = DeconvolutionHead([width * BACK[-1]], STRIDE, self.channels, width=width)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (N, M, H, W) and class logits (N, C, H, W) of images (N, 3, H, W)."""
        x = images
        for level, stage in enumerate(self.front):
            x = stage(functional.max_pool2d(x, 2) if level else x)
        return self.split(self.head([self.back(x)]))


def _stage(inputs: int, widths: list[int], *, dilation: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in zip([inputs, *widths], widths, strict=False):
        layers += [
            nn.Conv2d(before, after, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _reach(*, mga: bool) -> int:
    """Return how many pixels to either side of a pixel can change its output, rounded up to whole strides.

    Every 3×3 convolution sees its dilation in pixels of its level. A transposed convolution sees two pixels of its
    input, its own and the next on the side where it lies; that covers the width of the input's pixels as well.
    """
    strides = [2**level for level in range(len(FRONT))]
    first = GradientAggregation.reach if mga else len(FRONT[0])
    front = first + sum(len(stage) * stride for stage, stride in zip(FRONT[1:], strides[1:], strict=True))
    back = DILATION * len(BACK) * STRIDE
    head = sum(strides[1:])
    return int(-(-(front + back + head) // STRIDE) * STRIDE)
