"""Which real layouts are compared with which: halves that share no patient, and as many synthetic layouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError, numpy_generator

Indices = npt.NDArray[np.int64]


class LayoutSplit(NamedTuple):
    """Indices of equally many layouts of three kinds.

    Attributes:
        real: Real layouts, (n,).
        other_real: Real layouts of other groups, (n,).
        synthetic: Synthetic layouts, (n,).
    """

    real: Indices
    other_real: Indices
    synthetic: Indices


def layout_splits(
    groups: Sequence[str], synthetic: int, *, splits: int, size: int, seed: int
) -> tuple[LayoutSplit, ...]:
    """Return random splits of real layouts into halves without a common group, beside random synthetic ones.

    Args:
        groups: Group (patient or slide) of every real layout.
        synthetic: Number of synthetic layouts.
        splits: How many splits to make, >= 1.
        size: Layouts on each side; fewer where there are not as many, then equally few in all splits.
        seed: Of the splits.

    Raises:
        InvalidInputError: There are fewer than two groups, or no synthetic layout, or a number is < 1.
    """
    if splits < 1 or size < 1:
        raise InvalidInputError(f"splits and size must be >= 1, got {splits} and {size}.")
    if len(set(groups)) < 2:
        raise InvalidInputError(
            f"real layouts of {len(set(groups))} groups (patients) cannot be compared with one another; "
            "give layouts of at least two."
        )
    if synthetic < 1:
        raise InvalidInputError("there is no synthetic layout to score; give at least one.")
    target = min(size, len(groups) // 2, synthetic)
    generators = [numpy_generator(seed, "layout split", i) for i in range(splits)]
    halves = [_halves(np.asarray(groups), target, generator) for generator in generators]
    common = min(min(len(one), len(other), target) for one, other in halves)
    return tuple(
        LayoutSplit(one[:common], other[:common], generator.permutation(synthetic)[:common])
        for (one, other), generator in zip(halves, generators, strict=True)
    )


def _halves(groups: npt.NDArray[np.str_], target: int, generator: np.random.Generator) -> tuple[Indices, Indices]:
    """Return two shuffled lists of layouts: groups in random order go to the first as long as they fit into it."""
    names, members = np.unique(groups, return_inverse=True)
    sizes = np.bincount(members)
    first = np.zeros(len(names), bool)
    room = target
    order = generator.permutation(len(names))
    for name in order.tolist():
        if sizes[name] <= room:
            first[name] = True
            room -= int(sizes[name])
    if not first.any():  # every group is larger than a half: one of them gives part of its layouts
        first[order[0]] = True
    shuffled = generator.permutation(len(groups))
    in_first = first[members[shuffled]]
    return shuffled[in_first], shuffled[~in_first]
