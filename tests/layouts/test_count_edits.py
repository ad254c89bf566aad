"""Editing rasters so that they show given counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from cellweave.core import Cells
from cellweave.layouts.count_edits import CountEditor, labels_with_counts
from cellweave.maps import SharedPeakCodec

CODEC = SharedPeakCodec(peak_width_px=1.5, class_width_px=5.0)
CLASSES = ("a", "b", "c")
EDIT = CountEditor(CODEC, CLASSES)


def grid_of_cells(labels):
    """Cells 12 pixels apart, in reading order."""
    places = [(8.5 + 12 * (i % 4), 8.5 + 12 * (i // 4)) for i in range(len(labels))]
    return Cells(places, labels, classes=CLASSES, shape=(56, 56))


def counts_of(raster):
    return np.bincount(CODEC.decode(raster, classes=CLASSES).labels, minlength=3).tolist()


def test_a_raster_that_shows_the_counts_stays_as_it_is():
    raster = CODEC.encode(grid_of_cells([0, 1, 2, 0, 1, 1]))
    assert_array_equal(EDIT(raster, [2, 3, 1]), raster)


def test_the_lowest_peak_goes_where_cells_are_too_many():
    raster = CODEC.encode(grid_of_cells([0, 1, 1, 0]))
    raster[0, :, 24:40] *= 0.8  # the third cell
    edited = EDIT(raster, [2, 1, 0])
    assert_allclose(CODEC.decode(edited, classes=CLASSES).xy, [[8.5, 8.5], [20.5, 8.5], [44.5, 8.5]], atol=1e-3)
    assert_array_equal(raster[0, :, 24:40].max(), np.float32(0.8))  # what came in is left as it was


def test_the_highest_faint_peak_becomes_a_cell_where_one_lacks():
    raster = CODEC.encode(grid_of_cells([0, 1, 1, 2]))
    raster[0, :, 14:26] *= 0.2
    raster[0, :, 26:38] *= 0.4
    edited = EDIT(raster, [1, 1, 1])
    assert counts_of(raster) == [1, 0, 1]
    assert_allclose(CODEC.decode(edited, classes=CLASSES).xy, [[8.5, 8.5], [32.5, 8.5], [44.5, 8.5]], atol=1e-3)
    assert counts_of(edited) == [1, 1, 1]


def test_the_least_clear_cell_changes_its_class_and_its_neighbours_keep_theirs():
    raster = CODEC.encode(grid_of_cells([0, 0, 0, 1]))
    raster[2, :, 14:26] = 0.7 * raster[1, :, 14:26]
    edited = EDIT(raster, [2, 2, 0])
    assert CODEC.decode(edited, classes=CLASSES).labels.tolist() == [0, 1, 0, 1]
    assert_array_equal(edited[0], raster[0])
    assert_array_equal(edited[3], raster[3])
    assert_allclose(edited[1] + edited[2], raster[1] + raster[2], atol=1e-6)  # handed over, not made


def test_where_nothing_rises_nothing_is_made():
    nothing = np.zeros((4, 24, 24), np.float32)
    assert_array_equal(EDIT(nothing, [3, 0, 1]), nothing)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), asked=st.lists(st.integers(0, 9), min_size=3, max_size=3))
def test_near_peaks_of_any_height_do_not_disturb_one_another(seed, asked):
    rng = np.random.default_rng(seed)
    places = [(6.5 + 4 * column, 6.5 + 4 * row) for row in range(6) for column in range(6)]
    cells = Cells(places, rng.integers(0, 3, 36), classes=CLASSES, shape=(33, 33))
    raster = CODEC.encode(cells)
    owner = np.add.outer(6 * (np.arange(33) // 4.0).clip(1, 6) - 6, (np.arange(33) // 4.0).clip(1, 6) - 1).astype(int)
    raster[0] *= rng.uniform(0.3, 0.9, 36)[owner].astype(np.float32)
    edited = EDIT(raster, asked)
    assert counts_of(edited) == asked


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), cells=st.integers(1, 16), asked=st.lists(st.integers(0, 6), min_size=3, max_size=3))
def test_clear_peaks_are_enough_for_any_smaller_counts(seed, cells, asked):
    rng = np.random.default_rng(seed)
    raster = CODEC.encode(grid_of_cells(rng.integers(0, 3, cells)))
    raster[1:] += rng.normal(0, 0.05, raster[1:].shape).astype(np.float32)
    edited = EDIT(raster, asked)
    if sum(asked) <= cells:
        assert counts_of(edited) == asked
    else:
        assert sum(counts_of(edited)) == cells


def test_of_two_cells_as_clear_the_one_among_the_class_that_lacks_cells_changes():
    cells = grid_of_cells([0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0])
    edited = EDIT(CODEC.encode(cells), [10, 6, 0])
    labels = CODEC.decode(edited, classes=CLASSES).labels
    assert np.flatnonzero(labels != cells.labels).tolist() == [2]  # three of its five neighbours are of class b


def test_classes_move_where_least_is_lost():
    clearness = np.array([[0.9, 0.1, 0.0], [0.8, 0.5, 0.2], [0.7, 0.6, 0.65], [0.1, 0.2, 0.9]])
    labels = clearness.argmax(axis=1)
    assert labels_with_counts(labels, clearness, [1, 1, 2]).tolist() == [0, 1, 2, 2]
    assert labels_with_counts(labels, clearness, [3, 0, 1]).tolist() == [0, 0, 0, 2]
    assert labels_with_counts([], np.zeros((0, 3)), [1, 1, 1]).tolist() == []


@pytest.mark.parametrize("counts", [[5, 0, 0], [0, 5, 0]])
def test_counts_of_more_cells_than_there_are_take_what_there_is(counts):
    clearness = [[0.9, 0.1, 0.0], [0.1, 0.2, 0.9]]
    assert labels_with_counts([0, 2], clearness, counts).tolist() == [counts.index(5)] * 2
