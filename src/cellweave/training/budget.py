"""How long to train: an exact number of steps, or the minutes that a number of steps is planned from, once."""

from __future__ import annotations

import copy
import statistics
import time
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import default_collate

from cellweave.core import InvalidInputError
from cellweave.training.recipe import FitRecipe
from cellweave.training.stepper import Loss, SampleSource, Stepper


@dataclass(frozen=True, slots=True)
class Budget:
    """Either ``steps`` or ``minutes``.

    Attributes:
        steps: Exact number.
        minutes: From which a number is planned.
        least_steps: Taken in any case, however long they are; only beside ``minutes``.

    Raises:
        InvalidInputError: Both or neither are given, or the one given is not positive.
    """

    steps: int | None = None
    minutes: float | None = None
    least_steps: int = 1

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise InvalidInputError("give the budget as --steps or as --minutes, one of the two.")
        if self.steps is not None and self.steps < 1:
            raise InvalidInputError(f"--steps must be at least 1, got {self.steps}.")
        if self.minutes is not None and not 0 < self.minutes < float("inf"):
            raise InvalidInputError(f"--minutes must be a positive number, got {self.minutes:g}.")


def measure_step_seconds(
    model: nn.Module,
    loss: Loss,
    samples: SampleSource,
    recipe: FitRecipe,
    *,
    accelerator: Accelerator,
    at_least_s: float = 8.0,
) -> float:
    """Return the median duration of a training step, sample preparation included, on a copy of the model.

    Args:
        model, loss, samples, recipe, accelerator: As for :func:`cellweave.training.fit`.
        at_least_s: Measure for so long, after three steps of warming up.

    Raises:
        InvalidInputError: There are several processes, each of which would measure something else.
    """
    if accelerator.num_processes > 1:
        raise InvalidInputError("--minutes is planned from the steps of one process; give --steps with several.")
    stepper = Stepper(copy.deepcopy(model), loss, recipe, steps=1000, seed=0, accelerator=accelerator)
    durations: list[float] = []
    while len(durations) < 6 or sum(durations[3:]) < at_least_s:
        start = time.perf_counter()
        first = len(durations) * recipe.batch_size
        batch = default_collate([dict(samples[first + i]) for i in range(recipe.batch_size)])
        stepper.take({name: value.to(accelerator.device) for name, value in batch.items()})
        if accelerator.device.type == "cuda":
            torch.cuda.synchronize()
        durations.append(time.perf_counter() - start)
    accelerator.free_memory()
    return statistics.median(durations[3:])
