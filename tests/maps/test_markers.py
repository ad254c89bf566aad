import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cellweave.core import Cells
from cellweave.maps import MarkerCodec, find_markers, marker_map, markers

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


def squares_of(marked):
    """Return the marked pixels of every whole square, by its centre in row-major order."""
    height, width = marked.shape
    found = {}
    for row in range(height):
        for column in range(width):
            square = {
                (r, c)
                for r in range(max(0, row - 1), min(height, row + 2))
                for c in range(max(0, column - 1), min(width, column + 2))
            }
            if all(marked[place] for place in square):
                found[row, column] = square
    return found


def in_row_major_order(centre):
    return centre


def by_thirds(centre):
    return [side % 3 for side in centre], centre


def chosen_step_by_step(marked, order=in_row_major_order):
    """Return the centres to take, by the definition word for word; ``order`` is that of equals below a whole square."""
    squares = squares_of(marked)
    uncovered = set().union(*squares.values())
    owners = {pixel: [centre for centre, square in squares.items() if pixel in square] for pixel in uncovered}
    taken = {centres[0] for centres in owners.values() if len(centres) == 1}
    uncovered -= set().union(*(squares[centre] for centre in taken))
    while uncovered:
        gains = {centre: len(square & uncovered) for centre, square in squares.items()}
        most = max(gains.values())
        equals = [centre for centre, gain in gains.items() if gain == most]
        best = equals[0] if most == 9 else min(equals, key=order)
        taken.add(best)
        uncovered -= squares[best]
    return [[column + 0.5, row + 0.5] for row, column in sorted(taken)]


MARKED = hnp.arrays(
    bool, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([True, True, False])
)


@given(MARKED)
def test_centres_are_taken_as_defined(marked):
    assert find_markers(marked.astype(np.float32))[0].tolist() == chosen_step_by_step(marked)


@given(MARKED)
def test_too_many_to_be_cells_are_taken_as_defined(marked):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(markers, "_FEW", 0)
        patch.setattr(markers, "_FEW_SHARE", 1000)
        assert find_markers(marked.astype(np.float32))[0].tolist() == chosen_step_by_step(marked, by_thirds)


@pytest.mark.parametrize("share", [0.7, 0.8, 0.85, 0.9, 1.0])
def test_few_centres_are_looked_at_one_by_one(share, monkeypatch):
    looked_at, look = [0], markers._take_in_order

    def watched(gains, open_pixels, taken):
        looked_at.append(np.count_nonzero(gains))
        look(gains, open_pixels, taken)

    monkeypatch.setattr(markers, "_take_in_order", watched)
    find_markers(np.random.default_rng(0).random((128, 160)) < share)
    assert max(looked_at) <= 1024


def test_a_plane_of_touching_markers_comes_back():
    across, down = np.meshgrid(np.arange(85) * 3 + 1.5, np.arange(85) * 3 + 1.5)
    xy = np.stack([across.ravel(), down.ravel()], axis=1)
    assert find_markers(marker_map(xy, (255, 255)))[0].tolist() == xy.tolist()


@pytest.mark.parametrize("share", [0.8, 0.97, 1.0])
def test_a_raster_of_noise_is_decoded(share):
    marked = (np.random.default_rng(0).random((256, 256)) < share).astype(np.uint8)
    whole = np.ones((3, 3), np.uint8)
    possible = cv2.erode(marked, whole, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    columns, rows = np.floor(find_markers(marked).xy).astype(int).T
    taken = np.zeros_like(marked)
    taken[rows, columns] = 1
    assert (possible[rows, columns] == 1).all()
    assert (cv2.dilate(taken, whole) == cv2.dilate(possible, whole)).all()
    assert taken.sum() == len(rows) > 100


def test_memory_grows_with_the_pixels():
    marked = np.ones((64, 64), np.float32)
    tracemalloc.start()
    find_markers(marked)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400 * marked.size  # a table of possible centres and pixels has 4,096 bytes a pixel


def test_a_map_without_pixels_has_no_markers():
    assert len(find_markers(np.zeros((0, 5)))[0]) == 0
