"""Protocol ``greedy``: true cells, row by row, take the nearest prediction that is still free."""

from __future__ import annotations

import numpy as np

from cellweave.metrics.candidates import Candidates
from cellweave.metrics.neighbours import Indices, Points


def match_greedily(truth_xy: Points, predicted_xy: Points, radius_px: float) -> Indices:
    """Let true points, in row-major order, each take its nearest free prediction less than ``radius_px`` away.

    Row-major is the order of the pixels that hold the points, row by row from the top, each from the left; points of
    one pixel follow by y, then x. Of predictions at the same distance the first in that order is taken, so the number
    of pairs depends on the points alone, not on the order in which they are given.

    Args:
        truth_xy: Points, (N, 2), in pixels.
        predicted_xy: Points, (M, 2), in pixels.
        radius_px: All pairs are nearer than this; in pixels.

    Returns:
        Index of the predicted point of every true one, int64 (N,); -1 where it has none.

    Raises:
        InvalidInputError: The radius is not a positive number.

    Source:
        The program released with Abousamra et al. 2021 (MCSpatNet), which ``LAYOUT`` Table 2 uses as well. It works on
        maps of whole pixels, on which this function gives its counts; positions between pixels are not rounded here.
        Its habit of counting the truths of an image without predictions six times is not followed.

    Example:
        >>> match_greedily(np.array([[4.0, 0.0], [0.0, 0.0]]), np.array([[3.0, 0.0], [9.0, 0.0]]), 6.0).tolist()
        [1, 0]
    """
    return nearest_free(Candidates.within(truth_xy, predicted_xy, radius_px, closed=False))


def nearest_free(candidates: Candidates) -> Indices:
    """Return the predicted point of every true one as :func:`match_greedily` chooses it, int64 (N,); -1 for none.

    One truth after the other choosing is the same as all of them asking at once for the nearest that has not refused
    them, and every prediction keeping the first in row-major order of those who ever asked: either way each truth gets
    the best prediction that no truth before it gets. The second way is a few rounds over arrays.

    Source:
        Gale and Shapley 1962; with one order of rank for all predictions their stable matching is unique.
    """
    truths, predictions = len(candidates.truths), len(candidates.predictions)
    rank = candidates.truths.rank[candidates.truth]
    order = np.lexsort((candidates.predictions.rank[candidates.predicted], candidates.distance, rank))
    wishes = candidates.predicted[order]
    ends = np.searchsorted(rank[order], np.arange(truths + 1))
    wish, end = ends[:-1].copy(), ends[1:]  # truths go by their rank from here on
    holder = np.full(predictions, truths)  # rank of the truth that holds a prediction; nobody's is `truths`
    asking = np.flatnonzero(wish < end)
    while len(asking):
        asked = wishes[wish[asking]]
        before = holder[asked]
        np.minimum.at(holder, asked, asking)
        displaced = before[(before < truths) & (before != holder[asked])]
        refused = np.unique(np.concatenate([asking[holder[asked] != asking], displaced]))
        wish[refused] += 1
        asking = refused[wish[refused] < end[refused]]
    taken = np.flatnonzero(holder < truths)
    by_rank = np.full(truths, -1, np.int64)
    by_rank[holder[taken]] = taken
    return by_rank[candidates.truths.rank]
