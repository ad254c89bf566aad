"""Which images of a data set are shown on a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellweave.core import DatasetError
from cellweave.data import CellDataset


def spread_evenly(names: Sequence[str], count: int) -> list[str]:
    """Return ``count`` names spread evenly over all of them, or all where there are no more."""
    return [names[i] for i in np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int)]


def richest(dataset: CellDataset, names: Sequence[str], count: int) -> list[str]:
    """Return images with most cells of the first class, of the second and so on, in turn, none twice.

    A class of which no image is left that has any is passed over, so that fewer than ``count`` may come back. Images
    with equal numbers come in the order of ``names``.

    Args:
        dataset: Has classes.
        names: Images to choose from.
        count: Most images to choose.

    Raises:
        DatasetError: The data set has no classes, or none of the images has cells of any.
    """
    if not dataset.class_names:
        raise DatasetError(f"{dataset.root} has no classes to look for; show images spread evenly over all.")
    numbers = dataset.cells.groupby(["image", "label"], observed=True).size().unstack(fill_value=0)
    numbers = numbers.reindex(index=list(names), columns=list(dataset.class_names), fill_value=0)
    ranked = [
        [str(name) for name in column[column > 0].sort_values(ascending=False, kind="stable").index]
        for _, column in numbers.items()
    ]
    chosen: list[str] = []
    while len(chosen) < count:
        before = len(chosen)
        for ranking in ranked:
            left = [name for name in ranking if name not in chosen]
            if left and len(chosen) < count:
                chosen.append(left[0])
        if len(chosen) == before:
            break
    if not chosen:
        raise DatasetError(f"no image of {dataset.root} that could be shown has cells of any class.")
    return chosen
