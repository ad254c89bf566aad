import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.ndimage import distance_transform_edt

from cellweave.core import InvalidCellsError, InvalidInputError
from cellweave.maps import (
    ExponentialDistanceCodec,
    FocalInverseDistanceCodec,
    InverseDistanceCodec,
    focal_inverse_distance_map,
    inverse_distance_map,
)

CELLS = st.lists(st.tuples(st.integers(0, 31), st.integers(0, 23)), min_size=1, max_size=8).map(
    lambda cells: [(x + 0.25, y + 0.75) for x, y in cells]
)


def distances(xy, shape):
    background = np.ones(shape, bool)
    for x, y in xy:
        background[int(y), int(x)] = False
    return distance_transform_edt(background)


def test_values_by_hand():
    assert_allclose(inverse_distance_map([[0.5, 0.5]], (1, 5))[0], [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5], rtol=1e-6)
    # at distance 5 the exponent is 0.02 · 5 + 0.75 = 0.85, and 5 ** 0.85 = 3.9276
    focal = focal_inverse_distance_map([[0.5, 0.5]], (5, 4))
    assert focal[4, 3] == pytest.approx(1 / 4.9276, abs=1e-5)
    assert focal[0, :2].tolist() == [1.0, 0.5]


@given(CELLS, st.sampled_from([0.0, 0.05, 0.3]))
def test_against_independent_formulation(xy, cutoff):
    d = distances(xy, (24, 32))
    for got, expected in (
        (inverse_distance_map(xy, (24, 32), constant=2.0, cutoff=cutoff), 1 / (d + 2)),
        (focal_inverse_distance_map(xy, (24, 32), slope=0.1, cutoff=cutoff), 1 / (d ** (0.1 * d + 0.75) + 1)),
    ):
        # rounding may put a value at the cutoff on either side of it
        clear = abs(expected - cutoff) > 1e-7
        assert_allclose(got[clear], np.where(expected < cutoff, 0, expected)[clear], atol=1e-6)


def test_far_cells_in_long_frames():
    # longer than any table of heights, and beyond the reach of the fast way
    d = np.arange(3000.0)
    assert_allclose(inverse_distance_map([[0.5, 0.5]], (1, 3000))[0], 1 / (d + 1), atol=1e-7)
    focal = focal_inverse_distance_map([[0.5, 0.5]], (300, 2), cutoff=0.002)[:, 0]
    expected = 1 / (d[:300] ** (0.02 * d[:300] + 0.75) + 1)
    assert_allclose(focal, np.where(expected < 0.002, 0, expected), atol=1e-7)
    assert focal[40] > 0


def test_no_cells_give_zeros_and_two_on_one_another_are_as_one():
    for draw in (inverse_distance_map, focal_inverse_distance_map):
        assert not draw(np.zeros((0, 2)), (5, 7)).any()
        assert (draw([[2.1, 3.9], [2.8, 3.2]], (5, 7)) == draw([[2.5, 3.5]], (5, 7))).all()


@pytest.mark.parametrize("codec", [InverseDistanceCodec, FocalInverseDistanceCodec, ExponentialDistanceCodec])
def test_the_peak_is_the_height_at_a_cell(codec):
    drawn = codec(constant=4.0, cutoff=0.0).draw([[3.5, 2.5]], (5, 7))
    assert drawn[2, 3] == drawn.max() == codec(constant=4.0).peak == 0.25


def test_a_cutoff_above_all_heights_leaves_nothing():
    assert not inverse_distance_map([[3.5, 2.5]], (5, 7), cutoff=2.0).any()


def test_bad_input_is_told():
    with pytest.raises(InvalidInputError, match="constant must be a number > 0, got 0"):
        inverse_distance_map([[1, 1]], (4, 5), constant=0)
    with pytest.raises(InvalidInputError, match="cutoff must be a number >= 0, got nan"):
        InverseDistanceCodec(cutoff=float("nan"))
    with pytest.raises(InvalidInputError, match=r"slope must be a number >= 0, got -0\.1"):
        FocalInverseDistanceCodec(slope=-0.1)
    with pytest.raises(InvalidInputError, match="offset must be a number > 0, got 0"):
        FocalInverseDistanceCodec(offset=0)
    with pytest.raises(InvalidInputError, match="reach_px must be a number > 0, got 0"):
        ExponentialDistanceCodec(reach_px=0)
    with pytest.raises(InvalidCellsError, match=r"xy\[0\] is \[5.0, 1.0\], outside the 4×5 map"):
        focal_inverse_distance_map([[5, 1]], (4, 5))
