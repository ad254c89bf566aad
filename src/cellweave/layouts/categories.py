"""Counting categories: quantile bins of the number of cells of the crops that training sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError


@dataclass(frozen=True, slots=True)
class CountingCategories:
    """Bins of the number of cells of a crop.

    Attributes:
        bounds: Upper bounds of all bins but the last, ascending: a crop with ``n`` cells is in the first bin with
            ``n <= bound``. K bins have K - 1 bounds; no categories are one bin without bounds.

    Source:
        Li et al. 2024 (layout generation), §3.1; the bounds are computed, not the released ones.

    Example:
        >>> CountingCategories((10.0, 50.0)).of([3, 10, 11, 90]).tolist()
        [0, 0, 1, 2]
    """

    bounds: tuple[float, ...]

    @classmethod
    def from_counts(cls, counts: npt.ArrayLike, number: int) -> CountingCategories:
        """Return ``number`` bins that hold about equally many of the counts.

        Raises:
            InvalidInputError: The counts take too few values to tell so many bins apart.
        """
        bounds = quantile_bounds(counts, number)
        if len(set(bounds)) < len(bounds):
            raise InvalidInputError(
                f"the numbers of cells of training crops do not tell {number} counting categories apart "
                f"(bounds {list(bounds)}); set categories to a smaller number."
            )
        return cls(bounds)

    @property
    def number(self) -> int:
        """Number of bins."""
        return len(self.bounds) + 1

    def of(self, counts: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the bin, from 0, of every count."""
        return np.searchsorted(np.asarray(self.bounds), np.asarray(counts), side="left").astype(np.int64)


def quantile_bounds(counts: npt.ArrayLike, number: int) -> tuple[float, ...]:
    """Return the ``number`` - 1 numbers of cells that divide counts into equally many; some are equal where many are.

    Example:
        >>> quantile_bounds([2, 4, 6, 8, 8, 8], 3)
        (4.0, 8.0)
    """
    if number <= 1:
        return ()
    bounds = np.quantile(np.asarray(counts), np.arange(1, number) / number, method="inverted_cdf")
    return tuple(float(bound) for bound in bounds)
