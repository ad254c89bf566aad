"""How long a study will take, that of localisers by measured steps, before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cellweave.localization.fitting import LocatorFitting
from cellweave.localization.sources import Fold
from cellweave.training import measure_step_seconds
from cellweave.workflows.studies.folder import Trial
from cellweave.workflows.studies.locator_study import LocatorStudy

AT_LEAST_S = 4.0
"""How long the steps of a network are measured, at least; six steps are taken in any case."""


@dataclass(frozen=True, slots=True)
class PlannedArm:
    """What one arm costs.

    Attributes:
        arm: Its name.
        parameters: Of the network of one fold.
        seconds_per_step: Measured on this machine, as busy as it is.
        hours_per_seed: Of the networks of all folds used, and of what else an arm is planned for.
        missing: Seeds that are still to be run.
    """

    arm: str
    parameters: int
    seconds_per_step: float
    hours_per_seed: float
    missing: int


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What a study costs.

    Attributes:
        arms: In the order of the study.
        hours: Of all that is missing, in one process.
    """

    arms: tuple[PlannedArm, ...]
    hours: float

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        rows = [{name: getattr(arm, name) for name in PlannedArm.__slots__} for arm in self.arms]
        return {"arms": rows, "hours": self.hours}


def make_plan(study: LocatorStudy, missing: Sequence[Trial]) -> StudyPlan:
    """Return the plan of the trials that are missing; arms of the same network are measured once.

    Args:
        study: The study.
        missing: Trials without a result.
    """
    measured: dict[str, float] = {}
    arms = []
    left = Counter(trial.arm for trial in missing)
    for done, arm in enumerate(study.arms, start=1):
        fitting = study.fitting(arm, 0)
        key = fitting.recipe.network.model_dump_json()
        if key not in measured:
            measured[key] = _seconds_per_step(fitting, study.folds[0])
        seconds = measured[key]
        hours = seconds * study.budget.steps * len(study.folds) / 3600
        parameters = sum(weight.numel() for weight in fitting.network("size").parameters())
        arms.append(PlannedArm(arm.name, parameters, round(seconds, 4), round(hours, 4), left[arm.name]))
        study.progress("measuring arms", done, len(study.arms), arm.name)
    return StudyPlan(tuple(arms), round(sum(arm.hours_per_seed * arm.missing for arm in arms), 3))


def _seconds_per_step(fitting: LocatorFitting, fold: Fold) -> float:
    return measure_step_seconds(
        fitting.network("timing"),
        fitting.loss(fold.real),
        fitting.samples("timing", fold.real),
        fitting.recipe.fit,
        accelerator=fitting.accelerator,
        at_least_s=AT_LEAST_S,
    )
