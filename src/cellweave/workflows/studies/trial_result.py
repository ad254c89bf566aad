"""The result of a trial, as JSON: what it says of its arm and machine, that its models did not learn, its damage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from cellweave.core import OutputError
from cellweave.core.devices import device_description
from cellweave.training import TrainingError
from cellweave.workflows.studies.design import Arm


def about_arm(arm: Arm, device: torch.device) -> dict[str, Any]:
    """Return what the result of every trial says of its arm and of the machine."""
    return {
        "title": arm.title,
        "value": arm.value,
        "hardware": device_description(device),
        "threads": torch.get_num_threads(),
    }


def result_of_folds(about: dict[str, Any], folds: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the result of a trial that measures its folds one by one.

    Args:
        about: What it says besides.
        folds: Worked on as they are asked for; one that raises :class:`TrainingError` ends the trial.
    """
    try:
        return {**about, "failed": None, "folds": list(folds)}
    except TrainingError as error:
        # what does not learn under this recipe is a result of the comparison, and said in its tables
        return {**about, "failed": str(error)}


@contextmanager
def reading_results(arm: str) -> Iterator[None]:
    """Name the arm whose results are found damaged while they are read in a ``with`` block.

    Raises:
        OutputError: Something is not there, or is not what it should be.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise OutputError(f"a result of arm {arm} is damaged ({error!r}); remove its folder to run it anew.") from error
