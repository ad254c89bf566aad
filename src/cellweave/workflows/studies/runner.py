"""Running the trials of a study, beside other processes that do the same, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from cellweave.core.progress import Progress, silent
from cellweave.training import Recipe
from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.files import StudyFiles
from cellweave.workflows.studies.folder import StudyFolder, Trial
from cellweave.workflows.studies.options import StudyOptions

TablesT = TypeVar("TablesT")


class Study(Protocol):
    """The trials of a design, and what they depend on."""

    @property
    def design(self) -> Design:
        """What is compared."""

    @property
    def options(self) -> StudyOptions:
        """What the study was made with."""

    @property
    def identity(self) -> dict[str, Any]:
        """What all trials depend on, JSON."""

    @property
    def recipe_type(self) -> type[Recipe] | None:
        """Class of the recipe in the identity that users change; None where they change none."""

    def prepare(self) -> None:
        """Read or measure what trials need, so that what is wrong is said before anything is written or run."""

    def trials(self, seeds: Sequence[int]) -> list[Trial]:
        """Return the trials of seeds: all arms of the first, then those of the next, so that what is there compares."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a study is.

    Attributes:
        finished: Number of trials that have a result.
        elsewhere: Names of trials that other processes are working on.
        missing: Names of trials that nobody has begun, or that were stopped.
    """

    finished: int
    elsewhere: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class StudySummary(Generic[TablesT]):
    """A study, as far as it is.

    Attributes:
        design: What is compared.
        tables: Of all arms and seeds that have results.
        outcome: Of the trials asked for.
        files: What was written.
    """

    design: Design
    tables: TablesT
    outcome: Outcome
    files: StudyFiles


def run_or_look(
    study: Study, *, only_tables: bool = False, may_differ: Sequence[str] = ()
) -> tuple[StudyFolder, Outcome]:
    """Run what is missing of a study, or go on with it, and return its folder and how far it is.

    The same study again goes on where it was stopped. Several processes with the same study share the work: no two run
    the same arm and seed.

    Args:
        study: What to run.
        only_tables: Run nothing: say how far the study is.
        may_differ: Keys of the identity that may be others than those that the folder's study was begun with, where
            nothing is run; the folder returned has those that it was begun with.

    Raises:
        CellweaveError: The folder is not this study's, or a trial fails for a reason other than that it does not learn.
    """
    folder, trials = _folder_and_trials(study)
    if only_tables:
        if not may_differ:
            folder.require_same()
            return folder, look(folder, trials)
        begun = folder.as_begun(may_differ=may_differ)
        return begun, (look if begun.is_of(folder.identity) else look_by_name)(begun, trials)
    overwrite = study.options.overwrite
    if not overwrite:
        folder.require_same()
    if overwrite or look(folder, trials).missing:
        study.prepare()
    folder.start(overwrite=overwrite)
    return folder, run_trials(folder, trials, progress=study.options.progress)


def missing_trials(study: Study) -> list[Trial]:
    """Return the trials of a study that have no result yet.

    Raises:
        CellweaveError: The folder is not this study's.
    """
    folder, trials = _folder_and_trials(study)
    folder.require_same()
    return [trial for trial in trials if folder.result(trial) is None]


def name_of(trial: Trial) -> str:
    """Return the name of a trial in words."""
    return f"{trial.arm}, seed {trial.seed}"


def run_trials(folder: StudyFolder, trials: Sequence[Trial], *, progress: Progress = silent) -> Outcome:
    """Run every trial that has no result yet and that no other process is working on.

    Args:
        folder: The study, started.
        trials: What to run, in this order.
        progress: Called after every trial.

    Raises:
        CellweaveError: A trial failed; what is finished stays, and the next start goes on there.
    """
    elsewhere = []
    finished = 0
    for number, trial in enumerate(trials):
        if folder.result(trial) is None:
            with folder.lock(trial) as held:
                if not held:
                    elsewhere.append(name_of(trial))
                    continue
                if folder.result(trial) is None:  # it may have been finished between the two looks
                    folder.run(trial)
        finished += 1
        progress("trials of the study", number + 1, len(trials), name_of(trial))
    return Outcome(finished, tuple(elsewhere))


def look_by_name(folder: StudyFolder, trials: Sequence[Trial]) -> Outcome:
    """Return how far a study is by arms and seeds alone, whatever settings they have."""
    results = folder.results()
    missing = [name_of(trial) for trial in trials if trial.seed not in results.get(trial.arm, {})]
    return Outcome(len(trials) - len(missing), (), tuple(missing))


def look(folder: StudyFolder, trials: Sequence[Trial]) -> Outcome:
    """Return how far a study is, without running anything."""
    missing = [name_of(trial) for trial in trials if folder.result(trial) is None]
    return Outcome(len(trials) - len(missing), (), tuple(missing))


def _folder_and_trials(study: Study) -> tuple[StudyFolder, list[Trial]]:
    folder = StudyFolder(Path(study.options.out), study.identity, recipe_type=study.recipe_type)
    return folder, study.trials(study.options.seeds)
