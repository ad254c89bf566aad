"""Factors on the class probabilities and the neighbours' say, chosen for the mean F1 of the classes."""

import numpy as np
import pytest

from cellweave.core import Cells, Length
from cellweave.localization.class_choice import (
    FACTORS,
    NEIGHBOUR_RADII,
    STRENGTHS,
    choose_class_factors,
    choose_class_reading,
)
from cellweave.localization.class_matches import ClassMatches
from cellweave.localization.class_reading import relabelled
from cellweave.metrics import score_cells

CLASSES = ("often", "seldom")


def cells(labels):
    """Return cells ten pixels apart."""
    xy = np.stack([10.0 * np.arange(len(labels)) + 5, np.full(len(labels), 5.0)], axis=1)
    return Cells(xy, labels, classes=CLASSES, shape=(10, 10 * len(labels)), scores=np.ones(len(labels)))


def chosen(truth, of_seldom):
    values = np.array([[1 - p, p] for p in of_seldom], np.float32)
    found = relabelled(cells(truth), values, (1.0, 1.0))
    matches = ClassMatches({"i": cells(truth)}, {"i": found}, radius_px=3.0, protocol="greedy")
    factors, f1 = choose_class_factors(matches, values)
    read = relabelled(found, values, factors)
    if len(set(truth)) == 2:
        scores = score_cells({"i": cells(truth)}, {"i": read}, radii=[Length(3.0)], protocol="greedy")
        assert f1 == pytest.approx(np.mean([row.f1 for row in scores.rows if row.label in CLASSES]))
    return factors, read.labels.tolist()


def test_a_timid_class_is_encouraged_just_enough():
    # the second seldom cell has odds 0.4 : 0.6, which a factor above 1.5 turns; above 0.7 / 0.3 an often cell goes
    factors, labels = chosen([0, 0, 0, 1, 1], [0.3, 0.1, 0.1, 0.9, 0.4])
    assert factors == (1.0, min(factor for factor in FACTORS if factor > 1.5))
    assert labels == [0, 0, 0, 1, 1]


def test_nothing_is_changed_without_a_gain():
    assert chosen([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.8])[0] == (1.0, 1.0)


def test_a_class_that_no_image_has_keeps_its_factor():
    assert chosen([0, 0, 0], [0.1, 0.6, 0.2])[0] == (1.0, 1.0)


def reading_of(truth, of_seldom):
    """Return the reading chosen for cells in a row of which each is probably this much of the seldom class."""
    values = np.array([[1 - p, p] for p in of_seldom], np.float32)
    found = relabelled(cells(truth), values, (1.0, 1.0))
    reading = choose_class_reading({"i": cells(truth)}, {"i": found}, {"i": values}, radius_px=3.0, protocol="greedy")
    return reading, reading.relabelled(found, values).labels.tolist()


def test_factors_begin_where_they_are_told_and_keep_what_is_as_good():
    truth, of_seldom = [0, 0, 0, 1, 1], [0.3, 0.1, 0.1, 0.9, 0.4]
    values = np.array([[1 - p, p] for p in of_seldom], np.float32)
    matches = ClassMatches({"i": cells(truth)}, {"i": cells(truth)}, radius_px=3.0, protocol="greedy")
    assert choose_class_factors(matches, values, (1.0, 2.0)) == ((1.0, 2.0), 1.0)  # 2 tells all five apart, too


def test_neighbours_have_a_say_where_that_helps():
    # one cell of either class is read as the other, by as much: only what lies around them tells
    truth = [0] * 5 + [1] * 5
    reading, labels = reading_of(truth, [0.1, 0.1, 0.55, 0.1, 0.1, 0.9, 0.9, 0.45, 0.9, 0.9])
    assert labels == truth
    assert (reading.strength, reading.radius_px) == (STRENGTHS[1], NEIGHBOUR_RADII * 3.0)
    # every class has a cell that only factors could turn, at the cost of the other's: alone they are of no use
    assert reading.factors == (1.0, 1.0)


def test_neighbours_have_no_say_where_classes_alternate():
    reading, labels = reading_of([0, 1, 0, 1, 0, 1], [0.2, 0.6, 0.2, 0.6, 0.2, 0.6])
    assert (reading.strength, labels) == (0.0, [0, 1, 0, 1, 0, 1])
