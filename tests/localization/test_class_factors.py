"""Factors on the class probabilities, chosen for the mean F1 of the classes."""

import numpy as np
import pytest

from cellweave.core import Cells
from cellweave.localization.class_factors import FACTORS, choose_class_factors, relabelled

CLASSES = ("often", "seldom")


def cells(labels):
    """Return cells ten pixels apart."""
    xy = np.stack([10.0 * np.arange(len(labels)) + 5, np.full(len(labels), 5.0)], axis=1)
    return Cells(xy, labels, classes=CLASSES, shape=(10, 10 * len(labels)), scores=np.ones(len(labels)))


def chosen(truth, of_seldom):
    values = np.array([[1 - p, p] for p in of_seldom], np.float32)
    found = relabelled(cells(truth), values, (1.0, 1.0))
    factors = choose_class_factors({"i": cells(truth)}, {"i": found}, {"i": values}, radius_px=3.0, protocol="greedy")
    return factors, relabelled(found, values, factors).labels.tolist()


def test_a_timid_class_is_encouraged_just_enough():
    # the second seldom cell has odds 0.4 : 0.6, which a factor above 1.5 turns; above 0.7 / 0.3 an often cell goes
    factors, labels = chosen([0, 0, 0, 1, 1], [0.3, 0.1, 0.1, 0.9, 0.4])
    assert factors == (1.0, min(factor for factor in FACTORS if factor > 1.5))
    assert labels == [0, 0, 0, 1, 1]


def test_nothing_is_changed_without_a_gain():
    assert chosen([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.8])[0] == (1.0, 1.0)


def test_a_class_that_no_image_has_keeps_its_factor():
    assert chosen([0, 0, 0], [0.1, 0.6, 0.2])[0] == (1.0, 1.0)


def test_relabelling_keeps_everything_else():
    before = cells([0, 1])
    after = relabelled(before, np.array([[0.4, 0.3], [0.2, 0.1]], np.float32), (1.0, 2.5))
    assert after.labels.tolist() == [1, 1]
    assert after.xy.tolist() == before.xy.tolist()
    assert after.scores.tolist() == [1, 1]
    with pytest.raises(ValueError, match="broadcast"):
        relabelled(before, np.zeros((2, 2), np.float32), (1.0, 1.0, 1.0))
