import numpy as np
import pytest
from scipy.linalg import sqrtm

from cellweave.metrics.layout_frechet import frechet_distance, gaussian_moments

RNG = np.random.default_rng(0)
MANY = 10**9
"""So many layouts that covariances are not shrunk."""


def moments(features):
    return gaussian_moments(np.asarray(features, float)).mean(axis=0)[None]


def exact(mean, variances):
    """Moments of a Gaussian with independent features."""
    mean = np.asarray(mean, float)
    return np.concatenate([mean, (np.diag(variances) + np.outer(mean, mean)).ravel()])[None]


def test_independent_features_by_hand():
    # (1 - 4)² + (0 - 0)² + (1 - 3)² + (2 - 2)²; shrinking towards the diagonal changes nothing here
    for size in (40, MANY):
        found = frechet_distance(exact([1, 0], [1, 4]), exact([4, 0], [9, 4]), size=size)
        assert found == pytest.approx(9 + 4)


def test_the_matrix_root_is_that_of_an_independent_formulation():
    one, other = RNG.normal(size=(200, 5)) @ RNG.normal(size=(5, 5)), RNG.normal(size=(200, 5)) + 1
    first, second = (np.cov(side.T, bias=True) for side in (one, other))
    root = sqrtm(first @ second).real
    expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)
    assert frechet_distance(moments(one), moments(other), size=MANY) == pytest.approx(expected, rel=1e-4)


def test_zero_for_the_same_symmetric_and_defined_for_fewer_layouts_than_features():
    one, other = RNG.normal(size=(10, 32)), RNG.normal(size=(10, 32))
    there = frechet_distance(moments(one), moments(other), size=10)
    assert there == pytest.approx(frechet_distance(moments(other), moments(one), size=10), rel=1e-6)
    assert frechet_distance(moments(one), moments(one), size=10) == pytest.approx(0, abs=1e-6)
    assert there > 0


def test_covariances_are_shrunk_by_the_share_of_features_among_features_and_layouts():
    # Correlation 0.8 becomes 0.8 × 6 / (2 + 6) = 0.6 against none: 2 + 2 - 2 (sqrt(1.6) + sqrt(0.4))
    correlated = np.array([[0, 0, 1, 0.8, 0.8, 1]], float)
    found = frechet_distance(correlated, exact([0, 0], [1, 1]), size=6)
    assert found == pytest.approx(4 - 2 * (np.sqrt(1.6) + np.sqrt(0.4)))


def test_what_is_not_defined_is_nan_and_others_are_not_touched():
    both = np.concatenate([exact([1, 0], [1, 4]), np.full((1, 6), np.nan)])
    found = frechet_distance(both, np.concatenate([exact([4, 0], [9, 4])] * 2), size=40)
    assert found[0] == pytest.approx(13)
    assert np.isnan(found[1])
