"""One training step: loss, gradient, AdamW, averaged weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from cellweave.core import CellweaveError, torch_generator
from cellweave.core.compilation import compilation_errors, compiled
from cellweave.core.devices import use_bf16
from cellweave.training.recipe import FitRecipe

Batch = Mapping[str, Tensor]
"""Tensors with the batch as first axis."""

Loss = Callable[[nn.Module, Batch, torch.Generator], Mapping[str, Tensor]]
"""From model, batch and the step's generator to scalars; ``"loss"`` is minimised, all are logged."""


class SampleSource(Protocol):
    """An endless list of samples; sample ``i`` depends on the run's seed and ``i`` alone."""

    def __getitem__(self, index: int) -> Batch:
        """Return sample ``index``, tensors without a batch axis."""
        ...


class TrainingError(CellweaveError, RuntimeError):
    """Training cannot go on."""


class Stepper:
    """A model under training: its optimiser, its averaged weights and the number of steps taken.

    Args:
        model: The network; it is moved to the device of ``accelerator``.
        loss: What is minimised.
        recipe: How.
        steps: Steps of the whole run, for the schedule.
        seed: Of the run; step ``t`` draws from a generator of (seed, t).
        accelerator: Device and processes.

    Raises:
        CompilationError: The network is to be compiled, and cannot be.
    """

    def __init__(
        self, model: nn.Module, loss: Loss, recipe: FitRecipe, *, steps: int, seed: int, accelerator: Accelerator
    ) -> None:
        self.recipe, self.steps, self.seed, self.step = recipe, steps, seed, 0
        self.accelerator = accelerator
        self._loss = loss
        device = accelerator.device
        on_cpu = device.type == "cpu"
        self.bf16 = use_bf16(recipe.precision, device)
        model = model.to(device)
        optimizer = torch.optim.AdamW(
            _decayed_and_not(model, recipe.weight_decay),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=not on_cpu,
        )
        self.raw_model = model
        # what is stored and averaged is the model's own state: names of its weights do not depend on the compiling
        called = compiled(model, device) if recipe.compile else model
        self.model, self.optimizer = accelerator.prepare(called, optimizer)
        self.averaged = {name: value.detach().clone() for name, value in model.state_dict().items()}

    def learning_rate(self, step: int) -> float:
        """Return the rate of step ``step``, counted from 0: a linear rise, then a cosine to 0 or a constant."""
        rise = max(1, round(self.steps * self.recipe.warmup_share))
        if step < rise:
            return self.recipe.learning_rate * (step + 1) / rise
        if self.recipe.schedule == "constant":
            return self.recipe.learning_rate
        done = (step - rise) / max(1, self.steps - rise)
        return self.recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def take(self, batch: Batch) -> dict[str, Tensor]:
        """Take one step and return the loss and its parts, still on the device.

        Raises:
            CompilationError: The network is to be compiled, which the first step does, and cannot be.
        """
        rate = self.learning_rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        generator = torch_generator(self.seed, "step", self.step, self.accelerator.process_index)
        self.model.train()
        with compilation_errors() if self.recipe.compile else nullcontext():
            with torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.bf16):
                parts = self._loss(self.model, batch, generator)
            self.accelerator.backward(parts["loss"])
        self.accelerator.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._average()
        self.step += 1
        return {name: value.detach() for name, value in parts.items()}

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.recipe.ema_decay, (1 + self.step) / (10 + self.step))
        current = self.raw_model.state_dict()
        floating = [name for name, value in current.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.averaged[n] for n in floating], [current[n] for n in floating], 1 - decay)
        for name, value in current.items():
            if not value.is_floating_point():
                self.averaged[name].copy_(value)


def _decayed_and_not(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    matrices = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
