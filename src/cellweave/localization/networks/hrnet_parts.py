"""The parts of HRNet: residual blocks, and the module whose branches exchange what they see."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


def convolution(inputs: int, outputs: int, side: int, *, stride: int = 1, relu: bool = True) -> nn.Sequential:
    """Return a padded convolution with batch normalisation and, unless told otherwise, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


class Bottleneck(nn.Module):
    """A residual block of a 1×1, a 3×3 and a 1×1 convolution; the last has four times the channels.

    Args:
        inputs: Channels of the input.
        width: Channels inside.

    Source:
        He et al. 2016, Fig. 5.
    """

    EXPANSION = 4

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        outputs = self.EXPANSION * width
        self.change = nn.Sequential(
            convolution(inputs, width, 1),
            convolution(width, width, 3),
            convolution(width, outputs, 1, relu=False),
        )
        self.shortcut = nn.Identity() if inputs == outputs else convolution(inputs, outputs, 1, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, 4 width, H, W) of x (N, inputs, H, W)."""
        return functional.relu(self.shortcut(x) + self.change(x))


class ResidualBlock(nn.Module):
    """A residual block of two 3×3 convolutions.

    Args:
        width: Channels of input and output.

    Source:
        He et al. 2016, Fig. 2.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change = nn.Sequential(convolution(width, width, 3), convolution(width, width, 3, relu=False))

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the shape of x (N, width, H, W)."""
        return functional.relu(x + self.change(x))


class ExchangeSum(nn.Module):
    """One result of an exchange unit: the sum of all branches' features, brought to the resolution of one.

    Those of finer branches are brought there by 3×3 convolutions of stride 2, those of coarser ones by a 1×1
    convolution and nearest-neighbour upsampling.

    Args:
        widths: Channels of every branch, finest first; each has half the resolution of the one before.
        target: Number of the branch that the result is for.

    Source:
        Sun et al. 2019, §3, Fig. 3.
    """

    def __init__(self, widths: Sequence[int], target: int) -> None:
        super().__init__()
        self.target = target
        self.paths = nn.ModuleList(_path(widths, source, target) for source in range(len(widths)))

    def forward(self, branches: Sequence[Tensor]) -> Tensor:
        """Return features of the shape of those of the target branch."""
        size = branches[self.target].shape[-2:]
        total = branches[self.target]
        for source, path in enumerate(self.paths):
            if source < self.target:
                total = total + path(branches[source])
            elif source > self.target:
                total = total + functional.interpolate(path(branches[source]), size, mode="nearest")
        return functional.relu(total)


class ExchangeModule(nn.Module):
    """Branches at several resolutions, each of residual blocks, and one exchange unit between all of them.

    Args:
        widths: Channels of every branch, finest first; each has half the resolution of the one before.
        blocks: Residual blocks of every branch.

    Source:
        Sun et al. 2019, §3, Fig. 2 to 4.
    """

    def __init__(self, widths: Sequence[int], blocks: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(ResidualBlock(width) for _ in range(blocks))) for width in widths)
        self.exchange = nn.ModuleList(ExchangeSum(widths, target) for target in range(len(widths)))

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Return the features of every branch, of the shapes of those given."""
        features = [blocks(x) for blocks, x in zip(self.branches, branches, strict=True)]
        return [exchange(features) for exchange in self.exchange]


def _path(widths: Sequence[int], source: int, target: int) -> nn.Module:
    if source == target:
        return nn.Identity()
    if source > target:
        return convolution(widths[source], widths[target], 1, relu=False)
    finer = [convolution(widths[source], widths[source], 3, stride=2) for _ in range(target - source - 1)]
    return nn.Sequential(*finer, convolution(widths[source], widths[target], 3, stride=2, relu=False))
