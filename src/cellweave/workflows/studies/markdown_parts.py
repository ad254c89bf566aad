"""Numbers and tables in Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd


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
