"""VGG16 as a localiser: its stages overlaid and deconvolved."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from cellweave.localization.networks.head import DeconvolutionHead
from cellweave.localization.networks.interface import LocatorNetwork, NetworkRecipe

STAGES = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))
"""Width, as a multiple of that of the first stage, and number of convolutions of every stage: configuration D."""


class Vgg16Recipe(NetworkRecipe):
    """Shape of the network.

    Attributes:
        width: Channels of the first stage; the others have 2, 4, 8 and 8 times as many.
        finest_stage: The finest stage that the head takes; it takes all coarser ones as well. Stage k has one value
            to 2^(k-1) × 2^(k-1) pixels.
        head_width: Channels inside the head.
    """

    name: Literal["vgg16"] = "vgg16"
    width: int = Field(default=64, ge=1)
    finest_stage: int = Field(default=2, ge=1, le=len(STAGES))
    head_width: int = Field(default=64, ge=1)

    def build(self, map_count: int, class_count: int) -> Vgg16:
        """Return the network with random weights."""
        return Vgg16(self, map_count, class_count)

    @property
    def stride(self) -> int:
        """Stride of the network."""
        return int(2 ** (len(STAGES) - 1))


class Vgg16(LocatorNetwork):
    """The thirteen convolutions of VGG16, the outputs of several stages overlaid, then deconvolved.

    Unlike the original every convolution is followed by batch normalisation, without which random weights hardly
    learn; the last pooling and the fully connected layers, which are for classifying whole images, are left out.

    Args:
        recipe: Widths and the stages used.
        map_count: Number of maps.
        class_count: Number of classes.

    Source:
        Simonyan and Zisserman 2015, Table 1, configuration D; the head of Li et al. 2024 (EDT), §4.3.2.
    """

    def __init__(self, recipe: Vgg16Recipe, map_count: int, class_count: int) -> None:
        super().__init__(map_count, class_count)
        self.stride = recipe.stride
        self.margin = _reach(recipe.finest_stage, recipe.stride)
        widths = [recipe.width * factor for factor, _ in STAGES]
        self.stages = nn.ModuleList(
            _stage(inputs, outputs, convolutions)
            for inputs, outputs, (_, convolutions) in zip((3, *widths[:-1]), widths, STAGES, strict=True)
        )
        self.finest = recipe.finest_stage - 1
        self.head = DeconvolutionHead(widths[self.finest :], 2**self.finest, self.channels, width=recipe.head_width)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return maps (N, M, H, W) and class logits (N, C, H, W) of images (N, 3, H, W)."""
        levels: list[Tensor] = []
        x = images
        for number, stage in enumerate(self.stages):
            x = stage(functional.max_pool2d(x, 2) if number else x)
            levels.append(x)
        return self.split(self.head(levels[self.finest :]))


def _stage(inputs: int, outputs: int, convolutions: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number in range(convolutions):
        layers += [
            nn.Conv2d(outputs if number else inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _reach(finest_stage: int, stride: int) -> int:
    """Return how many pixels to either side of a pixel can change its output, rounded up to whole strides.

    A convolution sees one pixel of its stage to either side, a pooling one of the stage before; the head's
    interpolation sees one of the coarsest stage, and each of its doublings one of what it doubles.
    """
    convolutions: int = sum(count * 2**stage for stage, (_, count) in enumerate(STAGES))
    poolings = stride - 1
    doublings: int = sum(2**stage for stage in range(1, finest_stage))
    return int(-(-(convolutions + poolings + stride + doublings) // stride) * stride)
