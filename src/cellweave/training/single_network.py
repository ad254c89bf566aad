"""A run that trains one network from a plan, as the generators do: timed, fitted, resumed."""

from __future__ import annotations

from collections.abc import Callable

from accelerate import Accelerator
from torch import Tensor, nn

from cellweave.core.progress import Progress, silent
from cellweave.training.budget import Budget, measure_step_seconds
from cellweave.training.fit import fit
from cellweave.training.recipe import FitRecipe
from cellweave.training.run import Plan, TrainingRun
from cellweave.training.stepper import Loss, SampleSource


def train_network(
    run: TrainingRun,
    make_network: Callable[[], nn.Module],
    loss: Loss,
    samples: SampleSource,
    recipe: FitRecipe,
    *,
    budget: Budget,
    seed: int,
    accelerator: Accelerator,
    stage: str,
    progress: Progress = silent,
) -> tuple[Plan, dict[str, Tensor]]:
    """Plan a run, or take its stored plan, and fit its one network; return the plan and the averaged weights.

    Args:
        run: The run; its state goes to the part ``final``.
        make_network: Returns the network with its initial weights.
        loss, samples, recipe, seed, accelerator, stage, progress: As for :func:`cellweave.training.fit`.
        budget: Steps or minutes.

    Raises:
        ModelFolderError: The folder holds a run with other settings.
        TrainingError: The loss is not finite.
    """
    plan = run.plan(
        budget, lambda: timed_step(make_network(), loss, samples, recipe, accelerator=accelerator, progress=progress)
    )
    weights = fit(
        make_network(),
        loss,
        samples,
        recipe,
        folder=run.state / "final",
        steps=plan.steps,
        seed=seed,
        run=run.identity,
        accelerator=accelerator,
        stage=stage,
        progress=progress,
    )
    return plan, weights


def timed_step(
    network: nn.Module,
    loss: Loss,
    samples: SampleSource,
    recipe: FitRecipe,
    *,
    accelerator: Accelerator,
    progress: Progress = silent,
) -> float:
    """Return the duration of a training step in seconds, and say so as work goes on."""
    progress("timing the first steps", 0, 1)
    seconds = measure_step_seconds(network, loss, samples, recipe, accelerator=accelerator)
    progress("timing the first steps", 1, 1, f"{seconds:.3f} s a step")
    return seconds
