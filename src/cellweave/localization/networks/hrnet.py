"""HRNet: branches at four resolutions side by side, which exchange what they see again and again."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from cellweave.localization.networks.gradient_aggregation import GradientAggregation
from cellweave.localization.networks.head import DeconvolutionHead
from cellweave.localization.networks.hrnet_parts import Bottleneck, ExchangeModule, convolution
from cellweave.localization.networks.interface import LocatorNetwork, NetworkRecipe

FINEST_STRIDE = 4
STRIDE = 32

WIDEST_OVERLAP_PX = 256
"""Tiles overlap by what a pixel sees, but by no more than this; the influence of what is farther off is minute."""


class HRNetRecipe(NetworkRecipe):
    """Shape of the network; the defaults are HRNet-W18.

    Attributes:
        width: Channels of the finest branch; each coarser one has twice those of the one before. 18, 32 and 48 are the
            paper's.
        stem_width: Channels of the stem. 64 in the paper.
        bottlenecks: Residual bottlenecks after the stem.
        modules: Number of modules with two, three and four branches.
        blocks: Residual blocks of every branch in every module.
        head_width: Channels inside the deconvolution head.
        mga: Put the gradient aggregation module in place of the stem's first convolution (M_HRNet).
        theta: Share of the differences in that module, 0 to 1.
    """

    name: Literal["hrnet"] = "hrnet"
    width: int = Field(default=18, ge=2)
    stem_width: int = Field(default=64, ge=2)
    bottlenecks: int = Field(default=4, ge=1)
    modules: tuple[PositiveInt, PositiveInt, PositiveInt] = (1, 4, 3)
    blocks: int = Field(default=4, ge=1)
    head_width: int = Field(default=64, ge=2)
    mga: bool = False
    theta: float = Field(default=0.7, ge=0, le=1)

    def build(self, map_count: int, class_count: int) -> HRNet:
        """Return the network with random weights."""
        return HRNet(self, map_count, class_count)

    @property
    def stride(self) -> int:
        """Stride of the network."""
        return STRIDE


class HRNet(LocatorNetwork):
    """HRNet from an RGB image to maps of cells and class logits.

    Args:
        recipe: Width, depth and first convolution.
        map_count: Number of maps.
        class_count: Number of classes.

    Source:
        Sun et al. 2019 (HRNetV2), with the head of Li et al. 2024 (EDT), §4.3.2: branches overlaid, then deconvolved.
        With ``mga`` the module, 3 to ``stem_width`` channels, and a pooling stand in place of the first convolution,
        which halves the resolution; the pooling is ours.
    """

    def __init__(self, recipe: HRNetRecipe, map_count: int, class_count: int) -> None:
        super().__init__(map_count, class_count)
        self.stride = recipe.stride
        reach = -(-_reach(recipe) // STRIDE) * STRIDE
        self.margin = min(reach, WIDEST_OVERLAP_PX)
        self.exact_tiles = reach <= WIDEST_OVERLAP_PX
        stem = recipe.stem_width
        first: nn.Module = convolution(3, stem, 3, stride=2)
        if recipe.mga:
            first = nn.Sequential(GradientAggregation(3, stem, theta=recipe.theta), nn.MaxPool2d(2))
        self.stem = nn.Sequential(first, convolution(stem, stem, 3, stride=2))
        wide = Bottleneck.EXPANSION * stem
        self.bottlenecks = nn.Sequential(
            *(Bottleneck(stem if number == 0 else wide, stem) for number in range(recipe.bottlenecks))
        )
        widths = [recipe.width * 2**branch for branch in range(len(recipe.modules) + 1)]
        before_finest = [wide, *widths[1:-1]]
        self.entry = convolution(wide, widths[0], 3)
        self.openings = nn.ModuleList(
            convolution(inputs, outputs, 3, stride=2) for inputs, outputs in zip(before_finest, widths[1:], strict=True)
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(ExchangeModule(widths[: 2 + number], recipe.blocks) for _ in range(count)))
            for number, count in enumerate(recipe.modules)
        )
        self.head = DeconvolutionHead(widths, FINEST_STRIDE, self.channels, width=recipe.head_width)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (N, M, H, W) and class logits (N, C, H, W) of images (N, 3, H, W)."""
        x = self.bottlenecks(self.stem(images))
        branches = [self.entry(x)]
        coarsest = x
        for opening, stage in zip(self.openings, self.stages, strict=True):
            branches = stage([*branches, opening(coarsest)])
            coarsest = branches[-1]
        return self.split(self.head(branches))


def _reach(recipe: HRNetRecipe) -> int:
    """Return how many pixels beyond a pixel's own can change its output.

    Followed branch by branch: what a pixel of the branch sees beyond the pixels of the image that it covers.
    """
    stem = (GradientAggregation.reach if recipe.mga else 1) + FINEST_STRIDE // 2
    trunk = stem + recipe.bottlenecks * FINEST_STRIDE
    reaches, coarsest = [trunk + FINEST_STRIDE], trunk
    for number, count in enumerate(recipe.modules):
        reaches.append(coarsest + FINEST_STRIDE * 2**number)
        for _ in range(count):
            reaches = _exchanged([r + 2 * recipe.blocks * s for r, s in zip(reaches, _strides(reaches), strict=True)])
        coarsest = reaches[-1]
    overlaid = max(r + 2 * s - FINEST_STRIDE for r, s in zip(reaches, _strides(reaches), strict=True))
    return overlaid + FINEST_STRIDE + FINEST_STRIDE // 2


def _strides(branches: list[int]) -> list[int]:
    return [FINEST_STRIDE * 2**branch for branch in range(len(branches))]


def _exchanged(reaches: list[int]) -> list[int]:
    # a coarser pixel covers more of the image; convolutions to a coarser branch see a pixel of every level between
    strides = _strides(reaches)
    return [max(r + abs(to - s) for r, s in zip(reaches, strides, strict=True)) for to in strides]
