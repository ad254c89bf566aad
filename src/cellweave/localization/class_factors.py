"""Choosing factors on the class probabilities, so that no class loses cells to another for want of frequency."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, Length
from cellweave.metrics.tally import tally_images

Values = npt.NDArray[np.float32]
Factors = tuple[float, ...]

FACTORS: tuple[float, ...] = tuple(
    float(np.round(2.0 ** (step / 4), 3)) for step in sorted(range(-8, 9), key=lambda step: (abs(step), step))
)
"""Factors tried: 0.25 to 4 by quarters of an octave, those near 1 first: of equals the gentlest is taken."""

_MOST_ROUNDS = 4


def relabelled(cells: Cells, values: Values, factors: Factors) -> Cells:
    """Return cells with the class whose value is highest after multiplication.

    Args:
        cells: N cells.
        values: How much every class has of every cell, (N, C).
        factors: Of the classes, C numbers > 0.
    """
    labels = (values * np.asarray(factors, np.float32)).argmax(axis=1)
    return Cells(cells.xy, labels, classes=cells.classes, shape=cells.shape, mpp=cells.mpp, scores=cells.scores)


def choose_class_factors(
    truth: Mapping[str, Cells],
    found: Mapping[str, Cells],
    values: Mapping[str, Values],
    *,
    radius_px: float,
    protocol: str,
) -> Factors:
    """Return the factors with the highest mean F1 of the classes, found by trying one class at a time.

    The most frequent class keeps the factor 1, as do classes that no image has.

    Args:
        truth: Annotated cells of every image, of two or more classes.
        found: Cells found, of whatever class.
        values: How much every class has of every cell found, (N, C).
        radius_px: Within which a cell counts as found.
        protocol: Scoring protocol.
    """
    class_count = len(next(iter(truth.values())).classes)
    frequency = np.sum(
        [np.bincount(cells.labels[cells.labels >= 0], minlength=class_count) for cells in truth.values()], 0
    )
    present = np.flatnonzero(frequency)
    if len(present) < 2:
        return (1.0,) * class_count

    def mean_f1(factors: Factors) -> float:
        cells = {image: relabelled(found[image], values[image], factors) for image in truth}
        tally = tally_images(truth, cells, protocol=protocol, radii=[Length(radius_px)])
        tp, fp, fn = tally.counts[:, 0, 1:].sum(axis=0)[present].T
        return float(np.mean(2 * tp / (2 * tp + fp + fn)))

    chosen: Factors = (1.0,) * class_count
    best = mean_f1(chosen)
    reference = int(frequency.argmax())
    for _ in range(_MOST_ROUNDS):
        before = best
        for label in present[present != reference]:
            for factor in FACTORS:
                trial = (*chosen[:label], factor, *chosen[label + 1 :])
                if (f1 := mean_f1(trial)) > best:
                    chosen, best = trial, f1
        if best == before:
            break
    return chosen
