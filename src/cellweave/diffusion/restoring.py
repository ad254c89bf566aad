"""From data that are noised in part back to clean data: the last stretch of a sampler's way."""

from __future__ import annotations

import torch
from torch import Tensor

from cellweave.core import InvalidInputError
from cellweave.diffusion.process import DiffusionProcess
from cellweave.diffusion.sampling import NetworkCall


@torch.inference_mode()
def restore(
    network_call: NetworkCall,
    process: DiffusionProcess,
    x_t: Tensor,
    *,
    level: int,
    steps: int,
    category: Tensor | None = None,
    condition: Tensor | None = None,
) -> Tensor:
    """Return clean data that noisy data at one level lead to, by DDIM without added noise.

    Args:
        network_call: The network, in evaluation mode.
        process: The process that it was trained with.
        x_t: Noisy data, float32 (N, C, H, W).
        level: Their noise level, 0 to T - 1.
        steps: Calls of the network, evenly over the levels from ``level`` down.
        category: One category a sample, int64 (N,).
        condition: One condition a sample, (N, Cc, H, W).

    Returns:
        float32 (N, C, H, W).

    Raises:
        InvalidInputError: The process has no such level, or there are not 1 to ``level + 1`` steps.
    """
    if not 0 <= level < process.steps or not 1 <= steps <= level + 1:
        raise InvalidInputError(
            f"level must be 0 to {process.steps - 1} and steps 1 to level + 1, got {level} and {steps}."
        )
    levels = torch.linspace(level + 1, 0, steps + 1).round().long() - 1
    x0 = x_t
    for here, then in zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True):
        t = torch.full((len(x_t),), here, device=x_t.device)
        output = network_call(x_t, t, category=category, condition=condition)
        x0 = process.x0_from(output, x_t, t, clip=True)
        if then >= 0:
            x_t = process.noisy(x0, torch.full_like(t, then), process.noise_between(x0, x_t, t))
    return x0
