"""The true and the predicted cells of many images as a few long arrays, and the pairs that they may make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.core.cells import UNKNOWN
from cellweave.data.dataset import ALL
from cellweave.metrics.candidates import Candidates, RowMajor
from cellweave.metrics.frame_radius import Radius, Reach, reach_in
from cellweave.metrics.neighbours import Indices, pairs_within
from cellweave.metrics.protocols import PairingRule
from cellweave.metrics.rates import Floats


@dataclass(frozen=True, eq=False)
class Side:
    """The cells of one side, image after image.

    Attributes:
        cells: Cells of every image.
        image: Number of the image of every cell, (N,).
        label: Class of every cell as an index into the classes scored, (N,); -1 where it is not known.
    """

    cells: tuple[Cells, ...]
    image: Indices
    label: Indices

    @cached_property
    def points(self) -> RowMajor:
        """The cells in row-major order of their own image, whatever frame distances are measured in."""
        return RowMajor([one.xy for one in self.cells], np.split(self.label, np.cumsum([*map(len, self.cells)])[:-1]))

    @classmethod
    def of(cls, cells: Sequence[Cells], classes: Sequence[str]) -> Self:
        """Return the cells of images, their labels renumbered to the classes scored."""
        index = {name: i for i, name in enumerate(classes)}
        labels = [np.array([*(index.get(name, UNKNOWN) for name in one.classes), UNKNOWN])[one.labels] for one in cells]
        image = np.repeat(np.arange(len(cells)), [len(one) for one in cells])
        return cls(tuple(cells), image, np.concatenate([np.zeros(0, np.int64), *labels]))

    def counts(self, classes: int, kept: npt.NDArray[np.bool_] | None = None) -> Indices:
        """Return the number of all cells and of those of every class, int64 (images, 1 + classes).

        Args:
            classes: Number of classes.
            kept: Count only these cells, (N,); all when None.
        """
        which = np.ones(len(self.image), bool) if kept is None else kept
        image, label = self.image[which], self.label[which]
        known = label != UNKNOWN
        images = len(self.cells)
        of_class = np.bincount(image[known] * classes + label[known], minlength=images * classes)
        return np.column_stack([np.bincount(image, minlength=images), of_class.reshape(images, classes)])


@dataclass(frozen=True, eq=False)
class JoinedCells:
    """True and predicted cells of the same images.

    Attributes:
        images: Names, sorted.
        classes: Those of the truth, then those that only predictions have; none where one side has none.
        truth: The true cells.
        predicted: The predicted cells.
    """

    images: tuple[str, ...]
    classes: tuple[str, ...]
    truth: Side
    predicted: Side

    @classmethod
    def of(cls, truth: Mapping[str, Cells], predictions: Mapping[str, Cells]) -> Self:
        """Join the cells of every image that either side names; one that only one side names is empty on the other.

        Raises:
            InvalidInputError: There is no image, the frames of one differ, or a class is called ``all``.
        """
        if not (truth or predictions):
            raise InvalidInputError("there is no image to score, neither in the truth nor in the predictions.")
        images = tuple(sorted({*truth, *predictions}))
        classes = _classes(truth, predictions)
        both = [_both_sides(image, truth.get(image), predictions.get(image)) for image in images]
        sides = (Side.of([pair[i] for pair in both], classes) for i in (0, 1))
        return cls(images, classes, *sides)

    def named_predictions(self) -> list[tuple[str, Cells]]:
        """Return the name of every image and its predicted cells, in the order of the arrays."""
        return list(zip(self.images, self.predicted.cells, strict=True))

    def reaches(self, radius: Radius) -> list[Reach]:
        """Return a radius as every image has it.

        Raises:
            InvalidInputError: The radius is in µm, and the scale of an image is not known.
        """
        reaches = []
        for image, true, predicted in zip(self.images, self.truth.cells, self.predicted.cells, strict=True):
            try:
                mpp = true.mpp if true.mpp is not None else predicted.mpp
                reaches.append(reach_in(radius, true.shape, mpp))
            except InvalidInputError as error:
                raise InvalidInputError(f"image {image!r}: {error}") from error
        return reaches

    def candidates(self, reaches: Sequence[Reach], rule: PairingRule) -> Candidates:
        """Return the pairs of all images that are near enough.

        Raises:
            InvalidInputError: A radius is so large that the pairs would not fit in memory.
        """
        parts: list[tuple[Indices, Indices, Floats]] = []
        truths = predictions = 0
        for true, predicted, reach in zip(self.truth.cells, self.predicted.cells, reaches, strict=True):
            xy = true.xy * reach.factors, predicted.xy * reach.factors
            t, p, distance = pairs_within(*xy, reach.radius, closed=rule.closed)
            parts.append((t + truths, p + predictions, distance))
            truths += len(true)
            predictions += len(predicted)
        t, p, distance = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return Candidates(t, p, distance, self.truth.points, self.predicted.points)

    def of_one_class(self, candidates: Candidates) -> Candidates:
        """Return the pairs whose true and predicted cell are of the same known class."""
        true, predicted = self.truth.label[candidates.truth], self.predicted.label[candidates.predicted]
        return candidates.where((true == predicted) & (true != UNKNOWN))

    def count_matches(
        self, candidates: Candidates, rule: PairingRule, *, kept: npt.NDArray[np.bool_] | None = None
    ) -> Indices:
        """Return true positives, false positives and false negatives, int64 (images, 1 + classes, 3).

        Args:
            candidates: The pairs that are near enough.
            rule: Which of them are made.
            kept: Predictions that there are, (M,); all when None.
        """
        if kept is not None:
            candidates = candidates.where(kept[candidates.predicted])
        in_class = rule.pair(self.of_one_class(candidates)) >= 0
        classes = len(self.classes)
        hits = self.truth.counts(classes, in_class)
        regardless = rule.pair(candidates) >= 0
        hits[:, 0] = np.bincount(self.truth.image[regardless], minlength=len(self.images))
        return np.stack([hits, self.predicted.counts(classes, kept) - hits, self.truth.counts(classes) - hits], axis=-1)


def _classes(truth: Mapping[str, Cells], predictions: Mapping[str, Cells]) -> tuple[str, ...]:
    """Return the classes to score: those of the truth, then those that only predictions have."""
    sides = [[name for cells in side.values() for name in cells.classes] for side in (truth, predictions) if side]
    if not all(sides):
        return ()  # one side has images but tells nothing about classes
    classes = tuple(dict.fromkeys(name for side in sides for name in side))
    if ALL in classes:
        raise InvalidInputError(f"a class is called {ALL!r}, which stands for all cells in the scores; rename it.")
    return classes


def _both_sides(image: str, true: Cells | None, predicted: Cells | None) -> tuple[Cells, Cells]:
    if true is None or predicted is None:
        named = true if true is not None else predicted
        assert named is not None  # images are those that a side names
        empty = Cells.empty(classes=named.classes, shape=named.shape, mpp=named.mpp)
        return (empty, named) if true is None else (named, empty)
    if true.shape != predicted.shape:
        raise InvalidInputError(
            f"image {image!r}: its true cells live in {true.shape[1]}×{true.shape[0]} (width×height), its predicted "
            f"ones in {predicted.shape[1]}×{predicted.shape[0]}; predict in the pixels of the annotated image."
        )
    return true, predicted
