"""Running the trials of a study, beside other processes that do the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellweave.core.progress import Progress, silent
from cellweave.workflows.studies.folder import StudyFolder, Trial


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
