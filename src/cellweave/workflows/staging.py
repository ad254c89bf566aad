"""Samples of a long generation, kept one by one, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cellweave.core import OutputError, atomic_file

RECORD = "run.json"


class Staging:
    """A hidden folder beside an output that holds what is finished of it, for the length of a ``with`` block.

    A block that ends well leaves none, the output being complete; nor does one that fails before its first sample.

    Args:
        out: The output, a data set.
        identity: What the run depends on; what another run left is not used.
        overwrite: Whether ``out`` may be a data set already, and what another run left may be thrown away.
        inputs: Folders that are read; the output may not lie in them, nor they in it.

    Raises:
        OutputError: The output cannot be made there, or another run's samples are there.
    """

    def __init__(
        self, out: Path, identity: dict[str, Any], *, overwrite: bool = False, inputs: Sequence[Path] = ()
    ) -> None:
        place = _place_of(out, overwrite=overwrite, inputs=inputs)
        self.folder = place.with_name(f".{place.name}.unfinished")
        self._identity = json.loads(json.dumps(identity))
        if os.path.lexists(self.folder):
            self._take_over(overwrite=overwrite)

    def __enter__(self) -> Self:
        with atomic_file(self.folder / RECORD) as partial:
            partial.write_text(json.dumps(self._identity, indent=2) + "\n", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or set(os.listdir(self.folder)) == {RECORD}:
            shutil.rmtree(self.folder)

    def path(self, name: str) -> Path:
        """Return the path of one finished sample's file."""
        return self.folder / name

    def missing_batches(self, names: dict[int, str], size: int) -> list[list[int]]:
        """Return the batches, numbers of samples, of which some file is not there yet.

        Batches are whole, as a run that was never stopped makes them: the rounding of a network depends on its batch.

        Args:
            names: File of every sample.
            size: Samples a batch.
        """
        there = set(os.listdir(self.folder))
        numbers = list(names)
        batches = [numbers[first : first + size] for first in range(0, len(numbers), size)]
        return [batch for batch in batches if any(names[index] not in there for index in batch)]

    def _take_over(self, *, overwrite: bool) -> None:
        """Keep what an earlier start of the same run left, or throw away another run's where that was asked for."""
        record = self.folder / RECORD
        ours = self.folder.is_dir() and not self.folder.is_symlink()
        if ours and not record.is_file():
            ours = all(name.startswith(f".{RECORD}.partial-") for name in os.listdir(self.folder))
        if not ours:
            raise OutputError(
                f"{self.folder} is where unfinished samples are kept, and is something else; move it away, or choose "
                "another output path."
            )
        if not record.is_file():
            return
        try:
            found = json.loads(record.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            found = None
        if found == self._identity:
            return
        if not overwrite:
            raise OutputError(
                f"{self.folder} holds an unfinished run with other settings; give the same settings to go on "
                "with it, or pass --overwrite to throw it away."
            )
        shutil.rmtree(self.folder)


def _place_of(out: Path, *, overwrite: bool, inputs: Sequence[Path]) -> Path:
    """Return where a data set will really be, behind symbolic links; refuse early what its writer would refuse late."""
    place = Path(os.path.realpath(out))
    if place.is_symlink():
        raise OutputError(f"{out} is a symbolic link that leads to itself; choose another output path.")
    if Path.cwd().is_relative_to(place):
        raise OutputError(f"{out} is the folder you are in, or holds it; give the path of an output of its own.")
    for one in inputs:
        source = Path(os.path.realpath(one))
        if place.is_relative_to(source) or source.is_relative_to(place):
            raise OutputError(f"{out} is, lies in or holds {one}, which is read; choose another output path.")
    if place.exists() and not place.is_dir():
        raise OutputError(f"{out} is a file where a folder is to be written; choose another output path.")
    if place.is_dir() and any(place.iterdir()):
        if not overwrite:
            raise OutputError(f"{out} exists and is not empty; choose another output folder or pass --overwrite.")
        if not (place / "dataset.json").is_file():
            raise OutputError(f"{out} is not a data set and is not overwritten; choose another output folder.")
    return place
