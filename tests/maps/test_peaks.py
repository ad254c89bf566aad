import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose
from scipy.ndimage import maximum_filter

from cellweave.core import InvalidInputError
from cellweave.maps import CCLS, PeakFinder

MAPS = hnp.arrays(np.float32, (13, 17), elements=st.integers(0, 12).map(lambda level: np.float32(level / 12)))


def test_a_plateau_is_one_cell_at_its_middle():
    heights = np.zeros((9, 9), np.float32)
    heights[3:6, 3:6] = 0.5
    assert PeakFinder(3, 0.1)(heights).xy.tolist() == [[4.5, 4.5]]


def test_equal_peaks_inside_one_window_are_one_cell():
    heights = np.zeros((1, 9), np.float32)
    heights[0, [2, 5]] = 0.5
    assert len(PeakFinder(7, 0.1)(heights).xy) == 1
    assert len(PeakFinder(5, 0.1)(heights).xy) == 2


def test_threshold_is_exclusive():
    heights = np.zeros((3, 3), np.float32)
    heights[1, 1] = 0.25
    assert len(PeakFinder(3, 0.25)(heights).xy) == 0
    assert len(PeakFinder(3, 0.24)(heights).xy) == 1


def test_ccls_is_two_pools_of_eleven():
    rng = np.random.default_rng(5)
    heights = rng.random((60, 50), dtype=np.float32)
    pooled = maximum_filter(maximum_filter(heights, 11, mode="nearest"), 11, mode="nearest")
    rows, columns = np.nonzero((pooled == heights) & (heights > 0.06))
    assert CCLS(heights).xy.tolist() == np.stack([columns + 0.5, rows + 0.5], axis=1).tolist()


def test_ccls_sees_nothing_in_a_flat_map():
    assert len(CCLS(np.full((30, 30), 0.01, np.float32)).xy) == 0


@given(MAPS, st.sampled_from([3, 5, 7]))
def test_no_two_cells_within_half_a_window_and_every_maximum_is_covered(heights, window):
    found = PeakFinder(window, 0.3)(heights).xy
    gaps = abs(found[:, None] - found[None]).max(axis=-1) + np.eye(len(found)) * 1e9
    assert not len(found) or gaps.min() > window // 2
    # the highest pixel of the map is always within reach of a cell
    if heights.max() > 0.3:
        assert heights[tuple((found - 0.5).astype(int).T[::-1])].max() == heights.max()


@given(MAPS)
def test_scores_are_the_heights_and_more_threshold_only_removes(heights):
    low, high = PeakFinder(5, 0.2)(heights), PeakFinder(5, 0.5)(heights)
    assert_allclose(low.scores, [heights[int(y), int(x)] for x, y in low.xy])
    assert set(map(tuple, high.xy)) == {tuple(xy) for xy, score in zip(low.xy, low.scores, strict=True) if score > 0.5}


def test_subpixel_finds_the_top_of_a_parabola():
    x, y = np.meshgrid(np.arange(20) + 0.5, np.arange(20) + 0.5)
    heights = 1 - 0.01 * ((x - 9.7) ** 2 + (y - 10.2) ** 2)
    assert_allclose(PeakFinder(5, 0.5, subpixel=True)(heights).xy, [[9.7, 10.2]], atol=1e-4)


def test_subpixel_stays_inside_the_pixel_at_the_border():
    heights = np.zeros((4, 4), np.float32)
    heights[0, 3] = 1
    assert PeakFinder(3, 0.5, subpixel=True)(heights).xy.tolist() == [[3.5, 0.5]]


def test_bad_input_is_told():
    with pytest.raises(InvalidInputError, match="window_px must be odd and >= 3, got 4"):
        PeakFinder(4, 0.1)
    with pytest.raises(InvalidInputError, match="must be finite"):
        PeakFinder(3, 0.1)(np.array([[np.nan, 1.0]]))
    with pytest.raises(InvalidInputError, match=r"must have shape \(H, W\)"):
        PeakFinder(3, 0.1)(np.zeros((1, 2, 2)))
