"""Counting matches image by image: everything that the scores are sums of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells
from cellweave.metrics.cell_scores import ALL
from cellweave.metrics.confusion import Confusion, confusion_of
from cellweave.metrics.frame_radius import Radius
from cellweave.metrics.joined_cells import JoinedCells
from cellweave.metrics.protocols import pairing_rule
from cellweave.metrics.rates import Floats, count_error_terms


@dataclass(frozen=True, eq=False)
class Tally:
    """Counts of every image.

    Attributes:
        images: Names, sorted.
        labels: ``all``, then the classes.
        radii_px: Radii in the pixels of every image, float64 (images, radii); NaN where it differs along x and y.
        counts: True positives, false positives and false negatives, int64 (images, radii, labels, 3).
        errors: :func:`~cellweave.metrics.rates.count_error_terms`, float64 (images, 3).
        confusions: Of the classes, one a radius; none without classes, or where they were not asked for.
    """

    images: tuple[str, ...]
    labels: tuple[str, ...]
    radii_px: Floats
    counts: npt.NDArray[np.int64]
    errors: Floats
    confusions: tuple[Confusion, ...] = ()


def tally_images(
    truth: Mapping[str, Cells],
    predictions: Mapping[str, Cells],
    *,
    protocol: str,
    radii: Sequence[Radius],
    confusion: bool = False,
) -> Tally:
    """Count the matches of every image that either side names; arguments and errors as for ``score_cells``.

    All images are paired in one go: a loop over images and classes would spend most of its time between the pairs.

    Args:
        truth: Annotated cells of every image.
        predictions: Predicted cells of every image.
        protocol: How cells are paired.
        radii: Distances within which a cell counts as found.
        confusion: Compare the classes of the cells found, too.
    """
    rule = pairing_rule(protocol)
    joined = JoinedCells.of(truth, predictions)
    counts, radii_px, confusions = [], [], []
    for radius in radii:
        reaches = joined.reaches(radius)
        candidates = joined.candidates(reaches, rule)
        counts.append(joined.count_matches(candidates, rule))
        radii_px.append([reach.radius_px for reach in reaches])
        if confusion and joined.classes:
            labels = joined.truth.label, joined.predicted.label
            confusions.append(confusion_of(rule.assign(candidates), *labels, classes=joined.classes))
    true, predicted = ([len(cells) for cells in side.cells] for side in (joined.truth, joined.predicted))
    return Tally(
        joined.images,
        (ALL, *joined.classes),
        np.array(radii_px).T,
        np.stack(counts, axis=1),
        count_error_terms(true, predicted),
        tuple(confusions),
    )
