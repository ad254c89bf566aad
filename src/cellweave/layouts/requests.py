"""What is asked of a layout's numbers of cells, and whether a layout meets it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.layouts.categories import CountingCategories

TOLERANCE = 0.05
"""Share of a count by which a layout may miss it and still meet the request; one cell is always allowed."""

MOST_CELLS = 1_000_000
"""Of one class in one request, and of one window."""


@dataclass(frozen=True, slots=True)
class CountRequest:
    """What is asked of the numbers of cells of one layout: a counting category, counts, or nothing.

    Attributes:
        category: Counting category of a window; None for models without.
        counts: Cells of every class in the whole layout; None for models that are not told counts.
        windows: Area of the layout over that of the training crop.
    """

    category: int | None = None
    counts: tuple[int, ...] | None = None
    windows: float = 1.0

    @property
    def asks(self) -> bool:
        """Whether anything is asked for."""
        return self.category is not None or self.counts is not None

    def is_met(self, made: npt.ArrayLike, categories: CountingCategories) -> bool:
        """Whether numbers of cells, one a class, are what is asked for.

        A category holds the number of all cells on the area of a training crop, so the cells of a larger layout are
        divided by its windows. Of counts every one must be within 5 % or one cell. Nothing is met by anything.
        """
        found = np.asarray(made)
        if self.category is not None:
            fewest, most = self._limits(self.category, categories)
            return bool(fewest <= found.sum() <= most)
        return self.counts is None or bool((self.misses(found) <= self._allowed()).all())

    def misses(self, made: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return by how many cells each class misses its count, (C,); zeros where no counts are asked for."""
        found = np.asarray(made, np.int64)
        return np.asarray(np.abs(found - (found if self.counts is None else np.array(self.counts))), np.int64)

    def distance(self, made: npt.ArrayLike, categories: CountingCategories) -> float:
        """Return how far numbers of cells are from the request, 0 where they meet it: cells too many or too few."""
        found = np.asarray(made)
        if self.is_met(found, categories):
            return 0.0
        if self.category is None:
            return float(self.misses(found).sum())
        fewest, most = self._limits(self.category, categories)
        return float(max(fewest - found.sum(), found.sum() - most))

    def trimmed(self, cells: Cells, categories: CountingCategories) -> Cells:
        """Return a layout without the lowest peaks that are too many for the request; none is ever added."""
        assert cells.scores is not None
        order = np.argsort(-cells.scores, kind="stable")
        kept = np.zeros(len(cells), bool)
        if self.counts is not None:
            for label, count in enumerate(self.counts):
                kept[order[cells.labels[order] == label][:count]] = True
        else:
            most = len(order) if self.category is None else self._limits(self.category, categories)[1]
            kept[order[:most]] = True
        return cells.select(kept)

    def _allowed(self) -> npt.NDArray[np.float64]:
        return np.maximum(1.0, TOLERANCE * np.array(self.counts, float))

    def _limits(self, category: int, categories: CountingCategories) -> tuple[int, int]:
        """Return the fewest and the most cells of the whole layout that are in a category."""
        bounds = (-1 / self.windows, *categories.bounds, float(MOST_CELLS))
        low, high = (math.floor(bound * self.windows) for bound in bounds[category : category + 2])
        return low + 1, high


def parse_counts(text: str) -> dict[str, int]:
    """Return the counts that a text such as ``lymphocyte=40,tumor=20`` says.

    Raises:
        InvalidInputError: It says no class, one twice, or something that is no count.

    Example:
        >>> parse_counts("lymphocyte=40, tumor=20")
        {'lymphocyte': 40, 'tumor': 20}
    """
    counts: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = (one.strip() for one in part.partition("="))
        if not (name and equals and number.isascii() and number.isdigit() and len(number) < 10):
            raise InvalidInputError(
                f"counts are CLASS=NUMBER, commas between classes, as in tumor=20,stromal=15; got {part.strip()!r}."
            )
        if name in counts:
            raise InvalidInputError(f"the count of class {name!r} is given twice, in {text!r}; give it once.")
        counts[name] = int(number)
        if counts[name] > MOST_CELLS:
            raise InvalidInputError(f"a count is at most {MOST_CELLS:,}, got {number} for class {name!r}.")
    return counts


def counts_text(counts: Mapping[str, int]) -> str:
    """Return counts as :func:`parse_counts` reads them."""
    return ",".join(f"{name}={count}" for name, count in counts.items())
