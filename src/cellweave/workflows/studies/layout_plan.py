"""How long a study of layout models will take: steps, densities and drawing, measured before anything is trained."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch.utils.data import default_collate

from cellweave.core.devices import use_bf16
from cellweave.diffusion import sample
from cellweave.layouts import LayoutRecipe, LayoutTraining
from cellweave.maps import draw_densities
from cellweave.training import measure_step_seconds
from cellweave.workflows.studies.folder import Trial
from cellweave.workflows.studies.layout_study import BATCH, LayoutStudy
from cellweave.workflows.studies.plan import AT_LEAST_S, PlannedArm, StudyPlan

FITTED = 4
"""Images whose densities are fitted to see how long that takes."""

CALLS = 3
"""Steps of the sampler that are measured."""


@dataclass(frozen=True, slots=True)
class _Speed:
    """Of models that differ in nothing but their densities.

    Attributes:
        parameters: Of the network.
        per_step: Seconds of a training step.
        per_call: Seconds of one step of the sampler with the whole network, for a batch of layouts.
    """

    parameters: int
    per_step: float
    per_call: float


def make_layout_plan(study: LayoutStudy, missing: Sequence[Trial]) -> StudyPlan:
    """Return the plan of the trials that are missing.

    An arm is planned for the densities of its images, the steps of its models and the drawing of their layouts. Models
    that differ in nothing but how densities are fitted take the same steps: they are measured once, on the densities
    that are fitted soonest, and the fits of every arm's own on a few images.

    Args:
        study: The study.
        missing: Trials without a result.

    Raises:
        CellweaveError: A model cannot be trained on these data.
    """
    measured: dict[str, _Speed] = {}
    arms = []
    left = Counter(trial.arm for trial in missing)
    for done, arm in enumerate(study.arms, start=1):
        recipe = study.recipes[arm.name]
        alike = _with_soonest_densities(recipe)
        key = alike.model_dump_json()
        if key not in measured:
            measured[key] = _speed(study.training(alike, 0, study.folds[0], Path("timing")))
        speed = measured[key]
        calls = recipe.sampler.steps * -(-study.count // BATCH)
        of_fold = study.budget.steps * speed.per_step + calls * speed.per_call
        seconds = len(study.folds) * of_fold + _fitted_images(study, recipe) * _seconds_per_image(study, recipe)
        hours = round(seconds / 3600, 4)
        arms.append(PlannedArm(arm.name, speed.parameters, round(speed.per_step, 4), hours, left[arm.name]))
        study.progress("measuring arms", done, len(study.arms), arm.name)
    return StudyPlan(tuple(arms), round(sum(arm.hours_per_seed * arm.missing for arm in arms), 3))


def _with_soonest_densities(recipe: LayoutRecipe) -> LayoutRecipe:
    if recipe.channels.density == "none":
        return recipe
    channels = recipe.channels.model_copy(update={"density": "kde", "bandwidth": None, "components": None})
    return recipe.model_copy(update={"channels": channels})


def _speed(training: LayoutTraining) -> _Speed:
    recipe, device = training.recipe, training.accelerator.device
    network = training.network().to(device).eval()
    per_step = measure_step_seconds(
        network,
        training.loss(),
        training.samples,
        recipe.fit,
        accelerator=training.accelerator,
        at_least_s=AT_LEAST_S,
    )
    batch = default_collate([dict(training.samples[i]) for i in range(BATCH)])
    steps = min(CALLS, recipe.sampler.steps)
    start = time.perf_counter()
    sample(
        network,
        training.process,
        tuple(batch["x0"].shape[1:]),
        seed=0,
        indices=range(BATCH),
        recipe=recipe.sampler.model_copy(update={"steps": steps}),
        device=device,
        batch_size=BATCH,
        bf16=use_bf16("auto", device),
        **{name: batch[name] for name in recipe.told},
    )
    per_call = (time.perf_counter() - start) / steps
    return _Speed(sum(weight.numel() for weight in network.parameters()), per_step, per_call)


def _seconds_per_image(study: LayoutStudy, recipe: LayoutRecipe) -> float:
    """Return how long the densities of one image take, of all its classes."""
    names = study.folds[0].learnt.names("training")[:FITTED]
    images = [study.dataset.read_cells(name).scaled(1 / recipe.frame.reduce) for name in names]
    start = time.perf_counter()
    draw_densities(images, recipe.channels.density_settings())
    return (time.perf_counter() - start) / len(images)


def _fitted_images(study: LayoutStudy, recipe: LayoutRecipe) -> int:
    """Return how many images an arm fits densities of; those of copulas are kept from fold to fold."""
    names = [name for fold in study.folds for name in fold.learnt.names("training")]
    return len(set(names) if recipe.channels.density == "gmcm" else names)
