"""What the commands of all studies read alike: the options in their signatures, and their values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from cellweave.core.progress import Progress

Out = Annotated[Path, typer.Option(help="Folder of the study.")]
Seeds = Annotated[str, typer.Option(help="Seeds; every arm is run with each.")]
Steps = Annotated[int, typer.Option(help="Steps of every model.")]
Folds = Annotated[int, typer.Option(help="Folds, of whole patients or slides, of the training split.")]
UseFolds = Annotated[int, typer.Option(help="Folds that are held out in turn, a model each.")]
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


def names_in(text: str) -> list[str]:
    """Return the names of an option, separated by commas."""
    return [name.strip() for name in text.split(",")]


def study_options(given: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Return the values of the fields of :class:`StudyOptions`.

    Args:
        given: What a command was given, by the names of its parameters.
        progress: What the study reports its progress to.

    Raises:
        InvalidInputError: The seeds are not numbers.
    """
    same = {name: given[name] for name in ("data", "out", "device", "overwrite")}
    return {**same, "seeds": numbers_in(given["seeds"], "--seeds", int), "progress": progress}


def training_options(given: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Return the values of the fields of :class:`TrainingStudyOptions`; arguments are those of :func:`study_options`.

    Raises:
        InvalidInputError: The seeds are not numbers.
    """
    same = {name: given[name] for name in ("steps", "folds", "use_folds", "recipe")}
    arms = None if given["arms"] is None else names_in(given["arms"])
    return {**study_options(given, progress), **same, "arms": arms, "changes": given["changes"] or ()}
