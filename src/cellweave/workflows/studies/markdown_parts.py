"""Numbers, tables and sections in Markdown, as the tables of all studies have them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

CLAIMS_IN_WORDS = (
    "The first arm minus the second, on the same seeds and {units}. *holds*: the interval lies on the side of the "
    "claim that the first is better; *does not hold*: on the other side; *not decided*: on both."
)
"""What a table of claims is; ``units`` are what the arms are compared on, in words."""


def plain(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number as text; a dash where it is not defined."""
    if math.isnan(value):
        return "–"
    return (f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}").replace("-", "−")


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell_text(row: pd.Series[Any] | Mapping[Any, Any] | None, *, signed: bool = False, digits: int = 3) -> str:
    """Return mean ± sd [low, high] of a row as text; a dash where there is none."""
    if row is None or math.isnan(row["mean"]):
        return "–"
    text = plain(row["mean"], digits, signed=signed)
    if not math.isnan(row["sd"]):
        text += f" ± {plain(row['sd'], digits)}"
    if not math.isnan(row["low"]):
        text += f" [{plain(row['low'], digits, signed=signed)}, {plain(row['high'], digits, signed=signed)}]"
    return text


def claim_text(row: Mapping[Any, Any], titles: Mapping[str, str]) -> str:
    """Return the claim that a row of differences is of, given the titles of the arms."""
    return f"{titles[row['better']]} better than {titles[row['other']]}"


def failed_section(arms: pd.DataFrame) -> list[str]:
    """Return heading and text of the arms that failed; nothing where none did."""
    failed = [f"- {arm}: {reason}" for arm, reason in zip(arms["arm"], arms["failed"], strict=True) if reason]
    return ["## Arms that did not learn under this recipe", "\n".join(failed)] if failed else []
