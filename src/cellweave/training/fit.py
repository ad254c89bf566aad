"""The training loop that all models of the project share."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DataLoaderConfiguration
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler

from cellweave.core import CellweaveError, InvalidInputError, torch_generator
from cellweave.core.devices import choose_device
from cellweave.core.progress import Progress, silent
from cellweave.training.checkpoint import Checkpoint
from cellweave.training.recipe import FitRecipe
from cellweave.training.run_log import RunLog
from cellweave.training.stepper import Loss, SampleSource, Stepper, TrainingError


def make_accelerator(device: str = "auto") -> Accelerator:
    """Return the accelerator of this process: every process takes its share of each batch.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``; of several GPUs, CUDA_VISIBLE_DEVICES chooses.

    Raises:
        InvalidInputError: This machine has no such device, or this process has trained on another one.
    """
    if ":" in device:
        raise InvalidInputError(
            f"training takes auto, cpu, cuda or mps, got {device!r}; choose by CUDA_VISIBLE_DEVICES."
        )
    wanted = choose_device(device)
    # precision is the recipe's and autocast's: accelerate would fix one for the whole process
    accelerator = Accelerator(
        cpu=wanted.type == "cpu", mixed_precision="no", dataloader_config=DataLoaderConfiguration(split_batches=True)
    )
    if accelerator.device.type != wanted.type:
        raise InvalidInputError(
            f"device {device!r} cannot be used: this process trains on {accelerator.device.type}; start another one."
        )
    return accelerator


def fit(
    model: nn.Module,
    loss: Loss,
    samples: SampleSource,
    recipe: FitRecipe,
    *,
    folder: Path,
    steps: int,
    seed: int,
    run: dict[str, Any],
    accelerator: Accelerator,
    stage: str = "training",
    progress: Progress = silent,
) -> dict[str, Tensor]:
    """Train a model, or go on where its latest checkpoint is, and return its averaged weights.

    Step ``t`` sees the samples ``t * batch_size`` to ``(t + 1) * batch_size - 1`` and draws from a generator of
    (seed, t), so a run that was killed and resumed takes the same steps as one that never stopped.

    Args:
        model: Its weights are the initial ones; after the call the last ones, not averaged.
        loss: What is minimised.
        samples: Sample ``i`` depends on (seed, i) alone.
        recipe: How to fit.
        folder: Gets ``log.csv`` and ``checkpoints/``.
        steps: Number of steps in all.
        seed: Of the run.
        run: What else identifies the run; see :class:`Checkpoint`.
        accelerator: From :func:`make_accelerator`.
        stage: What to call the work in progress reports.
        progress: Called after every step.

    Returns:
        The averaged weights, by name, on the CPU.

    Raises:
        TrainingError: The loss is not finite.
        CompilationError: The network is to be compiled, and cannot be.
        InvalidInputError: The batch cannot be shared equally by the processes.
        ModelFolderError: The folder holds a checkpoint of another run, or a damaged one.
    """
    if recipe.batch_size % accelerator.num_processes:
        raise InvalidInputError(
            f"a batch of {recipe.batch_size} cannot be shared by {accelerator.num_processes} processes; set "
            "fit.batch_size to a multiple."
        )
    stepper = Stepper(model, loss, recipe, steps=steps, seed=seed, accelerator=accelerator)
    identity = {**run, "fit": recipe.model_dump(), "steps": steps, "seed": seed}
    checkpoint = Checkpoint(folder / "checkpoints", identity)
    checkpoint.restore(stepper)
    log = RunLog(folder / "log.csv", resume_at=stepper.step) if accelerator.is_main_process else None
    checkpoint_every = -(-recipe.checkpoint_every // recipe.log_every) * recipe.log_every
    sums: dict[str, Tensor] = {}
    since, start = 0, time.perf_counter()
    note = ""
    progress(stage, stepper.step, steps)
    for batch in _batches(samples, stepper, accelerator):
        for name, value in stepper.take(batch).items():
            sums[name] = sums.get(name, torch.zeros_like(value)) + value
        since += 1
        last = stepper.step == steps
        if stepper.step % recipe.log_every == 0 or last:
            means = {name: float(total) / since for name, total in sums.items()}
            _refuse_divergence(means, stepper.step)
            if log is not None:
                seconds = (time.perf_counter() - start) / since
                rate = stepper.learning_rate(stepper.step - 1)
                log.append(stepper.step, {**means, "learning_rate": rate, "seconds_per_step": round(seconds, 4)})
            note = f"loss {means['loss']:.4f}"
            sums, since, start = {}, 0, time.perf_counter()
        if accelerator.is_main_process and (stepper.step % checkpoint_every == 0 or last):
            checkpoint.save(stepper)
        progress(stage, stepper.step, steps, note)
    accelerator.free_memory()  # it would keep every model and optimiser of the process
    return {name: value.detach().cpu() for name, value in stepper.averaged.items()}


def _refuse_divergence(means: dict[str, float], step: int) -> None:
    if not all(abs(value) < float("inf") for value in means.values()):
        raise TrainingError(
            f"the loss is not finite at step {step} ({means}); lower the rate with --set fit.learning_rate=..., "
            "or train in fp32 with --set fit.precision=fp32."
        )


class _StepBatches(Sampler[list[int]]):
    """The sample numbers of every step that is still to be taken."""

    def __init__(self, first: int, last: int, size: int) -> None:
        self.first, self.last, self.size = first, last, size

    def __len__(self) -> int:
        return self.last - self.first

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.first, self.last):
            yield list(range(step * self.size, (step + 1) * self.size))


def _batches(samples: SampleSource, stepper: Stepper, accelerator: Accelerator) -> Iterator[dict[str, Tensor]]:
    recipe = stepper.recipe
    beside_gpu = min(8, os.cpu_count() or 1) if accelerator.device.type == "cuda" else 0
    batch_sampler = _StepBatches(stepper.step, stepper.steps, recipe.batch_size)
    loader: Any = DataLoader(
        samples,  # type: ignore[arg-type]
        batch_sampler=batch_sampler,
        num_workers=beside_gpu if recipe.workers is None else recipe.workers,
        pin_memory=accelerator.device.type == "cuda",
        generator=torch_generator(stepper.seed, "workers"),
    )
    # accelerate reads batch_size and drop_last off the batch sampler when it splits batches over processes
    batch_sampler.batch_size, batch_sampler.drop_last = recipe.batch_size, False  # type: ignore[attr-defined]
    shared = accelerator.prepare(loader) if accelerator.num_processes > 1 else loader
    for batch in _with_plain_errors(shared):
        yield {name: value.to(accelerator.device, non_blocking=True) for name, value in batch.items()}


def _with_plain_errors(loader: DataLoader[Any]) -> Iterator[dict[str, Tensor]]:
    """Yield batches; an error of a worker loses the traceback that torch puts into its message."""
    try:
        yield from loader
    except CellweaveError as error:
        lines = str(error).strip().splitlines()
        if len(lines) == 1:
            raise
        raise type(error)(lines[-1].partition(": ")[2]) from error
