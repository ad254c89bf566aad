"""Running the coarse levels of a U-Net in some steps alone: from one noise level to the next they change little."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from cellweave.core import InvalidInputError
from cellweave.diffusion.unet import DeepFeatures, DiffusionUNet


class DeepCache:
    """A U-Net as sampling calls it, whose levels below the finest answer for several steps where noise is weak.

    Where noise is strong, which is where the plan of a sample is decided, every step runs the whole network. Below, the
    whole network runs in one of ``interval`` steps, and its finest level alone in the others. A step may be several
    calls, as of windows one after another; their order has to be the same in every step. The features of one step are
    kept, at the resolution and with the channels of the finest level, those of all windows.

    Make a new one for every batch.

    Args:
        network: In evaluation mode.
        below: Noise level below which coarse levels answer for several steps.
        interval: Steps that they answer for, at least 1.

    Raises:
        InvalidInputError: There is no such interval.

    Source:
        Ma, Fang and Wang 2024, "DeepCache: accelerating diffusion models for free" (CVPR), section 3.2; that the
        noisiest levels are left out is ours.
    """

    def __init__(self, network: DiffusionUNet, *, below: int, interval: int) -> None:
        if interval < 1:
            raise InvalidInputError(f"coarse levels answer for 1 step or more, got an interval of {interval}.")
        self.network, self.below, self.interval = network, below, interval
        self.channels = network.channels
        self._level: int | None = None
        self._steps = 0
        self._calls = 0
        self._kept: list[DeepFeatures] = []

    def __call__(self, x_t: Tensor, t: Tensor, **told: Any) -> Tensor:
        """Return the output (N, C or 2C, H, W) for noisy data (N, C, H, W), all of one noise level."""
        level = int(t[0])
        if level != self._level:
            self._level, self._calls, self._steps = level, 0, self._steps + 1
            if not self._kept or level >= self.below or self._steps == self.interval:
                self._kept, self._steps = [], 0
        if self._calls == len(self._kept):
            self._kept.append(DeepFeatures())
        deep = self._kept[self._calls]
        self._calls += 1
        output: Tensor = self.network(x_t, t, **told, deep=deep)
        return output
