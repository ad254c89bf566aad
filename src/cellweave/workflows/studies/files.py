"""The files that a study leaves beside its trials."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from cellweave import __version__
from cellweave.core import InvalidInputError, atomic_file
from cellweave.workflows.studies.design import Design

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


def require_results(arms: pd.DataFrame, out: Path) -> None:
    """Make sure that there is something to write tables of.

    Raises:
        InvalidInputError: No trial has ended.
    """
    if arms.empty:
        raise InvalidInputError(f"no trial of {out} has ended yet; run the study without --tables-only.")


def write_tables(
    out: Path,
    text: str,
    design: Design,
    *,
    settings: Mapping[str, Any],
    about: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
) -> StudyFiles:
    """Write the tables of a study for people and for programs, and return where they are, without any figures.

    Args:
        out: Folder.
        text: The tables in Markdown.
        design: Of the study.
        settings: Identity of the study, JSON.
        about: What else the summary says, JSON.
        tables: All tables, by name; ``scores`` and ``differences`` become CSV files, too.

    Raises:
        OutputError: A file cannot be written.
    """
    write_text(out / TABLES, text)
    write_text(out / SCORES, tables["scores"].to_csv(index=False))
    write_text(out / DIFFERENCES, tables["differences"].to_csv(index=False))
    summary = {"study": design.name, "code_version": __version__, "settings": dict(settings), **about}
    summary |= {name: records(table) for name, table in tables.items()}
    write_text(out / SUMMARY, json.dumps(summary, indent=1) + "\n")
    return StudyFiles(out / TABLES, tuple(out / name for name in (SCORES, DIFFERENCES, SUMMARY)))


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
