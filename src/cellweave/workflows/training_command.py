"""The command of a training in words that are true elsewhere: data sets and recipes by name, without local places."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from cellweave.data import CellDataset
from cellweave.training import Budget

OUT = "MODEL"
"""What a training command calls the folder that it writes."""


def locator_command(
    data: Sequence[CellDataset],
    *,
    synthetic: Sequence[CellDataset] = (),
    synthetic_share: float | None = None,
    budget: Budget,
    recipe: str = "default",
    changes: Sequence[str] = (),
    seed: int = 0,
) -> str:
    """Return the ``cellweave train locator`` line of a training.

    Args:
        data: Real data sets, which are named, as folders differ from place to place.
        synthetic: Generated data sets, likewise.
        synthetic_share: Share of the synthetic crops; None where it was not given.
        budget: Steps or minutes.
        recipe: Name of a shipped recipe, or path of a YAML file, of which the file's name is given.
        changes: Changes of the recipe, each ``a.b=value``.
        seed: Of everything random.
    """
    words = ["cellweave", "train", "locator"]
    for dataset in data:
        words += ["--data", dataset.name]
    for dataset in synthetic:
        words += ["--synthetic", dataset.name]
    if synthetic_share is not None:
        words += ["--synthetic-share", f"{synthetic_share:g}"]
    words += ["--out", OUT]
    words += ["--minutes", f"{budget.minutes:g}"] if budget.steps is None else ["--steps", str(budget.steps)]
    words += ["--recipe", Path(recipe).name]
    for change in changes:
        words += ["--set", change]
    return shlex.join([*words, "--seed", str(seed)])
