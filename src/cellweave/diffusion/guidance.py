"""Classifier-free guidance: a network is asked with and without its condition, and led away from the latter."""

from __future__ import annotations

import torch
from torch import Tensor

from cellweave.diffusion.compiled import CompiledUNet
from cellweave.diffusion.deep_cache import DeepCache
from cellweave.diffusion.unet import DiffusionUNet, Kept


class GuidedNetwork:
    """A network as sampling calls it, guided towards its condition.

    What it predicts is ``y + s * (y - null)``, of its predictions with the condition and with the null one, which is 0
    everywhere. Noise, data and velocity are related by sums whose weights do not depend on the prediction, so the rule
    is the same in all of them. The variance is that with the condition. Both branches are one batch, of which an
    encoder that sees no condition runs half. What norms make of a condition is kept until another one comes.

    Args:
        network: In evaluation mode; for a scale above 0, trained with its condition dropped now and then.
        scale: s; 0 is no guidance, and costs one branch.

    Source:
        Ho and Salimans 2022 (classifier-free guidance); Shrivastava and Fletcher 2023 (NASDM), Eq. 7.
    """

    def __init__(self, network: DiffusionUNet | CompiledUNet | DeepCache, scale: float = 0.0) -> None:
        self.network, self.scale = network, scale
        self._condition: Tensor | None = None
        self._shown: Tensor | None = None
        self._kept: Kept = {}

    def __call__(self, x_t: Tensor, t: Tensor, *, category: Tensor | None, condition: Tensor | None) -> Tensor:
        """Return the guided output (N, C or 2C, H, W), float32 where it is guided.

        A condition is one that came before if it is the same tensor; do not write into it.
        """
        if condition is not self._condition or condition is None:
            self._condition, self._kept, self._shown = condition, {}, condition
            if condition is not None and self.scale:
                self._shown = torch.cat([condition, torch.zeros_like(condition)])
        guided = self.scale != 0 and condition is not None
        output: Tensor = self.network(
            x_t, t, category=category, condition=self._shown, branches=2 if guided else 1, kept=self._kept
        )
        if not guided:
            return output
        given, null = output.float().chunk(2)
        channels = self.network.channels
        prediction = given[:, :channels] + self.scale * (given[:, :channels] - null[:, :channels])
        return torch.cat([prediction, given[:, channels:]], dim=1)
