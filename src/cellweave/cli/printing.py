"""Tables and notes in a terminal or a log, as all commands print them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.table import Table


def table_of(*columns: str, numbers: tuple[str, ...], title: str | None = None) -> Table:
    """Return a table without lines: columns of text, then columns of numbers, which stand right and are never cut."""
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, title=title, title_justify="left", title_style="")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def print_tables(*tables: Table) -> None:
    """Print tables on the standard output."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = 120  # a log or a file has no width; its lines are not to be cut at 80
    for table in tables:
        console.print(table)


def print_notes(notes: tuple[str, ...]) -> None:
    """Print what to know of the numbers above, a line each."""
    for note in notes:
        typer.echo(f"note  {note}")


def with_interval(value: float | None, ends: tuple[float, float] | None = None, *, digits: int = 1) -> str:
    """Return a number with the ends of its interval in brackets; a dash where it is not defined."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}" + ("" if ends is None else f" [{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]")
