"""Telling a cell's class: factors, neighbours, and what config.json says of them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cellweave.core import Cells
from cellweave.localization import class_reading
from cellweave.localization.class_reading import ClassReading, relabelled, with_neighbours


def straightforward(xy, values, strength, radius):
    """Return the definition, cell by cell."""
    read = np.zeros(values.shape)
    for i, here in enumerate(xy):
        total, weight = 1e-3 * np.float64(values[i]), 1e-3
        for j, there in enumerate(xy):
            distance = np.hypot(*(here - there))
            if j != i and distance <= 3 * radius:
                near = np.exp(-(distance**2) / (2 * radius**2))
                total, weight = total + near * values[j], weight + near
        read[i] = values[i] * (total / weight + 0.01) ** strength
    return read


def test_neighbours_are_averaged_by_their_distance(monkeypatch):
    rng = np.random.default_rng(0)
    xy, values = 60 * rng.random((40, 2)), rng.random((40, 3)).astype(np.float32)
    xy[7] = xy[8]  # two cells at one place are neighbours of each other
    expected = straightforward(xy, values, 0.3, 6.0)
    whole = with_neighbours(xy, values, strength=0.3, radius_px=6.0)
    assert_allclose(whole, expected, rtol=1e-5)
    assert whole.dtype == np.float32
    monkeypatch.setattr(class_reading, "_CELLS_AT_ONCE", 16)
    assert_array_equal(with_neighbours(xy, values, strength=0.3, radius_px=6.0), whole)


@pytest.mark.parametrize("number", [0, 1])
def test_without_neighbours_or_a_say_nothing_changes(number):
    xy, values = np.zeros((number, 2)), np.full((number, 2), 0.5, np.float32)
    assert_array_equal(with_neighbours(xy, values, strength=0.5, radius_px=6.0), values)
    alone = np.array([[0.7, 0.3], [0.6, 0.4]], np.float32)
    assert_array_equal(with_neighbours(np.array([[0.0, 0], [9, 0]]), alone, strength=0.0, radius_px=6.0), alone)


def test_a_cell_far_from_all_others_keeps_its_class():
    xy = np.array([[0.0, 0], [1000, 0], [1001, 0]])
    values = np.array([[0.4, 0.6], [0.9, 0.1], [0.9, 0.1]], np.float32)
    read = with_neighbours(xy, values, strength=0.5, radius_px=6.0)
    assert read.argmax(axis=1).tolist() == [1, 0, 0]


def test_relabelling_keeps_everything_else():
    xy = [[5.0, 5.0], [15.0, 5.0]]
    before = Cells(xy, [0, 1], classes=("often", "seldom"), shape=(10, 20), scores=[0.5, 1.0])
    after = relabelled(before, np.array([[0.4, 0.3], [0.2, 0.1]], np.float32), (1.0, 2.5))
    assert after.labels.tolist() == [1, 1]
    assert after.xy.tolist() == xy
    assert after.scores.tolist() == [0.5, 1.0]
    with pytest.raises(ValueError, match="broadcast"):
        relabelled(before, np.zeros((2, 2), np.float32), (1.0, 1.0, 1.0))


def test_a_reading_is_stored_whole():
    reading = ClassReading((1.0, 0.5), 0.3, 24.0)
    assert ClassReading.from_config(reading.to_config(), 2) == reading
    assert ClassReading.from_config({"class_factors": [1.0, 0.5]}, 2) == ClassReading((1.0, 0.5))
    assert ClassReading.from_config({"class_factors": None}, 2) is None


@pytest.mark.parametrize(
    ("factors", "strength", "radius"),
    [((1.0, 0.0), 0.0, 1.0), ((1.0, np.nan), 0.0, 1.0), ((1.0,), -0.1, 1.0), ((1.0,), 1.1, 1.0), ((1.0,), 0.5, 0.0)],
)
def test_numbers_out_of_range_are_refused(factors, strength, radius):
    with pytest.raises(ValueError, match=r"must be|need"):
        ClassReading(factors, strength, radius)
