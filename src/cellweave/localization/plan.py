"""What a training run will do, fixed once and stored, so that a resumed run never plans anew."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cellweave.core import ModelFolderError, atomic_file


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps of a run.

    Attributes:
        steps: Of the final network.
        fold_steps: Of the network of each fold.
        step_seconds: Measured duration of a step that the plan was made from; None for an exact budget.
    """

    steps: int
    fold_steps: int
    step_seconds: float | None = None


OVERHEAD_SHARE = 0.06
"""Share of the minutes kept for reading data, predicting out of fold and calibrating."""


def plan_steps(steps: int, share: float) -> Plan:
    """Return the plan of an exact budget: ``steps`` for the final network, a share of it for each fold's."""
    return Plan(steps, max(1, round(steps * share)))


def plan_minutes(minutes: float, step_seconds: float, *, folds: int, share: float) -> Plan:
    """Return the plan that fills some minutes, folds and calibration included."""
    available = minutes * 60 * (1 - OVERHEAD_SHARE) / step_seconds
    steps = max(1, int(available / (1 + folds * share)))
    return Plan(steps, max(1, round(steps * share)), round(step_seconds, 5))


def read_plan(path: Path, identity: dict[str, Any]) -> Plan | None:
    """Return the plan stored for this run, None when there is none.

    Raises:
        ModelFolderError: The folder was planned for a run with other settings, or the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        plan, planned_for = Plan(**stored["plan"]), stored["run"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(f"{path} is damaged ({error}); pass --overwrite to train anew.") from error
    wanted = json.loads(json.dumps(identity))
    differing = [key for key in wanted if planned_for.get(key) != wanted[key]]
    if differing:
        raise ModelFolderError(
            f"{path.parent.parent} holds a run with another {' and '.join(differing)}; give the same settings to "
            "resume it, another --out, or --overwrite to train anew."
        )
    return plan


def write_plan(path: Path, plan: Plan, identity: dict[str, Any]) -> None:
    """Store a plan with what identifies its run."""
    with atomic_file(path) as partial:
        partial.write_text(json.dumps({"plan": asdict(plan), "run": identity}, indent=2) + "\n", encoding="utf-8")
