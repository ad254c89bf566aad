"""The loss of a batch of clean samples: noise them at random levels, and compare what the network says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cellweave.diffusion.hybrid_loss import hybrid_loss
from cellweave.diffusion.process import DiffusionProcess
from cellweave.diffusion.weighting import WeightingRecipe


class DenoisingLoss:
    """The hybrid loss at random noise levels, one level a sample.

    Args:
        process: Noise levels and prediction.
        weighting: Of the noise levels.
        given: What the network is told beside the noisy data, of ``category`` and ``condition``; each is taken from
            the batch under its name.
        drop: Share of the samples whose condition is replaced by the null one, 0 everywhere, so that the network can
            be guided.
    """

    def __init__(
        self,
        process: DiffusionProcess,
        weighting: WeightingRecipe,
        *,
        given: Sequence[str] = (),
        drop: float = 0.0,
    ) -> None:
        self.process, self.weighting, self.given, self.drop = process, weighting, tuple(given), drop

    def __call__(
        self, model: nn.Module, batch: Mapping[str, Tensor], generator: torch.Generator
    ) -> Mapping[str, Tensor]:
        """Return ``loss`` and its parts.

        Args:
            model: The network.
            batch: ``x0``, (N, C, H, W) in [-1, 1], and what is given.
            generator: Of the step, on the CPU; draws the levels, then the noise, then which conditions are dropped.
        """
        x0 = batch["x0"]
        t = torch.randint(self.process.steps, (len(x0),), generator=generator).to(x0.device)
        noise = torch.randn(x0.shape, generator=generator).to(x0.device)
        x_t = self.process.noisy(x0, t, noise)
        told = {name: batch[name] for name in self.given}
        if self.drop:
            kept = torch.rand(len(x0), generator=generator).to(x0.device) >= self.drop
            told["condition"] = told["condition"] * kept[:, None, None, None]
        output = model(x_t, t, **told)
        return hybrid_loss(self.process, output, x0, x_t, t, noise, weighting=self.weighting)
