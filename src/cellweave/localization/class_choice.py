"""Choosing how classes are read: how much neighbours say, and factors, so that no class loses for want of frequency."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cellweave.core import Cells
from cellweave.localization.class_matches import ClassMatches
from cellweave.localization.class_reading import (
    ClassReading,
    Factors,
    Values,
    labels_of,
    neighbours_of,
    weighted_by_neighbours,
)

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
    matches = ClassMatches(truth, found, radius_px=radius_px, protocol=protocol)
    width = NEIGHBOUR_RADII * radius_px
    own = [values[image] for image in matches.images]
    around = [neighbours_of(found[image].xy, values[image], radius_px=width) for image in matches.images]
    best: tuple[float, ClassReading] | None = None
    factors: Factors | None = None
    for strength in STRENGTHS:
        read = [
            weighted_by_neighbours(mine, theirs, strength=strength) if strength else mine
            for mine, theirs in zip(own, around, strict=True)
        ]
        factors, f1 = choose_class_factors(matches, np.concatenate(read), factors)
        if best is None or f1 > best[0]:
            best = f1, ClassReading(factors, strength, width)
    assert best is not None  # there are strengths
    return best[1]


def choose_class_factors(matches: ClassMatches, values: Values, start: Factors | None = None) -> tuple[Factors, float]:
    """Return the factors with the highest mean F1 of the classes, found by trying one class at a time, and that F1.

    The most frequent class keeps the factor 1, as do classes that no image has.

    Args:
        matches: True cells and cells found in all images, of two or more classes.
        values: How much every class has of every cell found, (M, C), in the order of ``matches.images``.
        start: Factors to begin with; None: all 1.

    Returns:
        One factor a class, and the F1; all 1 and 0 where the truth has fewer than two classes.
    """
    class_count = len(matches.frequency)
    if len(matches.present) < 2:
        return (1.0,) * class_count, 0.0
    chosen: Factors = start or (1.0,) * class_count
    best = matches.of(labels_of(values, chosen))
    reference = int(matches.frequency.argmax())
    for _ in range(_MOST_ROUNDS):
        before = best.mean_f1
        for label in matches.present[matches.present != reference]:
            for factor in FACTORS:
                trial = (*chosen[:label], factor, *chosen[label + 1 :])
                tried = matches.of(labels_of(values, trial), best)
                if tried.mean_f1 > best.mean_f1:
                    chosen, best = trial, tried
        if best.mean_f1 == before:
            break
    return chosen, best.mean_f1
