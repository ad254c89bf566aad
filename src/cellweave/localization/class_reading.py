"""From the classes' channels to a cell's class: its own values, its neighbours', and factors between the classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.spatial import cKDTree

from cellweave.core import Cells

Values = npt.NDArray[np.float32]
Factors = tuple[float, ...]

_CELLS_AT_ONCE = 4096
_FARTHEST = 3.0
"""Neighbours up to so many radii away have a say; a Gaussian is 1 % of its height there."""

_OWN = 1e-3
"""Weight of a cell among its neighbours: without any, its own values stand in for theirs."""

_LEAST = 1e-2
"""Added to the neighbours' values, so that no class is ruled out for having no cell near."""


_MOST_FACTOR = 1e6
_RADII_PX = (0.1, 1000.0)


@dataclass(frozen=True, slots=True)
class ClassReading:
    """How a cell's class is told from how much every class has of it.

    The values of a cell are multiplied by the mean of its neighbours' to the power of ``strength``, and by the classes'
    factors; the highest wins. Tumour cells lie among tumour cells, and what a network is unsure of it often is not
    next door.

    Attributes:
        factors: One number a class, 1e-6 to 1e6.
        strength: Of the neighbours, from 0, which leaves them out, to 1.
        radius_px: Standard deviation of the Gaussian that neighbours are weighted by, 0.1 to 1000.

    Raises:
        ValueError: A number is out of its range.
    """

    factors: Factors
    strength: float = 0.0
    radius_px: float = 24.0

    def __post_init__(self) -> None:
        if not all(1 / _MOST_FACTOR <= factor <= _MOST_FACTOR for factor in self.factors):
            raise ValueError(f"class factors must be numbers from {1 / _MOST_FACTOR:g} to {_MOST_FACTOR:g}")
        low, high = _RADII_PX
        if not (0 <= self.strength <= 1 and low <= self.radius_px <= high):
            raise ValueError(
                f"neighbours need a strength from 0 to 1 and a radius from {low:g} to {high:g} px, got {self.strength} "
                f"and {self.radius_px}"
            )

    @classmethod
    def plain(cls, class_count: int) -> Self:
        """Return the reading by a cell's own values alone."""
        return cls((1.0,) * class_count)

    def relabelled(self, cells: Cells, values: Values) -> Cells:
        """Return cells with their classes.

        Args:
            cells: N cells.
            values: How much every class has of every cell, (N, C).
        """
        read = with_neighbours(cells.xy, values, strength=self.strength, radius_px=self.radius_px)
        return relabelled(cells, read, self.factors)

    def to_config(self) -> dict[str, Any]:
        """Return the reading for ``config.json``."""
        return {
            "class_factors": list(self.factors),
            "class_neighbours": {"strength": self.strength, "radius_px": self.radius_px},
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], class_count: int) -> Self | None:
        """Return the reading that a ``config.json`` states; None where it states none.

        Raises:
            TypeError: Something is not a number.
            ValueError: There is not one factor a class, or a number is out of its range.
        """
        if config.get("class_factors") is None:
            return None
        stored = config.get("class_neighbours") or {}
        if not isinstance(config["class_factors"], list) or not isinstance(stored, Mapping):
            raise TypeError("class_factors are a list and class_neighbours an object")
        factors = tuple(float(value) for value in config["class_factors"])
        if len(factors) != class_count:
            raise ValueError(f"class_factors must be {class_count} numbers > 0")
        return cls(factors, **{name: float(stored[name]) for name in ("strength", "radius_px") if name in stored})


def relabelled(cells: Cells, values: Values, factors: Factors) -> Cells:
    """Return cells with the class whose value is highest after multiplication.

    Args:
        cells: N cells.
        values: How much every class has of every cell, (N, C).
        factors: Of the classes, C numbers > 0.
    """
    labels = labels_of(values, factors)
    return Cells(cells.xy, labels, classes=cells.classes, shape=cells.shape, mpp=cells.mpp, scores=cells.scores)


def labels_of(values: Values, factors: Factors) -> npt.NDArray[np.int64]:
    """Return the class of every cell whose value is highest after multiplication, (N,); see :func:`relabelled`."""
    return np.asarray((values * np.asarray(factors, np.float32)).argmax(axis=1), np.int64)


def with_neighbours(xy: npt.NDArray[np.float64], values: Values, *, strength: float, radius_px: float) -> Values:
    """Return values multiplied by the neighbours' mean values to a power.

    Args:
        xy: Positions, (N, 2), px.
        values: How much every class has of every cell, (N, C); what is below 0 counts as 0.
        strength: The power.
        radius_px: Standard deviation of the neighbours' weights.

    Returns:
        float32 (N, C).
    """
    if strength == 0 or len(xy) < 2:
        return values
    return weighted_by_neighbours(values, neighbours_of(xy, values, radius_px=radius_px), strength=strength)


def weighted_by_neighbours(values: Values, neighbours: npt.NDArray[np.float64], *, strength: float) -> Values:
    """Return values multiplied by the neighbours' mean values to a power > 0, float32 (N, C).

    Args:
        values: How much every class has of every cell, (N, C); what is below 0 counts as 0.
        neighbours: The same of its neighbours, from :func:`neighbours_of`.
        strength: The power.
    """
    if len(values) < 2:
        return values
    own = np.maximum(np.asarray(values, np.float64), 0)
    return np.asarray(own * (neighbours + _LEAST) ** strength, np.float32)


def neighbours_of(xy: npt.NDArray[np.float64], values: Values, *, radius_px: float) -> npt.NDArray[np.float64]:
    """Return the weighted mean of the values of every cell's neighbours, float64 (N, C).

    Args:
        xy: Positions, (N, 2), px.
        values: How much every class has of every cell, (N, C); what is below 0 counts as 0.
        radius_px: Standard deviation of the neighbours' weights.
    """
    own = np.maximum(np.asarray(values, np.float64), 0)
    if len(xy) < 2:
        return own
    tree = cKDTree(xy)
    means = np.empty_like(own)
    for start in range(0, len(xy), _CELLS_AT_ONCE):
        some = slice(start, start + _CELLS_AT_ONCE)
        distances = cKDTree(xy[some]).sparse_distance_matrix(tree, _FARTHEST * radius_px, output_type="coo_matrix")
        weights = np.exp(-np.square(distances.data) / (2 * radius_px**2))
        weights[distances.col == distances.row + start] = _OWN
        near = coo_array((weights, (distances.row, distances.col)), shape=distances.shape).tocsr()
        means[some] = (near @ own) / near.sum(axis=1)[:, None]
    return means
