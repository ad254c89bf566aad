import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import maximum_filter

from cellweave.core import InvalidInputError
from cellweave.maps import LMDS, RelativePeakFinder

SQUARE = np.zeros((7, 9), np.float32)


def with_heights(*places):
    heights = SQUARE.copy()
    for row, column, value in places:
        heights[row, column] = value
    return heights


def test_threshold_is_a_share_of_the_maximum_and_inclusive():
    heights = with_heights((1, 1, 0.5), (1, 5, 0.5 * 101 / 255), (5, 1, 0.5 * 99 / 255))
    assert LMDS(heights).xy.tolist() == [[1.5, 1.5], [5.5, 1.5]]
    half = RelativePeakFinder(share=0.5)
    assert len(half(with_heights((1, 1, 1.0), (5, 5, 0.5))).xy) == 2


def test_nothing_below_a_tenth():
    assert len(LMDS(with_heights((2, 2, 0.0999))).xy) == 0
    assert len(LMDS(with_heights((2, 2, 0.1))).xy) == 1
    assert len(LMDS(SQUARE).xy) == 0
    assert len(LMDS(SQUARE - 1).xy) == 0
    assert len(LMDS(np.zeros((0, 4))).xy) == 0


def test_a_plateau_is_one_cell_at_its_middle():
    heights = SQUARE.copy()
    heights[2:5, 3:8] = 0.7
    peaks = LMDS(heights)
    assert peaks.xy.tolist() == [[5.5, 3.5]]
    assert peaks.scores.tolist() == pytest.approx([0.7])


def test_subpixel_moves_the_peak_towards_the_higher_side():
    heights = with_heights((3, 4, 1.0), (3, 5, 0.5))
    assert RelativePeakFinder(subpixel=True)(heights).xy[0] == pytest.approx([4.5 + 0.5 * 0.5 / 1.5, 3.5])


@given(hnp.arrays(np.float32, (12, 14), elements=st.integers(1, 10**6).map(lambda i: i / 10**6), unique=True))
def test_against_independent_formulation(heights):
    kept = (maximum_filter(heights, 3, mode="nearest") == heights) & (heights >= np.float32(100 / 255) * heights.max())
    rows, columns = np.nonzero(kept) if heights.max() >= np.float32(0.1) else ([], [])
    found = LMDS(heights)
    assert found.xy.tolist() == [[c + 0.5, r + 0.5] for r, c in zip(rows, columns, strict=True)]
    assert found.scores.tolist() == [heights[r, c] for r, c in zip(rows, columns, strict=True)]


def test_bad_input_is_told():
    with pytest.raises(InvalidInputError, match="window_px must be odd and >= 3, got 4"):
        RelativePeakFinder(window_px=4)
    with pytest.raises(InvalidInputError, match=r"share must be > 0 and <= 1, got 1\.5"):
        RelativePeakFinder(share=1.5)
    with pytest.raises(InvalidInputError, match="least_maximum must be a number > 0, got 0"):
        RelativePeakFinder(least_maximum=0)
    with pytest.raises(InvalidInputError, match="must be finite"):
        LMDS([[np.nan, 1.0]])
    with pytest.raises(InvalidInputError, match=r"must have shape \(H, W\)"):
        LMDS(np.zeros((1, 2, 2)))
