"""The log of a run: one CSV row every so many steps, cut back to the checkpoint on resumption."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from cellweave.core import TableError, atomic_file


class RunLog:
    """Rows of numbers, the first column ``step``, appended to a CSV file.

    Args:
        path: The file.
        resume_at: Keep rows up to this step and drop later ones; with 0 the file is begun anew.
    """

    def __init__(self, path: Path, *, resume_at: int = 0) -> None:
        self.path = path
        self._columns: list[str] = []
        if resume_at and path.is_file():
            kept = read_log(path)
            kept = kept[kept["step"] <= resume_at]
            self._columns = list(kept.columns)
            with atomic_file(path) as partial:
                kept.to_csv(partial, index=False)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)

    def append(self, step: int, values: Mapping[str, float]) -> None:
        """Append the row of one step; every row has the same columns."""
        row = {"step": step, **values}
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, self._columns or list(row), lineterminator="\n")
            if not self._columns:
                self._columns = list(row)
                writer.writeheader()
            writer.writerow(row)


def read_log(path: Path) -> pd.DataFrame:
    """Return a run's log, one row every so many steps.

    Raises:
        TableError: The file is missing or has no column ``step``.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise TableError(f"training log {path} cannot be read ({error}).") from error
    if "step" not in table.columns:
        raise TableError(f"training log {path} has no column 'step'.")
    return table
