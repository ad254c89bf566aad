"""A training run's folder: its plan, fixed once and stored, and the model that it ends with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from cellweave.core import InvalidInputError, ModelFolderError, atomic_file
from cellweave.data import CellDataset
from cellweave.training.budget import Budget
from cellweave.training.model_folder import CONFIG, METRICS, WEIGHTS, write_model_folder
from cellweave.training.recipe import Recipe

OVERHEAD_SHARE = 0.06
"""Share of the minutes kept for everything but training steps."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps of a run.

    Attributes:
        steps: Of the final network.
        fold_steps: Of the network of each fold; 0 where there are no folds.
        step_seconds: Measured duration of a step that the plan was made from; None for an exact budget.
    """

    steps: int
    fold_steps: int = 0
    step_seconds: float | None = None


def _holds_something(folder: Path) -> bool:
    """Return whether a folder holds more than what a run that was killed before its plan was written left there."""
    return any(path.name != "training" and not path.name.startswith(".plan.json") for path in folder.rglob("*"))


def run_identity(
    recipe: Recipe, data: CellDataset | Sequence[CellDataset], budget: Budget, seed: int
) -> dict[str, Any]:
    """Return what a run depends on; one data set is written as its checksum, several as a list of theirs."""
    return {
        "recipe": recipe.model_dump(mode="json"),
        "seed": seed,
        "budget": {"steps": budget.steps, "minutes": budget.minutes},
        "data": _one_or_list([dataset.checksum for dataset in _listed(data)]),
    }


def training_record(data: CellDataset | Sequence[CellDataset], seed: int, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what ``config.json`` says of a training: its data, seed, and the facts of ``metrics.json``.

    ``data`` is one record for one data set, a list of records for several.
    """
    records = [{"name": one.name, "checksum": one.checksum, "licence": one.licence} for one in _listed(data)]
    return {"data": _one_or_list(records), "seed": seed, **facts}


def _listed(data: CellDataset | Sequence[CellDataset]) -> list[CellDataset]:
    return [data] if isinstance(data, CellDataset) else list(data)


def _one_or_list(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


class TrainingRun:
    """The folder of a run: ``training/`` while it lasts, the four files of a model folder when it has ended.

    Args:
        folder: The folder; new, or that of the same run.
        identity: What the run depends on; a run with another identity is not resumed.
        overwrite: Throw away another run that is there.

    Raises:
        InvalidInputError: The folder holds something that is not a training run, or is a file.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], *, overwrite: bool = False) -> None:
        self.folder, self.state = folder, folder / "training"
        self.identity = json.loads(json.dumps(identity))
        if folder.exists() and not folder.is_dir():
            raise InvalidInputError(f"{folder} is a file; give a folder for the model with --out.")
        if folder.is_dir() and not self._plan_file.is_file() and _holds_something(folder):
            raise InvalidInputError(f"{folder} exists and is not a training run; give another --out.")
        self._overwrite = overwrite

    def start(self) -> dict[str, Any] | None:
        """Throw away another run where that was asked for; return the metrics of this one if it has ended already.

        Returns:
            The content of ``metrics.json`` of the finished run, None when there is something to do.

        Raises:
            ModelFolderError: The folder was planned for a run with another identity, or is damaged.
        """
        if self._overwrite and self.state.is_dir():
            (self.folder / CONFIG).unlink(missing_ok=True)
            shutil.rmtree(self.state)
        if self._stored_plan() is None or not (self.folder / CONFIG).is_file():
            return None
        if not (self.folder / WEIGHTS).is_file():
            raise ModelFolderError(
                f"{self.folder} has been trained, but lacks {WEIGHTS}; copy it back, or pass --overwrite to train anew."
            )
        metrics = self.folder / METRICS
        try:
            return dict(json.loads(metrics.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ModelFolderError(f"{metrics} is damaged ({error}); pass --overwrite to train anew.") from error

    def plan(self, budget: Budget, measure: Callable[[], float], *, folds: int = 0, fold_share: float = 0.0) -> Plan:
        """Return the stored plan of this run, or make and store one.

        Args:
            budget: Steps of the final network, or minutes for everything.
            measure: Returns the duration of a step in seconds; called only for a new plan from minutes.
            folds: Number of networks trained besides the final one.
            fold_share: Steps of each of them, as a share of the final network's.

        Raises:
            ModelFolderError: The folder was planned for a run with another identity, or is damaged.
        """
        plan = self._stored_plan()
        if plan is None:
            seconds = None
            steps = budget.steps
            if steps is None:
                assert budget.minutes is not None
                seconds = round(measure(), 5)
                affordable = int(budget.minutes * 60 * (1 - OVERHEAD_SHARE) / seconds / (1 + folds * fold_share))
                steps = max(budget.least_steps, affordable)
            plan = Plan(steps, max(1, round(steps * fold_share)) if folds else 0, seconds)
            with atomic_file(self._plan_file) as partial:
                text = json.dumps({"plan": asdict(plan), "run": self.identity}, indent=2)
                partial.write_text(text + "\n", encoding="utf-8")
        return plan

    def finish(self, *, weights: dict[str, Tensor], config: dict[str, Any], metrics: dict[str, Any], card: str) -> None:
        """Write the model folder and remove the checkpoints; plan and logs stay."""
        write_model_folder(self.folder, weights=weights, config=config, metrics=metrics, card=card)
        for checkpoints in self.state.glob("*/checkpoints"):
            shutil.rmtree(checkpoints)

    @property
    def _plan_file(self) -> Path:
        return self.state / "plan.json"

    def _stored_plan(self) -> Plan | None:
        if not self._plan_file.is_file():
            return None
        try:
            stored = json.loads(self._plan_file.read_text(encoding="utf-8"))
            plan, planned_for = Plan(**stored["plan"]), dict(stored["run"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelFolderError(
                f"{self._plan_file} is damaged ({error}); pass --overwrite to train anew."
            ) from error
        # keys of either: a run with synthetic data has some that one without lacks
        either = dict.fromkeys([*self.identity, *planned_for])
        differing = [key for key in either if planned_for.get(key) != self.identity.get(key)]
        if differing:
            raise ModelFolderError(
                f"{self.folder} holds a run with another {' and '.join(differing)}; give the same settings to resume "
                "it, another --out, or --overwrite to train anew."
            )
        return plan
