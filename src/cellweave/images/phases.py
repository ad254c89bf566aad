"""The phases of a training: the whole of it, then, if the recipe wants it, a gentler one that drops conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from accelerate import Accelerator
from torch import Tensor, nn

from cellweave.core import InvalidInputError
from cellweave.core.progress import Progress, silent
from cellweave.diffusion import DenoisingLoss, DiffusionProcess
from cellweave.images.recipe import ImageRecipe
from cellweave.training import Batch, Budget, Plan, SampleSource, TrainingRun, fit, timed_step


@dataclass(frozen=True, slots=True)
class _Later:
    """Samples from a number on."""

    samples: SampleSource
    first: int

    def __getitem__(self, index: int) -> Batch:
        return self.samples[self.first + index]


def phase_steps(recipe: ImageRecipe, steps: int) -> tuple[int, int]:
    """Return the steps of the first and of the second phase, 0 for a second one that the recipe does not have.

    Raises:
        InvalidInputError: There are not enough steps for two phases.

    Example:
        >>> from cellweave.images.recipe import FineTuningRecipe
        >>> phase_steps(ImageRecipe(fine_tuning=FineTuningRecipe(share=0.2)), 1000)
        (800, 200)
    """
    if recipe.fine_tuning is None:
        return steps, 0
    if steps < 2:
        raise InvalidInputError(f"a recipe with fine_tuning trains in two phases, of a step at least, got {steps}.")
    second = min(steps - 1, max(1, round(steps * recipe.fine_tuning.share)))
    return steps - second, second


def train_phases(
    run: TrainingRun,
    make_network: Callable[[], nn.Module],
    samples: SampleSource,
    recipe: ImageRecipe,
    *,
    budget: Budget,
    seed: int,
    accelerator: Accelerator,
    progress: Progress = silent,
) -> tuple[Plan, dict[str, Tensor]]:
    """Plan a run, or take its stored plan, and train its network; return the plan and the averaged weights.

    The second phase begins with the averaged weights of the first and goes on where its samples ended. A run that was
    stopped in either goes on there.

    Args:
        run: The run; the phases' states go to the parts ``final`` and ``fine-tuning``.
        make_network: Returns the network with its initial weights.
        samples, seed, accelerator, progress: As for :func:`cellweave.training.fit`.
        recipe: Of the model.
        budget: Steps of both phases together, or minutes.

    Raises:
        InvalidInputError: There are not enough steps for two phases.
        ModelFolderError: The folder holds a run with other settings.
        TrainingError: The loss is not finite.

    Source:
        Shrivastava and Fletcher 2023 (NASDM), section 4.1.
    """
    process = DiffusionProcess(recipe.process)
    loss = DenoisingLoss(process, recipe.weighting, given=("condition",))

    def step_seconds() -> float:
        return timed_step(make_network(), loss, samples, recipe.fit, accelerator=accelerator, progress=progress)

    if budget.steps is not None:
        phase_steps(recipe, budget.steps)  # too few are to be told before they are planned
    plan = run.plan(budget, step_seconds)
    first, second = phase_steps(recipe, plan.steps)
    weights = fit(
        make_network(),
        loss,
        samples,
        recipe.fit,
        folder=run.state / "final",
        steps=first,
        seed=seed,
        run=run.identity,
        accelerator=accelerator,
        stage="training the image model",
        progress=progress,
    )
    if recipe.fine_tuning is None:
        return plan, weights
    network = make_network()
    network.load_state_dict(weights)
    weights = fit(
        network,
        DenoisingLoss(process, recipe.weighting, given=("condition",), drop=recipe.fine_tuning.drop),
        _Later(samples, first * recipe.fit.batch_size),
        recipe.fit.model_copy(update={"learning_rate": recipe.fine_tuning.learning_rate}),
        folder=run.state / "fine-tuning",
        steps=second,
        seed=seed,
        run=run.identity,
        accelerator=accelerator,
        stage="fine-tuning the image model",
        progress=progress,
    )
    return plan, weights
