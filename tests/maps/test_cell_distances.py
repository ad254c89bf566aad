import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from cellweave.maps.cell_distances import largest_squared_distance, near_squared_distances, squared_distances
from cellweave.maps.centres import Pixels, pixels_of_centres


@st.composite
def frames_with_cells(draw):
    height, width = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    seed, count = draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 40))
    rng = np.random.default_rng(seed)
    return Pixels(rng.integers(0, height, count), rng.integers(0, width, count)), (height, width)


def exact(pixels, shape):
    """Brute force in whole numbers."""
    rows, columns = np.indices(shape)
    return ((rows[..., None] - pixels.rows) ** 2 + (columns[..., None] - pixels.columns) ** 2).min(axis=-1)


@given(frames_with_cells(), st.integers(0, 1600))
def test_every_way_gives_the_brute_force_distance(frame, reach):
    pixels, shape = frame
    expected = exact(pixels, shape)
    assert (squared_distances(pixels, shape) == expected).all()
    assert largest_squared_distance(pixels, shape) == expected.max()
    near = near_squared_distances(pixels, shape, reach_squared=reach)
    within = expected <= reach
    assert (near[within] == expected[within]).all()
    assert (near[~within] > reach).all()


@pytest.mark.parametrize("reach", [0, 1, 5, 254, 255, 1600])
def test_small_frames_of_every_shape(reach):
    # OpenCV takes a column of four numbers for one colour
    for shape in itertools.product(range(1, 7), repeat=2):
        for place in itertools.product(*map(range, shape)):
            pixels = Pixels(*(np.array([number]) for number in place))
            expected = exact(pixels, shape)
            near = near_squared_distances(pixels, shape, reach_squared=reach)
            assert (np.minimum(near, reach + 1) == np.minimum(expected, reach + 1)).all()
            assert (squared_distances(pixels, shape) == expected).all()
            assert largest_squared_distance(pixels, shape) == expected.max()


@pytest.mark.parametrize(("shape", "count"), [((700, 900), 400), ((700, 900), 1), ((61, 2000), 12), ((512, 512), 3000)])
def test_largest_distance_of_large_frames(shape, count):
    rng = np.random.default_rng(count)
    pixels = Pixels(rng.integers(0, shape[0], count), rng.integers(0, shape[1], count))
    free = np.ones(shape, bool)
    free[pixels] = False
    assert largest_squared_distance(pixels, shape) == round(distance_transform_edt(free).max() ** 2)


def test_largest_distance_in_a_lattice_where_every_block_may_hold_it():
    rows, columns = (axis.ravel() for axis in np.mgrid[10:500:20, 10:500:20])
    assert largest_squared_distance(Pixels(rows, columns), (500, 500)) == 10**2 + 10**2


def test_centres_are_floored_and_may_share_a_pixel():
    pixels = pixels_of_centres([[3.99, 1.0], [3.0, 1.5]], (4, 5))
    assert pixels.rows.tolist() == [1, 1]
    assert pixels.columns.tolist() == [3, 3]
