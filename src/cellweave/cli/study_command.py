"""What the commands of all studies do alike: plan or run a study, and print what it costs or has come to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from cellweave.cli.printing import print_notes, print_tables, table_of
from cellweave.cli.progress import terminal_progress

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from cellweave.core.progress import Progress
    from cellweave.workflows.studies.plan import StudyPlan
    from cellweave.workflows.studies.runner import Outcome, StudySummary

StudyT = TypeVar("StudyT")
SummaryT = TypeVar("SummaryT", bound="StudySummary[Any]")


def run_command(
    given: Mapping[str, Any],
    make: Callable[[Progress], StudyT],
    run: Callable[[StudyT, bool], SummaryT],
    tables: Callable[[SummaryT], Iterable[Table]],
    *,
    plan: Callable[[StudyT], StudyPlan] | None = None,
    besides: str = "",
) -> None:
    """Do what a command of a study says.

    Args:
        given: What the command was given, by the names of its parameters.
        make: Returns the study.
        run: Runs it, or only makes its tables where the second argument is true, and returns what it has come to.
        tables: Returns the tables to print of that; those without rows are left out.
        plan: Returns the plan of the study; None where the command makes none.
        besides: What is not planned for.
    """
    with terminal_progress() as progress:
        study = make(progress)
        planned = plan(study) if plan is not None and given["plan"] else None
        summary = run(study, given["tables_only"]) if planned is None else None
    if planned is not None:
        _print_plan(planned, besides=besides, as_json=given["as_json"])
    if summary is not None:
        _print_summary(summary, tables, as_json=given["as_json"])


def filled_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str) -> Table:
    """Return a table of texts, the first column of words, the others of numbers."""
    table = table_of(columns[0], numbers=tuple(columns[1:]), title=title)
    for row in rows:
        table.add_row(*row)
    return table


def without_intervals(rows: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return rows of a table whose cells end before their intervals, which are too wide for a terminal."""
    return [(row[0], *(one.partition(" [")[0] for one in row[1:])) for row in rows]


def _print_summary(summary: SummaryT, tables: Callable[[SummaryT], Iterable[Table]], *, as_json: bool) -> None:
    """Print the tables of a study, what to know of how far it is, and where everything is."""
    files = summary.files
    if as_json:
        typer.echo(files.others[-1].read_text(encoding="utf-8").strip())
        return
    print_tables(*(table for table in tables(summary) if table.row_count))
    print_notes(_notes(summary.outcome, summary.tables.arms, files.tables))
    for path in (files.tables, *files.others, *files.figures):
        typer.echo(f"written to {path}")


def _notes(outcome: Outcome, arms: pd.DataFrame, tables: Path) -> tuple[str, ...]:
    """Return what to know of how far a study is, one sentence each."""
    notes = []
    if outcome.elsewhere:
        notes.append(f"other processes are at {'; '.join(outcome.elsewhere)}: these are not in the tables yet.")
    if outcome.missing:
        notes.append(f"not run yet: {'; '.join(outcome.missing)}.")
    failed = [str(arm) for arm, why in zip(arms["arm"], arms["failed"], strict=True) if why]
    if failed:
        notes.append(f"did not learn under this recipe: {', '.join(failed)}; {tables} says why.")
    return tuple(notes)


def _print_plan(plan: StudyPlan, *, besides: str, as_json: bool) -> None:
    """Print what every arm costs, and the time of all that is missing, ``besides`` what is not planned for."""
    if as_json:
        typer.echo(json.dumps(plan.to_json()))
        return
    table = table_of("arm", numbers=("parameters", "s a step", "hours a seed", "seeds missing"))
    for arm in plan.arms:
        parameters = f"{arm.parameters / 1e6:.2f} M"
        table.add_row(arm.arm, parameters, f"{arm.seconds_per_step:.3f}", f"{arm.hours_per_seed:.2f}", str(arm.missing))
    print_tables(table)
    typer.echo(f"about {plan.hours:.1f} hours in one process, besides {besides}")
