import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from cellweave.core import InvalidInputError
from cellweave.patterns import poisson_points, thin_by_map, thomas_points

SHAPE = (10.0, 20.0)


def test_poisson_counts_have_equal_mean_and_variance():
    rng = np.random.default_rng(0)
    counts = np.array([len(poisson_points(0.25, SHAPE, rng)) for _ in range(2000)])
    # 50 expected; standard errors: sqrt(50 / 2000) = 0.16 and about 50 sqrt(2 / 2000) = 1.6.
    assert counts.mean() == pytest.approx(50, abs=4 * 0.16)
    assert counts.var() == pytest.approx(50, abs=4 * 1.6)


def test_poisson_points_are_uniform():
    x, y = poisson_points(100, SHAPE, np.random.default_rng(1)).T  # about 20,000 points
    for values, side in ((x, 20), (y, 10)):
        shares = np.histogram(values, 10, (0, side))[0] / len(values)
        np.testing.assert_allclose(shares, 0.1, atol=4 * np.sqrt(0.09 / 20_000))


def test_thomas_counts_by_closed_form():
    rng = np.random.default_rng(2)
    counts = np.array([len(thomas_points(0.05, 4.0, 0.5, shape=SHAPE, rng=rng)) for _ in range(2000)])
    # parents × offspring × area = 40, without a loss at the border.
    # Were clusters points, the variance would be 40 (1 + 4) = 200; clusters cut by the border make it less.
    assert counts.mean() == pytest.approx(40, abs=4 * np.sqrt(200 / 2000))
    assert 120 < counts.var() < 215


def test_thomas_border_is_as_full_as_the_middle():
    rng = np.random.default_rng(3)
    points = np.concatenate([thomas_points(0.5, 4.0, 1.0, shape=SHAPE, rng=rng) for _ in range(300)])
    border = (points[:, 0] < 1).mean()
    # Clusters of 4 spread over more than the strip: its 120,000 / 20 points have at most 5 times Poisson variance.
    assert border == pytest.approx(1 / 20, abs=4 * np.sqrt(5 * 6000) / 120_000)


def test_thomas_pairs_are_closer_than_poisson_pairs_by_closed_form():
    rng = np.random.default_rng(4)
    spread, offspring = 0.3, 6.0
    points = thomas_points(0.5, offspring, spread, shape=(60.0, 60.0), rng=rng)
    inner = points[((points > 2) & (points < 58)).all(axis=1)]
    neighbours = (cKDTree(points).query_ball_point(inner, 2 * spread, return_length=True) - 1).mean()
    # lambda K(r), K(r) = pi r² + (1 - exp(-r² / 4 sigma²)) / parents, at r = 2 sigma; 4 % of sampling error allowed for
    # the 10,800 points in 1,800 clusters (relative standard error about 1 %).
    expected = 0.5 * offspring * (np.pi * (2 * spread) ** 2 + (1 - np.exp(-1)) / 0.5)
    assert neighbours == pytest.approx(expected, rel=0.04)


@given(seed=st.integers(0, 1000), spread=st.floats(0, 30))
def test_points_lie_in_the_window_and_depend_on_the_generator_alone(seed, spread):
    first, again = (thomas_points(0.05, 5, spread, shape=SHAPE, rng=np.random.default_rng(seed)) for _ in range(2))
    assert ((first >= 0) & (first < (20, 10))).all()
    np.testing.assert_array_equal(first, again)


def test_thinning_follows_the_map():
    rng = np.random.default_rng(5)
    points = poisson_points(100, SHAPE, rng)
    # Pixels of side 10: two columns, one row.
    kept = thin_by_map(points, np.array([[0.0, 0.25]], np.float32), rng, pixel=10.0)
    assert (kept[:, 0] >= 10).all()
    right = (points[:, 0] >= 10).sum()
    assert len(kept) == pytest.approx(right / 4, abs=4 * np.sqrt(right * 0.1875))


def test_nothing_is_drawn_where_nothing_is_expected():
    rng = np.random.default_rng(0)
    assert poisson_points(0, SHAPE, rng).shape == (0, 2)
    assert thomas_points(0, 5, 1, shape=SHAPE, rng=rng).shape == (0, 2)
    assert thin_by_map(np.zeros((0, 2)), np.ones((2, 2)), rng).shape == (0, 2)


def test_bad_parameters_are_named():
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidInputError, match=r"intensity must be a number >= 0, got -1"):
        poisson_points(-1, SHAPE, rng)
    with pytest.raises(InvalidInputError, match=r"spread must be a number >= 0, got nan"):
        thomas_points(1, 1, float("nan"), shape=SHAPE, rng=rng)
    with pytest.raises(InvalidInputError, match=r"a window has a height and a width > 0, got \(0, 3\)"):
        poisson_points(1, (0, 3), rng)
    with pytest.raises(InvalidInputError, match=r"points\[1\] is \[5.0, 0.0\], outside the map of 2×2 pixels"):
        thin_by_map(np.array([[1.0, 1.0], [5.0, 0.0]]), np.ones((2, 2)), rng)
