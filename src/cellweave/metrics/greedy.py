"""Protocol ``greedy``: true cells, row by row, take the nearest prediction that is still free."""

from __future__ import annotations

import numpy as np

from cellweave.metrics.neighbours import Indices, Points, pairs_within


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
    truth, predicted, distance = pairs_within(truth_xy, predicted_xy, radius_px, closed=False)
    order = np.lexsort((_row_major_rank(predicted_xy)[predicted], distance, _row_major_rank(truth_xy)[truth]))
    matched = np.full(len(truth_xy), -1, np.int64)
    free = np.ones(len(predicted_xy), bool)
    for t, p in zip(truth[order].tolist(), predicted[order].tolist(), strict=True):
        if matched[t] < 0 and free[p]:
            matched[t] = p
            free[p] = False
    return matched


def _row_major_rank(xy: Points) -> Indices:
    """Return the place of every point in row-major order, int64 (N,)."""
    x, y = xy.T
    rank = np.empty(len(xy), np.int64)
    rank[np.lexsort((x, y, np.floor(x), np.floor(y)))] = np.arange(len(xy))
    return rank
