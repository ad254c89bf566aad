import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.ndimage import distance_transform_edt

from cellweave.core import Cells, InvalidCellsError, InvalidInputError
from cellweave.maps import ExponentialDistanceCodec, PeakFinder, exponential_distance_map

SPARSE = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 11)), max_size=8, unique=True).map(
    lambda cells: [(2 * x + 0.5, 2 * y + 0.5) for x, y in cells]
)


@pytest.mark.parametrize(("reach", "distance", "value"), [(20, 1, 0.5), (20, 2, 0.2612), (100, 2, 0.3810)])
def test_values_given_by_the_paper_reading(reach, distance, value):
    # a row of pixels whose farthest one is `reach` away from the only cell
    row = exponential_distance_map([[0.5, 0.5]], (1, reach + 1))[0]
    assert row[0] == 1.0
    assert row[distance] == pytest.approx(value, abs=5e-5)


def test_fixed_reach_makes_crop_and_map_commute():
    xy = np.array([[10.5, 12.5], [30.5, 8.5]])
    whole = exponential_distance_map(xy, (40, 40), reach_px=20)
    crop = exponential_distance_map(xy - (5, 5), (30, 30), reach_px=20)
    assert_allclose(whole[5:35, 5:35], crop, atol=1e-6)


def test_no_cells_give_zeros():
    assert not exponential_distance_map(np.zeros((0, 2)), (5, 7)).any()


@given(SPARSE)
def test_against_independent_formulation(xy):
    background = np.ones((24, 32), bool)
    for x, y in xy:
        background[int(y), int(x)] = False
    d = distance_transform_edt(background)
    with np.errstate(over="ignore"):
        expected = 1 / (1 + d ** (10 * d / max(d.max(), 1) + 0.5)) if xy else np.zeros((24, 32))
    expected[expected < 0.01] = 0
    # opencv's exact distance is float32; near the cutoff a value may fall on either side of it
    got = exponential_distance_map(xy, (24, 32))
    near_cutoff = abs(expected - 0.01) < 1e-4
    assert_allclose(got[~near_cutoff], expected[~near_cutoff], atol=1e-5)


@given(SPARSE)
def test_turning_the_image_turns_the_map(xy):
    flipped = [(32 - x, y) for x, y in xy]
    assert_allclose(
        exponential_distance_map(xy, (24, 32))[:, ::-1], exponential_distance_map(flipped, (24, 32)), atol=1e-6
    )


@given(SPARSE, st.data())
def test_encode_then_decode_returns_the_cells(xy, data):
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(xy), max_size=len(xy)))
    cells = Cells(xy, labels, classes=("a", "b", "c"), shape=(24, 32), mpp=0.5)
    codec = ExponentialDistanceCodec(finder=PeakFinder(3, 0.6))
    back = codec.decode(codec.encode(cells), classes=cells.classes, mpp=0.5)
    assert back.mpp == 0.5
    assert {(x, y, label) for (x, y), label in zip(back.xy, back.labels, strict=True)} == {
        (x, y, label) for (x, y), label in zip(cells.xy, cells.labels, strict=True)
    }


def test_bad_input_is_told():
    with pytest.raises(InvalidCellsError, match=r"xy\[1\] is \[9.0, 1.0\], outside the 4×5 map"):
        exponential_distance_map([[1, 1], [9, 1]], (4, 5))
    with pytest.raises(InvalidCellsError, match=r"xy must have shape \(N, 2\)"):
        exponential_distance_map([[1, 1, 1]], (4, 5))
    with pytest.raises(InvalidCellsError, match="nan"):
        exponential_distance_map([[np.nan, 1]], (4, 5))
    with pytest.raises(InvalidInputError, match=r"a raster of 2 classes must have shape \(2, H, W\), got \(3, 4, 5\)"):
        ExponentialDistanceCodec().decode(np.zeros((3, 4, 5)), classes=("a", "b"))
