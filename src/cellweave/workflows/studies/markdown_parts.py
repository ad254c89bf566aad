"""Numbers and tables in Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence


def plain(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number as text; a dash where it is not defined."""
    if math.isnan(value):
        return "–"
    return (f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}").replace("-", "−")


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
