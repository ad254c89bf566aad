"""Protocol ``matching``: as many pairs of a true and a predicted cell as can be made."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from cellweave.metrics.neighbours import Indices, Points, pairs_within


def match_maximum(truth_xy: Points, predicted_xy: Points, radius_px: float) -> Indices:
    """Pair true and predicted points, each used once, at most ``radius_px`` apart, so that the pairs are most.

    Args:
        truth_xy: Points, (N, 2), in pixels.
        predicted_xy: Points, (M, 2), in pixels.
        radius_px: Largest distance of a pair, itself allowed; in pixels.

    Returns:
        Index of the predicted point of every true one, int64 (N,); -1 where it has none. The number of pairs does not
        depend on the order of the points; which of several equally large matchings is returned does.

    Raises:
        InvalidInputError: The radius is not a positive number.

    Source:
        Li et al. 2024 (EDT), §4.2.1, with distance <= radius as in the authors' program. The matching is Hopcroft and
        Karp's, as scipy has it.

    Example:
        >>> match_maximum(np.array([[0.0, 0.0], [4.0, 0.0]]), np.array([[3.0, 0.0], [9.0, 0.0]]), 5.0).tolist()
        [0, 1]
    """
    matched = np.full(len(truth_xy), -1, np.int64)
    truth, predicted, _ = pairs_within(truth_xy, predicted_xy, radius_px, closed=True)
    if len(truth):
        graph = csr_array((np.ones(len(truth), np.int8), (truth, predicted)), (len(truth_xy), len(predicted_xy)))
        matched[:] = maximum_bipartite_matching(graph, perm_type="column")
    return matched
