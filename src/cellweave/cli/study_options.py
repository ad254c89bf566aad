"""What the commands of all studies read and say alike."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pandas as pd

    from cellweave.workflows.studies.runner import Outcome

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
