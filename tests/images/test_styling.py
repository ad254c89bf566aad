"""Where nuclei are, for the style of training images: by their mask, or by their centres."""

import numpy as np
import pytest

from cellweave.core import Cells
from cellweave.images.styling import between_nuclei


@pytest.mark.parametrize(("mpp", "reach"), [(0.5, 8), (None, 8), (1.0, 4)])
def test_pixels_within_four_micrometres_of_a_centre_are_its_nucleus(mpp, reach):
    between = between_nuclei(Cells([[20.5, 20.5]], [0], classes=["a"], shape=(41, 41), mpp=mpp))
    rows, columns = np.mgrid[:41, :41]
    assert np.array_equal(between, np.hypot(rows - 20, columns - 20) > reach)


def test_without_cells_all_is_between():
    assert between_nuclei(Cells.empty(classes=["a"], shape=(4, 5))).all()
