"""Pairs of points by distance, corrected for the border of the window: what K, L and g are quotients of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from cellweave.core import InvalidInputError
from cellweave.patterns.point_processes import Points

Floats = npt.NDArray[np.float64]

_BLOCK = 4096
"""Points whose neighbours are held in memory at once."""


@dataclass(frozen=True, slots=True, eq=False)
class PairCounts:
    """Numbers of pairs of points, by their distance, in one pattern or summed over several.

    Attributes:
        edges: Ends of the classes of distance, ascending, (B + 1,). A class holds its upper end and not its lower one;
            the first holds both.
        weights: Pairs in every class, (B,), each counting window area / area of the window's overlap with itself
            shifted from one point to the other (translation correction): their number, had every point the
            neighbourhood beyond the border as well. A pair within one pattern counts twice, once from each end.
        product_density: Ordered pairs per area, ``n (n - 1) / area``, or ``n m / area`` for two classes: what a
            pattern without interaction puts into a ring of area 1 around all of its points.

    Several patterns together have the sums of their counts, see :func:`pool_pairs`.
    """

    edges: Floats
    weights: Floats
    product_density: float

    def pair_correlation(self) -> Floats:
        """Return g in every class of distance, (B,); see :func:`cellweave.patterns.pair_correlation`."""
        return self._quotient(self.weights, np.pi * np.diff(self.edges**2))

    def ripley_k(self) -> Floats:
        """Return K at every upper end of a class, (B,); see :func:`cellweave.patterns.ripley_k`.

        Raises:
            InvalidInputError: The distances do not begin with 0.
        """
        if self.edges[0] != 0:
            raise InvalidInputError(f"K counts all pairs from distance 0 on, but the edges begin with {self.edges[0]}.")
        return self._quotient(np.cumsum(self.weights), np.ones(len(self.weights)))

    def _quotient(self, weights: Floats, areas: Floats) -> Floats:
        if self.product_density == 0:
            return np.full(len(weights), np.nan)
        return weights / (self.product_density * areas)


def pair_counts(
    xy: npt.ArrayLike, shape: tuple[float, float], edges: npt.ArrayLike, *, to: npt.ArrayLike | None = None
) -> PairCounts:
    """Count pairs of points in a rectangular window by their distance, corrected for its border by translation.

    Args:
        xy: Points, (N, 2), x right and y down, in any unit of length.
        shape: Height and width of the window, in that unit; all points lie in it.
        edges: Ends of the classes of distance, ascending, >= 0; the last is smaller than both sides of the window.
        to: Points of another class, (M, 2): count pairs of one of ``xy`` and one of these. None: pairs of two
            different points of ``xy``.

    Raises:
        InvalidInputError: A point lies outside the window, or the edges break a rule.

    Source:
        Ohser & Stoyan 1981, On the second-order and orientation analysis of planar stationary point processes,
        Biometrical Journal 23:523-533 (translation correction).

    Example:
        >>> pair_counts([[1, 1], [2, 1]], (4, 4), [0, 1, 2]).weights.round(3).tolist()  # 2 × 16 / (3 × 4)
        [2.667, 0.0]
    """
    height, width = shape
    ends = _edges(edges, min(height, width))
    first = points_in_window(xy, shape)
    second = None if to is None else points_in_window(to, shape)
    weights = np.zeros(len(ends) - 1)
    for offsets in _offsets_within(first, second, float(ends[-1])):
        distances = np.hypot(offsets[:, 0], offsets[:, 1])
        overlaps = (width - offsets[:, 0]) * (height - offsets[:, 1])
        bins = np.searchsorted(ends, distances, side="left") - 1
        bins[distances == ends[0]] = 0
        inside = (bins >= 0) & (bins < len(weights))  # rounding may put a distance beyond the tree's reach
        weights += np.bincount(bins[inside], height * width / overlaps[inside], len(weights))
    pairs = len(first) * (len(first) - 1 if second is None else len(second))
    return PairCounts(ends, weights, pairs / (height * width))


def pool_pairs(counts: Iterable[PairCounts]) -> PairCounts:
    """Return the counts of several patterns together, whose K and g are then quotients of sums.

    A pattern weighs by its number of pairs, and each is compared with its own intensity: patterns of different
    intensities do not look clustered for that.

    Raises:
        InvalidInputError: There are none, or their edges differ.
    """
    every = list(counts)
    if not every:
        raise InvalidInputError("there are no pair counts to pool; give those of at least one pattern.")
    edges = every[0].edges
    for one in every:
        if one.edges is not edges and not np.array_equal(one.edges, edges):
            raise InvalidInputError(
                f"counts are pooled over equal distances, got {edges.tolist()} and {one.edges.tolist()}."
            )
    weights = np.sum([one.weights for one in every], axis=0)
    return PairCounts(edges, weights, float(sum(one.product_density for one in every)))


def points_in_window(xy: npt.ArrayLike, shape: tuple[float, float]) -> Points:
    """Return points as float64 (N, 2), having made sure that they lie in the window, its border included.

    Raises:
        InvalidInputError: The shape is not (N, 2), the window has no size, or a point lies outside it.
    """
    height, width = shape
    if not (0 < height < np.inf and 0 < width < np.inf):
        raise InvalidInputError(f"a window has a height and a width > 0, got {shape}.")
    points = np.asarray(xy, np.float64).reshape(-1, 2) if np.size(xy) == 0 else np.asarray(xy, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InvalidInputError(f"points must have shape (N, 2), got {points.shape}.")
    inside = ((points >= 0) & (points <= (width, height))).all(axis=1)  # False for NaN
    if not inside.all():
        i = int(np.argmin(inside))
        raise InvalidInputError(
            f"points[{i}] is {points[i].tolist()}, outside the window of height {height:g} and width {width:g}; "
            "is it (row, column), or in another unit?"
        )
    return points


def _edges(edges: npt.ArrayLike, side: float) -> Floats:
    ends = np.asarray(edges, np.float64)
    if ends.ndim != 1 or len(ends) < 2 or not (np.diff(ends) > 0).all() or not ends[0] >= 0:
        raise InvalidInputError(f"edges must be two or more ascending distances >= 0, got {ends.tolist()}.")
    if not ends[-1] < side:
        raise InvalidInputError(
            f"distances must be smaller than the window's shorter side, {side:g}, got {ends[-1]:g}; "
            "use shorter distances or a larger window."
        )
    return ends


def _offsets_within(first: Points, second: Points | None, reach: float) -> Iterator[Points]:
    """Yield |dx| and |dy| of all ordered pairs at most ``reach`` apart, (pairs, 2), a block of points at a time."""
    others = first if second is None else second
    if not (len(first) and len(others)):
        return
    tree = cKDTree(others)
    for start in range(0, len(first), _BLOCK):
        block = first[start : start + _BLOCK]
        pairs = cKDTree(block).sparse_distance_matrix(tree, reach * (1 + 1e-9), output_type="ndarray")
        i, j = pairs["i"], pairs["j"]
        if second is None:
            other = i + start != j
            i, j = i[other], j[other]
        yield np.abs(block[i] - others[j])
