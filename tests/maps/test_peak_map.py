"""Peak maps: values by hand, the highest of several cells, widths that are none."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cellweave.core import InvalidInputError
from cellweave.maps import peak_map


def test_values_by_hand():
    drawn = peak_map([[3.5, 0.5]], (1, 7), width_px=2.0)
    assert_allclose(drawn[0, 3:], [1, np.exp(-1 / 8), np.exp(-4 / 8), np.exp(-9 / 8)], atol=1e-6)


def test_close_cells_are_no_higher_than_lone_ones():
    both = peak_map([[3.5, 3.5], [5.5, 3.5]], (7, 9))
    apart = [peak_map([xy], (7, 9)) for xy in ([3.5, 3.5], [5.5, 3.5])]
    assert_allclose(both, np.maximum(*apart), atol=1e-6)


def test_what_is_below_the_cutoff_is_zero():
    drawn = peak_map([[0.5, 0.5]], (1, 40), width_px=3.0, cutoff=0.1)
    assert drawn[0, 6] == pytest.approx(np.exp(-2), abs=1e-6)
    assert not drawn[0, 7:].any()


def test_a_width_that_is_none_is_told():
    with pytest.raises(InvalidInputError, match="width_px must be a number > 0, got 0"):
        peak_map([[0.5, 0.5]], (4, 4), width_px=0.0)
