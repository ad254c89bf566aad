"""Drawing samples: from noise to data in batches, where sample ``i`` depends on (seed, ``i``) alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from cellweave.core import InvalidInputError, torch_generator
from cellweave.core.progress import Progress, silent
from cellweave.diffusion.process import DiffusionProcess
from cellweave.diffusion.schedulers import Sampler, SamplerRecipe


class NetworkCall(Protocol):
    """A network, or a function around one, as sampling calls it."""

    def __call__(self, x_t: Tensor, t: Tensor, *, category: Tensor | None, condition: Tensor | None) -> Tensor:
        """Return the output (N, C or 2C, H, W) for noisy data (N, C, H, W) at noise levels (N,)."""


Condition = Tensor | Callable[[Sequence[int]], Tensor]
"""Conditions of all samples, (N, Cc, H, W) in the order of the indices, or a function from the indices of a batch."""


def sample(
    network_call: NetworkCall,
    process: DiffusionProcess,
    shape: tuple[int, int, int],
    *,
    seed: int,
    indices: Sequence[int],
    recipe: SamplerRecipe,
    device: torch.device | str = "cpu",
    batch_size: int = 8,
    category: Tensor | None = None,
    condition: Condition | None = None,
    bf16: bool = False,
    progress: Progress = silent,
) -> Tensor:
    """Return the samples numbered ``indices``, float32 (N, C, H, W) on the CPU.

    A sample's noise comes bit for bit from a generator of (seed, its index), drawn on the CPU: first its starting
    point, then, with a sampler that adds noise, one field a step. Batch size and the other samples change a result
    only by the rounding of the network.

    Args:
        network_call: The network, in evaluation mode, on ``device``.
        process: The process that it was trained with.
        shape: Channels, height and width of a sample.
        seed: Of the run, >= 0.
        indices: Numbers of the samples, each >= 0.
        recipe: Sampler, steps, clipping.
        device: Where the network is.
        batch_size: Samples a call of the network.
        category: One category a sample, int64 (N,), in the order of ``indices``.
        condition: One condition a sample.
        bf16: Call the network in bfloat16 autocast; the steps themselves are float32.
        progress: Called after every step with the samples finished.

    Raises:
        InvalidInputError: Categories or conditions are not as many as indices, the batch size is below 1, the sampler
            takes too many steps, or the network's output has the wrong number of channels.
    """
    batches = sample_batches(
        network_call,
        process,
        shape,
        seed=seed,
        indices=indices,
        recipe=recipe,
        device=device,
        batch_size=batch_size,
        category=category,
        condition=condition,
        bf16=bf16,
        progress=progress,
    )
    return torch.cat([torch.empty(0, *shape), *batches])


def sample_batches(
    network_call: NetworkCall,
    process: DiffusionProcess,
    shape: tuple[int, int, int],
    *,
    seed: int,
    indices: Sequence[int],
    recipe: SamplerRecipe,
    device: torch.device | str = "cpu",
    batch_size: int = 8,
    category: Tensor | None = None,
    condition: Condition | None = None,
    bf16: bool = False,
    progress: Progress = silent,
) -> Iterator[Tensor]:
    """Yield what :func:`sample` returns, batch after batch, so that memory does not grow with their number."""
    device = torch.device(device)
    _refuse_mismatch(len(indices), batch_size, category, condition)
    for first in range(0, len(indices), batch_size):
        chosen = slice(first, first + batch_size)
        numbers = [int(i) for i in indices[chosen]]
        sampler = Sampler(process, recipe)
        generators = [torch_generator(seed, "sample", i) for i in numbers]
        x = torch.stack([torch.randn(shape, generator=generator) for generator in generators]).to(device)
        of_batch = condition(numbers) if callable(condition) else None if condition is None else condition[chosen]
        categories = None if category is None else category[chosen].to(device)
        conditions = None if of_batch is None else of_batch.to(device)
        for number, level in enumerate(sampler.levels.tolist()):
            t = torch.full((len(numbers),), level, device=device)
            with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                output = network_call(x, t, category=categories, condition=conditions)
            with torch.inference_mode():
                x = sampler.step(number, output, x, generators)
            last = number + 1 == recipe.steps
            progress(
                "sampling",
                first + (len(numbers) if last else 0),
                len(indices),
                f"step {number + 1} of {recipe.steps}",
            )
        yield x.float().cpu()


def _refuse_mismatch(count: int, batch_size: int, category: Tensor | None, condition: Condition | None) -> None:
    if batch_size < 1:
        raise InvalidInputError(f"the batch size must be at least 1, got {batch_size}.")
    for name, values in (("category", category), ("condition", condition)):
        if isinstance(values, Tensor) and len(values) != count:
            raise InvalidInputError(
                f"{name} must hold one entry for each of the {count} samples, it holds {len(values)}."
            )
