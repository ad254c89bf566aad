"""The division of a data set into images to learn from and images of patients held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cellweave.core import InvalidInputError
from cellweave.data import CellDataset
from cellweave.localization.calibration import grouped_folds
from cellweave.workflows.studies.budget import StudyBudget


@dataclass(frozen=True, slots=True, eq=False)
class DatasetFold:
    """One division of the real images.

    Attributes:
        number: From 1.
        learnt: The data set with nothing but the images to learn from, as its training split.
        held_out: Names of the images of patients held out.
    """

    number: int
    learnt: CellDataset
    held_out: tuple[str, ...]


def dataset_folds(dataset: CellDataset, names: Sequence[str], budget: StudyBudget) -> list[DatasetFold]:
    """Return the folds of a data set that are used, by whole patients or slides.

    Args:
        dataset: The data set.
        names: Names of the training images to divide; others are in no fold.
        budget: Says how many folds there are, and how many of these are used.

    Raises:
        InvalidInputError: There are fewer patients or slides than folds.
    """
    groups = dataset.groups()
    there = len({groups[name] for name in names})
    if there < budget.folds:
        raise InvalidInputError(
            f"--folds {budget.folds} are more than the {there} groups (patients or slides) of the training "
            "split; give fewer, at least 2."
        )
    folds = []
    divided = grouped_folds([groups[name] for name in names], budget.folds)
    for number, indices in enumerate(divided[: budget.use_folds], start=1):
        held_out = tuple(names[i] for i in indices)
        learnt = dataset.images["image"].isin(set(names) - set(held_out))
        folds.append(DatasetFold(number, replace(dataset, images=dataset.images[learnt]), held_out))
    return folds
