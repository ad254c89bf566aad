"""What the commands of all studies read and say alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cellweave.cli.printing import print_tables, table_of

if TYPE_CHECKING:
    import pandas as pd

    from cellweave.workflows.studies.plan import StudyPlan
    from cellweave.workflows.studies.runner import Outcome

Out = Annotated[Path, typer.Option(help="Folder of the study.")]
Seeds = Annotated[str, typer.Option(help="Seeds; every arm is run with each.")]
Folds = Annotated[int, typer.Option(help="Folds, of whole patients or slides, of the training split.")]
Arms = Annotated[str | None, typer.Option(help="Arms to run, separated by commas; all by default.")]
RecipeName = Annotated[str, typer.Option(help="Shipped recipe, or a YAML file, that all arms start from.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="Change of the recipe for all arms; repeatable.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Plan = Annotated[bool, typer.Option("--plan", help="Measure the steps of every arm, say how long it takes, and end.")]
OnlyTables = Annotated[bool, typer.Option("--tables-only", help="Run nothing; write the tables of what is there.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Throw away what is in --out of another start.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_NumberT = TypeVar("_NumberT", int, float)


def numbers_in(text: str, option: str, kind: type[_NumberT]) -> list[_NumberT]:
    """Return the numbers of an option.

    Raises:
        InvalidInputError: They are not numbers separated by commas.
    """
    from cellweave.core import InvalidInputError

    try:
        return [kind(one) for one in text.split(",")]
    except ValueError as error:
        example = "0,1,2" if kind is int else "0.5,1"
        raise InvalidInputError(
            f"{option} is {text!r}; give numbers separated by commas, such as {example}."
        ) from error


def state_notes(outcome: Outcome, arms: pd.DataFrame, tables: Path) -> tuple[str, ...]:
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


def print_plan(plan: StudyPlan, *, besides: str, as_json: bool) -> None:
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
