import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import Cells
from cellweave.maps import MarkerCodec, find_markers, marker_map

# on a grid of 4 pixels no two markers touch
APART = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 5)), max_size=20, unique=True).map(
    lambda cells: [(4 * x + 0.5, 4 * y + 0.5) for x, y in cells]
)


def test_a_marker_is_three_pixels_wide_and_cut_at_the_border():
    drawn = marker_map([[0.5, 1.5]], (4, 4))
    assert drawn.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]


@given(APART, st.data())
def test_markers_that_do_not_touch_come_back_exactly(xy, data):
    labels = data.draw(st.lists(st.integers(0, 1), min_size=len(xy), max_size=len(xy)))
    cells = Cells(xy, labels, classes=("a", "b"), shape=(24, 32))
    back = MarkerCodec().decode(MarkerCodec().encode(cells), classes=cells.classes)
    assert sorted(zip(*back.xy.T, back.labels, strict=True)) == sorted(zip(*cells.xy.T, cells.labels, strict=True))


def test_overlapping_markers_are_told_apart_where_their_outline_shows_two():
    xy = [[4.5, 4.5], [6.5, 5.5]]
    assert find_markers(marker_map(xy, (12, 12)))[0].tolist() == xy


def test_touching_markers_in_a_block_come_back():
    xy = [[x, y] for y in (4.5, 7.5, 10.5) for x in (4.5, 7.5, 10.5)]
    assert find_markers(marker_map(xy, (16, 16)))[0].tolist() == xy


def test_specks_are_no_cells():
    marked = np.zeros((8, 8), np.float32)
    marked[2, 2:4] = 1
    xy, scores = find_markers(marked)
    assert len(xy) == len(scores) == 0


def test_score_is_the_mean_height_of_the_square():
    marked = marker_map([[3.5, 3.5]], (8, 8)) * 0.8
    marked[3, 3] = 0.9
    assert find_markers(marked)[1] == pytest.approx([(8 * 0.8 + 0.9) / 9], abs=1e-6)
