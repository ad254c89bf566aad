import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellweave.core import InvalidInputError
from cellweave.patterns import (
    border_distances,
    nearest_neighbour_distances,
    nearest_neighbour_distribution,
    poisson_points,
)

POINTS = arrays(float, st.tuples(st.integers(0, 15), st.just(2)), elements=st.floats(0, 10))


@given(xy=POINTS, to=st.none() | POINTS)
def test_distances_agree_with_all_pairs(xy, to):
    others = xy if to is None else to
    gaps = np.linalg.norm(xy[:, None] - others[None], axis=-1)
    if to is None:
        np.fill_diagonal(gaps, np.inf)
    expected = gaps.min(axis=1) if len(others) > (to is None) else []
    np.testing.assert_allclose(nearest_neighbour_distances(xy, to=to), expected, atol=1e-12)


def test_nobody_to_be_a_neighbour():
    assert nearest_neighbour_distances([[1, 1]]).shape == (0,)
    assert nearest_neighbour_distances([[1, 1]], to=np.zeros((0, 2))).shape == (0,)
    assert nearest_neighbour_distances(np.zeros((0, 2)), to=[[1, 1]]).shape == (0,)
    assert nearest_neighbour_distances([[1, 1]], to=[[4, 5]]).tolist() == [5]


def test_border_distances_by_hand():
    assert border_distances([[1, 5], [9, 5], [5, 0.5], [5, 7]], (8, 10)).tolist() == [1, 1, 0.5, 1]
    assert border_distances(np.zeros((0, 2)), (8, 10)).shape == (0,)


def test_kaplan_meier_by_hand():
    # Distances 1 and 3 are known; 2 is only known to exceed 1.5. At 1, one of three; at 3, one of the one left.
    found = nearest_neighbour_distribution([1, 2, 3], [4, 1.5, 4], [0.5, 1, 2, 3])
    np.testing.assert_allclose(found, [0, 1 / 3, 1 / 3, 1])


def test_without_censoring_it_is_the_share():
    distances = np.random.default_rng(0).random(50)
    radii = np.linspace(0, 1, 9)
    shares = [(distances <= r).mean() for r in radii]
    np.testing.assert_allclose(nearest_neighbour_distribution(distances, np.full(50, 9), radii), shares, atol=1e-12)
    assert np.isnan(nearest_neighbour_distribution([], [], radii)).all()


def test_poisson_by_closed_form_where_the_plain_share_is_biased():
    rng = np.random.default_rng(1)
    shape = (10.0, 10.0)
    patterns = [poisson_points(0.2, shape, rng) for _ in range(800)]
    distances = np.concatenate([nearest_neighbour_distances(xy) for xy in patterns])
    borders = np.concatenate([border_distances(xy, shape) for xy in patterns])
    radii = np.array([0.5, 1.0, 1.5, 2.0])
    expected = 1 - np.exp(-0.2 * np.pi * radii**2)
    # 16,000 points; binomial standard error below 0.004, a little more for those censored.
    np.testing.assert_allclose(nearest_neighbour_distribution(distances, borders, radii), expected, atol=0.02)
    plain = np.array([(distances <= r).mean() for r in radii])
    assert (expected - plain).max() > 0.04


def test_bad_input_is_named():
    with pytest.raises(InvalidInputError, match=r"shape \(N, 2\), got \(1, 3\)"):
        nearest_neighbour_distances([[1, 2, 3]])
    with pytest.raises(InvalidInputError, match="got 1 for 2"):
        nearest_neighbour_distribution([1, 2], [1], [1])
    with pytest.raises(InvalidInputError, match="outside the window"):
        border_distances([[11, 1]], (8, 10))
