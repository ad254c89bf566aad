"""Protocol ``matching``: as many pairs of a true and a predicted cell as can be made."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, maximum_bipartite_matching, min_weight_full_bipartite_matching

from cellweave.metrics.candidates import Candidates
from cellweave.metrics.neighbours import Indices, Points
from cellweave.metrics.rates import Floats

_PAIRS_AT_ONCE = 256
"""Groups of connected cells are solved together up to about this many pairs: the solver takes their number squared."""


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
    return most_pairs(Candidates.within(truth_xy, predicted_xy, radius_px, closed=True))


def most_pairs(candidates: Candidates) -> Indices:
    """Return the predicted point of every true one in a largest matching, int64 (N,); -1 for none."""
    truths, predictions = len(candidates.truths), len(candidates.predictions)
    matched = np.full(truths, -1, np.int64)
    if len(candidates.truth):
        ones = np.ones(len(candidates.truth), np.int8)
        graph = csr_array((ones, (candidates.truth, candidates.predicted)), (truths, predictions))
        matched[:] = maximum_bipartite_matching(graph, perm_type="column")
    return matched


def nearest_most_pairs(candidates: Candidates) -> Indices:
    """Return the largest matching with the least sum of distances, int64 (N,); -1 for none.

    Two truths and two predictions in reach of one another can be paired in two ways, and who is whose matters as soon
    as classes are compared; the counts are those of :func:`most_pairs`. Of equal sums the ranks decide, so that the
    order of the points does not matter.
    """
    matched = np.full(len(candidates.truths), -1, np.int64)
    truth, predicted, distance = candidates.truth, candidates.predicted, candidates.distance
    alone = (np.bincount(truth)[truth] == 1) & (np.bincount(predicted)[predicted] == 1)
    matched[truth[alone]] = predicted[alone]
    truth, predicted, distance = truth[~alone], predicted[~alone], distance[~alone]
    true_rank, predicted_rank = candidates.truths.rank[truth], candidates.predictions.rank[predicted]
    for chosen in _batches_of_groups(true_rank, predicted_rank):
        _, one_truth, at_row = np.unique(true_rank[chosen], return_index=True, return_inverse=True)
        _, one_predicted, at_column = np.unique(predicted_rank[chosen], return_index=True, return_inverse=True)
        row, column = _least_distance(at_row, at_column, distance[chosen])
        matched[truth[chosen[one_truth[row]]]] = predicted[chosen[one_predicted[column]]]
    return matched


def _batches_of_groups(truth: Indices, predicted: Indices) -> Iterator[Indices]:
    """Yield the numbers of the pairs of connected points, in order, many groups that are not connected at a time."""
    if not len(truth):
        return
    first_prediction = int(truth.max()) + 1
    nodes = first_prediction + int(predicted.max()) + 1
    graph = coo_array((np.ones(len(truth), np.int8), (truth, predicted + first_prediction)), (nodes, nodes))
    group = connected_components(graph, directed=False)[1][truth]
    order = np.lexsort((predicted, truth, group))
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    batch = starts // _PAIRS_AT_ONCE
    yield from np.split(order, starts[np.flatnonzero(np.diff(batch)) + 1])


def _least_distance(truth: Indices, predicted: Indices, distance: Floats) -> tuple[Indices, Indices]:
    """Return truths and predictions of the largest matching with the least sum of distances.

    Every truth may also stay alone, at a price that is more than any rearrangement of the others could save.
    """
    truths, predictions = int(truth.max()) + 1, int(predicted.max()) + 1
    alone = (distance.max() + 1) * (min(truths, predictions) + 1)
    staying = np.arange(truths)
    costs = np.concatenate([distance + 1, np.full(truths, alone)])  # the solver takes 0 for no edge
    rows, columns = np.concatenate([truth, staying]), np.concatenate([predicted, predictions + staying])
    graph = csr_array((costs, (rows, columns)), (truths, predictions + truths))
    row, column = min_weight_full_bipartite_matching(graph)
    made = column < predictions
    return row[made].astype(np.int64), column[made].astype(np.int64)
