"""The files that a study leaves beside its trials."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from cellweave.core import atomic_file

TABLES = "tables.md"
SCORES = "scores.csv"
DIFFERENCES = "differences.csv"
SUMMARY = "summary.json"

_DPI = 150


@dataclass(frozen=True, slots=True)
class StudyFiles:
    """Where a study's tables and figures are.

    Attributes:
        tables: Markdown.
        others: The same for programs: CSV and JSON.
        figures: PNG files.
    """

    tables: Path
    others: tuple[Path, ...]
    figures: tuple[Path, ...] = ()


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as JSON, NaN as null."""
    return [
        {str(name): None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def write_text(path: Path, text: str) -> None:
    """Write a text, whole or not at all.

    Raises:
        OutputError: The place cannot be written.
    """
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all, and return where it is.

    Raises:
        OutputError: The place cannot be written.
    """
    with atomic_file(path) as partial:
        figure.savefig(partial, format="png", dpi=_DPI)
    return path
