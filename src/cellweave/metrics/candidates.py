"""Every pair of a true and a predicted cell that may be made, which the protocols choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from cellweave.metrics.neighbours import Indices, Points, pairs_within
from cellweave.metrics.rates import Floats


class RowMajor:
    """The points of some images, one after the other; their order is worked out when it is first asked for.

    Row-major is the order of the pixels that hold the points, row by row from the top, each from the left; points of
    one pixel follow by y, then x, then label.

    Args:
        images: Points of every image, (N, 2), in its pixels.
        labels: Label of every point of every image, (N,); all alike when None.

    Example:
        >>> RowMajor([np.array([[4.5, 0.5], [0.5, 0.9], [0.5, 0.1]]), np.array([[0.5, 0.5]])]).rank.tolist()
        [2, 1, 0, 3]
    """

    def __init__(self, images: Sequence[Points], labels: Sequence[Indices] | None = None) -> None:
        self._images, self._labels = images, labels
        self._count = sum(len(xy) for xy in images)

    def __len__(self) -> int:
        return self._count

    @cached_property
    def rank(self) -> Indices:
        """Place of every point in the order of its image, counted on from image to image, int64 (N,)."""
        rank = np.empty(self._count, np.int64)
        start = 0
        for number, xy in enumerate(self._images):
            x, y = xy.T
            last = () if self._labels is None else (self._labels[number],)
            rank[start + np.lexsort((*last, x, y, np.floor(x), np.floor(y)))] = np.arange(start, start + len(xy))
            start += len(xy)
        return rank


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs of points that are near enough, of one image or of many joined, where none crosses images.

    Attributes:
        truth: Number of the true point of every pair, (pairs,).
        predicted: Number of the predicted point of every pair, (pairs,).
        distance: Their distance, (pairs,).
        truths: All true points.
        predictions: All predicted points.
    """

    truth: Indices
    predicted: Indices
    distance: Floats
    truths: RowMajor
    predictions: RowMajor

    @classmethod
    def within(cls, truth_xy: Points, predicted_xy: Points, radius_px: float, *, closed: bool) -> Self:
        """Return the candidates of one image; arguments and errors are those of ``pairs_within``."""
        pairs = pairs_within(truth_xy, predicted_xy, radius_px, closed=closed)
        return cls(*pairs, RowMajor([truth_xy]), RowMajor([predicted_xy]))

    def where(self, kept: npt.NDArray[np.bool_]) -> Candidates:
        """Return some of the pairs, (pairs,); the points stay numbered as they are."""
        return Candidates(self.truth[kept], self.predicted[kept], self.distance[kept], self.truths, self.predictions)
