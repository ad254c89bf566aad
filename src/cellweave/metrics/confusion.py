"""Which classes the cells that were found are taken for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core.cells import UNKNOWN
from cellweave.metrics.neighbours import Indices


@dataclass(frozen=True, eq=False)
class Confusion:
    """Cells that were found regardless of class, by their true and their predicted class.

    Attributes:
        labels: The classes; None, the last, are cells of unknown class, and only there where either side has some.
        matched: Pairs by true (row) and predicted (column) class, int64 (labels, labels).
        missed: True cells of every class that were not found, int64 (labels,).
        spurious: Predicted cells of every class that found none, int64 (labels,).
    """

    labels: tuple[str | None, ...]
    matched: npt.NDArray[np.int64]
    missed: npt.NDArray[np.int64]
    spurious: npt.NDArray[np.int64]

    @property
    def right(self) -> float | None:
        """Share of the pairs of known classes whose classes agree; None without such pairs."""
        known = [i for i, label in enumerate(self.labels) if label is not None]
        pairs = self.matched[np.ix_(known, known)]
        return float(np.trace(pairs) / pairs.sum()) if pairs.sum() else None

    def to_json(self) -> dict[str, Any]:
        """Return the table as JSON; the label null stands for cells of unknown class."""
        return {
            "labels": list(self.labels),
            "matched": self.matched.tolist(),
            "missed": self.missed.tolist(),
            "spurious": self.spurious.tolist(),
            "right": self.right,
        }


def confusion_of(matched: Indices, true: Indices, predicted: Indices, *, classes: Sequence[str]) -> Confusion:
    """Return the classes of pairs that were made regardless of class.

    Args:
        matched: Index of the predicted cell of every true one, -1 for none, (N,).
        true: Class of every true cell as an index into ``classes``, (N,); -1 where it is not known.
        predicted: The same of every predicted cell, (M,).
        classes: Names of the classes.

    Example:
        >>> confusion_of(np.array([1, -1]), np.array([0, 1]), np.array([0, 1]), classes=("a", "b")).to_json()
        {'labels': ['a', 'b'], 'matched': [[0, 1], [0, 0]], 'missed': [0, 1], 'spurious': [1, 0], 'right': 0.0}
    """
    count = len(classes) + 1  # unknown cells are last, where -1 puts them
    table = np.zeros((count, count), np.int64)
    found = matched >= 0
    np.add.at(table, (true[found], predicted[matched[found]]), 1)
    missed = np.bincount(true[~found] % count, minlength=count)
    spurious = np.bincount(np.delete(predicted, matched[found]) % count, minlength=count)
    if UNKNOWN in true or UNKNOWN in predicted:
        return Confusion((*classes, None), table, missed, spurious)
    return Confusion(tuple(classes), table[:-1, :-1], missed[:-1], spurious[:-1])
