"""Counting matches image by image: everything that the scores are sums of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError, Length
from cellweave.metrics.cell_scores import ALL
from cellweave.metrics.protocols import count_matches
from cellweave.metrics.rates import Floats, count_error_terms


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts of every image.

    Attributes:
        images: Names, sorted.
        labels: ``all``, then the classes.
        radii_px: Radii in the pixels of every image, float64 (images, radii).
        counts: True positives, false positives and false negatives, int64 (images, radii, labels, 3).
        errors: :func:`~cellweave.metrics.rates.count_error_terms`, float64 (images, 3).
    """

    images: tuple[str, ...]
    labels: tuple[str, ...]
    radii_px: Floats
    counts: npt.NDArray[np.int64]
    errors: Floats


def tally_images(
    truth: Mapping[str, Cells], predictions: Mapping[str, Cells], *, protocol: str, radii: Sequence[Length]
) -> Tally:
    """Count the matches of every image that either side names; arguments and errors as for ``score_cells``."""
    images = tuple(sorted({*truth, *predictions}))
    classes = _classes(truth, predictions)
    counts, errors, radii_px = [], [], []
    for image in images:
        true, predicted = _both_sides(image, truth.get(image), predictions.get(image))
        in_px = _radii_px(image, radii, true.mpp if true.mpp is not None else predicted.mpp)
        pairs = [(true, predicted), *((_of_class(true, name), _of_class(predicted, name)) for name in classes)]
        counts.append([[count_matches(*pair, radius_px, protocol) for pair in pairs] for radius_px in in_px])
        errors.append(count_error_terms(len(true), len(predicted)))
        radii_px.append(in_px)
    return Tally(images, (ALL, *classes), np.array(radii_px), np.array(counts, np.int64), np.array(errors))


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


def _radii_px(image: str, radii: Sequence[Length], mpp: float | None) -> list[float]:
    try:
        return [radius.to_px(mpp=mpp) for radius in radii]
    except InvalidInputError as error:
        raise InvalidInputError(f"image {image!r}: {error}") from error


def _of_class(cells: Cells, name: str) -> Cells:
    return cells.of_class(name) if name in cells.classes else cells.select(np.zeros(len(cells), bool))
