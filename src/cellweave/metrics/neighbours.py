"""Pairs of points that lie within a radius of one another."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from cellweave.core import InvalidInputError

Points = npt.NDArray[np.float64]
"""(N, 2), x right and y down, in pixels."""
Indices = npt.NDArray[np.int64]

MAX_PAIRS = 50_000_000
"""More pairs than this, about 1.5 GB of them, mean that the radius is far larger than a cell."""


def pairs_within(
    truth_xy: Points, predicted_xy: Points, radius_px: float, *, closed: bool
) -> tuple[Indices, Indices, npt.NDArray[np.float64]]:
    """Return every pair of a true and a predicted point that is near enough.

    Args:
        truth_xy: Points, (N, 2).
        predicted_xy: Points, (M, 2).
        radius_px: In pixels, > 0.
        closed: Whether a distance equal to the radius is near enough.

    Returns:
        Index of the true point, of the predicted point, and their distance in pixels, each (pairs,), in no order.

    Raises:
        InvalidInputError: The radius is not a positive number, or so large that the pairs would not fit in memory.
    """
    if not (math.isfinite(radius_px) and radius_px > 0):
        raise InvalidInputError(f"a matching radius must be a positive number of pixels, got {radius_px}.")
    if not (len(truth_xy) and len(predicted_xy)):
        none = np.zeros(0, np.int64)
        return none, none, np.zeros(0)
    # Trees that are quick to build: each is asked once.
    truth_tree, predicted_tree = (
        KDTree(xy, balanced_tree=False, compact_nodes=False) for xy in (truth_xy, predicted_xy)
    )
    reach = radius_px * (1 + 1e-9)  # the tree's rounding must not decide; the exact comparison follows
    if len(truth_xy) * len(predicted_xy) > MAX_PAIRS and truth_tree.count_neighbors(predicted_tree, reach) > MAX_PAIRS:
        raise InvalidInputError(
            f"more than {MAX_PAIRS:,} pairs of {len(truth_xy):,} true and {len(predicted_xy):,} predicted cells lie "
            f"within {radius_px:g} px; use a radius of about the size of a cell."
        )
    pairs = truth_tree.sparse_distance_matrix(predicted_tree, reach, output_type="ndarray")
    truth, predicted = pairs["i"].astype(np.int64), pairs["j"].astype(np.int64)
    distance = np.hypot(*(truth_xy[truth] - predicted_xy[predicted]).T)
    near = distance <= radius_px if closed else distance < radius_px
    return truth[near], predicted[near], distance[near]
