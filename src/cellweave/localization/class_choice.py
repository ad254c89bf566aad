"""Choosing how classes are read: how much neighbours say, and factors, so that no class loses for want of frequency."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cellweave.core import Cells, Length
from cellweave.localization.class_reading import ClassReading, Factors, Values, relabelled, with_neighbours
from cellweave.metrics.tally import tally_images

FACTORS: tuple[float, ...] = tuple(
    float(np.round(2.0 ** (step / 4), 3)) for step in sorted(range(-8, 9), key=lambda step: (abs(step), step))
)
"""Factors tried: 0.25 to 4 by quarters of an octave, those near 1 first: of equals the gentlest is taken."""

STRENGTHS: tuple[float, ...] = (0.0, 0.15, 0.3, 0.5)
"""Powers of the neighbours' values tried, the gentlest first."""

NEIGHBOUR_RADII = 4.0
"""Width of the neighbours' weights, in radii within which a cell counts as found: 12 µm for 3 µm."""

_MOST_ROUNDS = 4


def choose_class_reading(
    truth: Mapping[str, Cells],
    found: Mapping[str, Cells],
    values: Mapping[str, Values],
    *,
    radius_px: float,
    protocol: str,
) -> ClassReading:
    """Return the reading with the highest mean F1 of the classes: strength of the neighbours and factors together.

    Args:
        truth: Annotated cells of every image, of two or more classes.
        found: Cells found, of whatever class.
        values: How much every class has of every cell found, (N, C).
        radius_px: Within which a cell counts as found.
        protocol: Scoring protocol.
    """
    best: tuple[float, ClassReading] | None = None
    factors: Factors | None = None
    for strength in STRENGTHS:
        width = NEIGHBOUR_RADII * radius_px
        read = {
            image: with_neighbours(found[image].xy, values[image], strength=strength, radius_px=width)
            for image in truth
        }
        factors, f1 = choose_class_factors(truth, found, read, radius_px=radius_px, protocol=protocol, start=factors)
        if best is None or f1 > best[0]:
            best = f1, ClassReading(factors, strength, width)
    assert best is not None  # there are strengths
    return best[1]


def choose_class_factors(
    truth: Mapping[str, Cells],
    found: Mapping[str, Cells],
    values: Mapping[str, Values],
    *,
    radius_px: float,
    protocol: str,
    start: Factors | None = None,
) -> tuple[Factors, float]:
    """Return the factors with the highest mean F1 of the classes, found by trying one class at a time, and that F1.

    The most frequent class keeps the factor 1, as do classes that no image has.

    Args:
        truth: Annotated cells of every image, of two or more classes.
        found: Cells found, of whatever class.
        values: How much every class has of every cell found, (N, C).
        radius_px: Within which a cell counts as found.
        protocol: Scoring protocol.
        start: Factors to begin with; None: all 1.
    """
    class_count = len(next(iter(truth.values())).classes)
    frequency = np.sum(
        [np.bincount(cells.labels[cells.labels >= 0], minlength=class_count) for cells in truth.values()], 0
    )
    present = np.flatnonzero(frequency)
    if len(present) < 2:
        return (1.0,) * class_count, 0.0

    def mean_f1(factors: Factors) -> float:
        cells = {image: relabelled(found[image], values[image], factors) for image in truth}
        tally = tally_images(truth, cells, protocol=protocol, radii=[Length(radius_px)])
        tp, fp, fn = tally.counts[:, 0, 1:].sum(axis=0)[present].T
        return float(np.mean(2 * tp / (2 * tp + fp + fn)))

    chosen: Factors = start or (1.0,) * class_count
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
    return chosen, best
