"""The diffusion U-Net compiled by torch, as sampling calls it."""

from __future__ import annotations

import torch
from torch import Tensor

from cellweave.core.compilation import compilation_errors, compiled
from cellweave.diffusion.unet import DiffusionUNet, Kept


class CompiledUNet:
    """A U-Net that torch compiles at its first call, and then as seldom as can be.

    Its answers are those of the network but for rounding. Torch compiles anew for every kind of tensor that it is
    given, so the noisy data of all steps are made of one kind. Where norms keep what they made of a condition, the
    first call with a condition goes to the network as it is: it fills what is kept, and compiled it would be a second
    program, almost as large, that runs once a batch.

    Args:
        network: In evaluation mode, on its device; it stays as it is.

    Raises:
        CompilationError: There is no compiler.
    """

    def __init__(self, network: DiffusionUNet) -> None:
        self.network, self.channels = network, network.channels
        self._compiled = compiled(network, next(network.parameters()).device)

    def __call__(
        self,
        x_t: Tensor,
        t: Tensor,
        *,
        category: Tensor | None = None,
        condition: Tensor | None = None,
        branches: int = 1,
        kept: Kept | None = None,
    ) -> Tensor:
        """Return the prediction; see :meth:`cellweave.diffusion.DiffusionUNet.forward`.

        Raises:
            CompilationError: Torch cannot compile the network.
        """
        output: Tensor
        if self.network.conditioning == "spade" and kept is not None and not kept:
            output = self.network(x_t, t, category=category, condition=condition, branches=branches, kept=kept)
            return output
        # pure noise is an ordinary tensor and what samplers return an inference tensor, in whatever memory format
        alike = x_t.clone(memory_format=torch.contiguous_format)
        with compilation_errors():
            output = self._compiled(alike, t, category=category, condition=condition, branches=branches, kept=kept)
        return output
