"""The folder of a study: one folder for every arm and seed, whose result is written last."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellweave.core import InvalidInputError, OutputError, atomic_file
from cellweave.training import Recipe
from cellweave.workflows.studies.effective_recipe import with_effective_recipe
from cellweave.workflows.studies.lock import try_lock

FORMAT = "cellweave-study"
VERSION = 1
STUDY = "study.json"
RESULT = "result.json"
ARMS = "arms"
WORK = "work"
LOCK = "lock"


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One arm of a study under one seed.

    Attributes:
        arm: Name of the arm, a file name.
        seed: Of everything random.
        identity: What the result depends on, besides what the whole study does; JSON.
        work: Returns the result, JSON, given a folder of its own to work in; called again in the same folder where it
            was stopped.
    """

    arm: str
    seed: int
    identity: dict[str, Any]
    work: Callable[[Path], dict[str, Any]]


class StudyFolder:
    """A study on disk.

    Several processes may share one: each trial is locked by the process that runs it.

    Args:
        folder: The folder; new, or that of the same study.
        identity: What all its trials depend on, JSON; a study with another identity is not gone on with.
        recipe_type: Class of the recipe in the identity, which is compared as it is after the changes there; None
            compares the identity as it is.

    Raises:
        InvalidInputError: The folder is something else.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], *, recipe_type: type[Recipe] | None = None) -> None:
        self.folder, self.recipe_type = folder, recipe_type
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))
        if folder.exists() and not folder.is_dir():
            raise InvalidInputError(f"{folder} is a file; give a folder for the study with --out.")
        if folder.is_dir() and any(folder.iterdir()) and not (folder / STUDY).is_file():
            raise InvalidInputError(f"{folder} exists and holds no study; give another --out.")

    def start(self, *, overwrite: bool = False) -> None:
        """Take over what is there of the same study, or begin it.

        Args:
            overwrite: Throw away all trials that are there, of whatever study.

        Raises:
            OutputError: The folder holds a study with other settings, or is damaged; or what is to be thrown away is
                being worked on.
        """
        if overwrite:
            self._clear()
        elif (self.folder / STUDY).is_file():
            self.require_same()
            return
        with atomic_file(self.folder / STUDY) as partial:
            partial.write_text(_json({"format": FORMAT, "version": VERSION, "study": self.identity}), encoding="utf-8")

    def require_same(self) -> None:
        """Make sure that what the folder holds, if anything, is this study.

        Raises:
            OutputError: It is a study with other settings, or damaged.
        """
        path = self.folder / STUDY
        if not path.is_file():
            return
        found = _read(path).get("study")
        lacking = [key for key in self.identity if key not in found] if isinstance(found, dict) else []
        if lacking:
            raise OutputError(
                f"{self.folder} holds a study that a version of this program without {' and '.join(lacking)} began, "
                "and results of both do not compare; give another --out, or --overwrite to throw it away."
            )
        self._require(found, self._differing(found, self.identity))

    def as_begun(self, *, may_differ: Sequence[str]) -> StudyFolder:
        """Return the study with the identity that it was begun with, to read results that none are added to.

        Args:
            may_differ: Keys of the identity that may be others than now, or lacking.

        Raises:
            OutputError: It is a study with other settings, or damaged.
        """
        path = self.folder / STUDY
        if not path.is_file():
            return self
        found = _read(path).get("study")
        differing = [key for key in self._differing(found, self.identity) if key not in may_differ]
        return StudyFolder(self.folder, self._require(found, differing), recipe_type=self.recipe_type)

    def is_of(self, identity: dict[str, Any]) -> bool:
        """Return whether the study has this identity, as far as its results can depend on it."""
        return not self._differing(self.identity, json.loads(json.dumps(identity)))

    def result(self, trial: Trial) -> dict[str, Any] | None:
        """Return the result of a trial, None where it has none yet.

        Raises:
            OutputError: The result is damaged, or that of a trial with other settings.
        """
        path = self._place(trial) / RESULT
        if not path.is_file():
            return None
        stored = _read(path)
        differing = self._differing(stored.get("trial"), self._identity_of(trial))
        if differing or not isinstance(stored.get("result"), dict):
            what = f"is of a trial with other settings ({', '.join(differing)})" if differing else "holds no result"
            raise OutputError(
                f"{path} {what}; give the same settings to go on with the study, or another --out, or --overwrite."
            )
        return dict(stored["result"])

    def results(self) -> dict[str, dict[int, dict[str, Any]]]:
        """Return all results that are there, by arm and seed, also of arms and seeds that nobody asks for now.

        Raises:
            OutputError: A result is damaged, or of a study with other settings.
        """
        found: dict[str, dict[int, dict[str, Any]]] = {}
        for path in sorted((self.folder / ARMS).glob(f"*/seed-*/{RESULT}")):
            stored = _read(path)
            try:
                trial, result = stored["trial"], stored["result"]
                own, theirs = self._comparable(self.identity), self._comparable(trial)
                differing = [key for key in own if theirs.get(key) != own[key]]
                found.setdefault(str(trial["arm"]), {})[int(trial["seed"])] = dict(result)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise OutputError(f"{path} is damaged ({error!r}); remove it to run the trial anew.") from error
            if differing:
                raise OutputError(f"{path} is of a study with other settings ({', '.join(differing)}); remove it.")
        return found

    @contextmanager
    def lock(self, trial: Trial) -> Iterator[bool]:
        """Yield whether this process alone may work on a trial for the length of the block."""
        with try_lock(self._place(trial) / LOCK) as held:
            yield held

    def run(self, trial: Trial) -> dict[str, Any]:
        """Work on a trial whose lock is held, keep its result, remove what it worked with, and return the result."""
        place = self._place(trial)
        result: dict[str, Any] = json.loads(json.dumps(trial.work(place / WORK)))
        stored = {"format": f"{FORMAT}-result", "version": VERSION, "trial": self._identity_of(trial), "result": result}
        with atomic_file(place / RESULT) as partial:
            partial.write_text(json.dumps(stored) + "\n", encoding="utf-8")
        shutil.rmtree(place / WORK, ignore_errors=True)
        return result

    def _require(self, found: Any, differing: Sequence[str]) -> dict[str, Any]:
        """Return the identity found, of which nothing differs that may not."""
        if differing or not isinstance(found, dict):
            raise OutputError(
                f"{self.folder} holds a study with other settings ({', '.join(differing)}); give the same to go on "
                "with it, another --out, or --overwrite to throw it away."
            )
        return found

    def _comparable(self, identity: dict[str, Any]) -> dict[str, Any]:
        return with_effective_recipe(identity, self.recipe_type)

    def _differing(self, found: Any, wanted: dict[str, Any]) -> list[str]:
        """Return the keys that differ between what was found and what is wanted."""
        wanted = self._comparable(wanted)
        if not isinstance(found, dict):
            return list(wanted)
        found = self._comparable(found)
        return [key for key in dict.fromkeys([*wanted, *found]) if found.get(key) != wanted.get(key)]

    def _place(self, trial: Trial) -> Path:
        return self.folder / ARMS / trial.arm / f"seed-{trial.seed}"

    def _identity_of(self, trial: Trial) -> dict[str, Any]:
        own = {"arm": trial.arm, "seed": trial.seed, **trial.identity}
        identity: dict[str, Any] = json.loads(json.dumps(self.identity | own))
        return identity

    def _clear(self) -> None:
        for lock in sorted((self.folder / ARMS).glob(f"*/*/{LOCK}")):
            with try_lock(lock) as free:
                if not free:
                    raise OutputError(
                        f"{lock.parent} is being worked on by process {lock.read_text().strip()}; stop it before "
                        "--overwrite, or give another --out."
                    )
        if (self.folder / ARMS).is_dir():
            shutil.rmtree(self.folder / ARMS)


def _read(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} is damaged ({error}); remove it, or pass --overwrite to begin anew.") from error
    if not isinstance(stored, dict) or stored.get("version") != VERSION:
        raise OutputError(f"{path} is not of this program's version {VERSION}; give another --out, or --overwrite.")
    return stored


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2) + "\n"
