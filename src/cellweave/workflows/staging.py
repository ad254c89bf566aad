"""Samples of a long generation, kept one by one, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from cellweave.core import OutputError, atomic_file


class Staging:
    """A hidden folder beside an output that holds what is finished of it; removed when the output is complete.

    Args:
        out: The output.
        identity: What the run depends on; what another run left is not used.
        overwrite: Whether ``out`` may exist, and what another run left may be thrown away.

    Raises:
        OutputError: The output exists, another run's samples are there, or the place cannot be written.
    """

    def __init__(self, out: Path, identity: dict[str, Any], *, overwrite: bool = False) -> None:
        if out.exists() and not out.is_dir():
            raise OutputError(f"{out} is a file where a folder is to be written; choose another output path.")
        if out.is_dir() and any(out.iterdir()) and not overwrite:
            raise OutputError(f"{out} exists and is not empty; choose another output folder or pass --overwrite.")
        self.folder = out.with_name(f".{out.name}.unfinished")
        wanted = json.loads(json.dumps(identity))
        record = self.folder / "run.json"
        if record.is_file() and json.loads(record.read_text(encoding="utf-8")) != wanted:
            if not overwrite:
                raise OutputError(
                    f"{self.folder} holds an unfinished run with other settings; give the same settings to go on "
                    "with it, or pass --overwrite to throw it away."
                )
            shutil.rmtree(self.folder)
        with atomic_file(record) as partial:
            partial.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")

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

    def discard(self) -> None:
        """Remove the folder: the output is complete."""
        shutil.rmtree(self.folder)
