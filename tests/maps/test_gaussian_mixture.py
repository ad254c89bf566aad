import numpy as np
import pytest
from scipy.stats import multivariate_normal

from cellweave.core import InvalidInputError
from cellweave.maps import GaussianMixture2D

MIXTURE = GaussianMixture2D(
    np.array([0.25, 0.75]),
    np.array([[5.0, 9.0], [14.0, 6.0]]),
    np.array([[[4.0, 1.5], [1.5, 2.0]], [[9.0, -2.0], [-2.0, 3.0]]]),
)


def test_density_is_that_of_scipy():
    xy = np.random.default_rng(0).random((200, 2)) * 30 - 5
    expected = sum(
        weight * multivariate_normal(mean, covariance).pdf(xy)
        for weight, mean, covariance in zip(MIXTURE.weights, MIXTURE.means, MIXTURE.covariances, strict=True)
    )
    np.testing.assert_allclose(MIXTURE.density(xy), expected, rtol=1e-9)


def test_grid_holds_the_density_at_pixel_centres():
    grid = MIXTURE.on_grid((20, 30))
    assert (grid.shape, grid.dtype) == ((20, 30), np.float32)
    assert grid[7, 12] == pytest.approx(MIXTURE.density([[12.5, 7.5]])[0], rel=1e-6)
    assert grid.sum() == pytest.approx(1, abs=0.01)  # the tails beyond the frame are missing


def test_blocks_make_no_difference(monkeypatch):
    whole = MIXTURE.on_grid((20, 30))
    monkeypatch.setattr("cellweave.maps.gaussian_mixture._BLOCK", 14)
    np.testing.assert_allclose(MIXTURE.on_grid((20, 30)), whole, rtol=1e-6)


def test_narrow_components_far_from_the_origin_stay_exact():
    narrow = GaussianMixture2D(np.array([1.0]), np.array([[4000.0, 3000.0]]), np.array([np.eye(2) * 0.25]))
    np.testing.assert_allclose(
        narrow.density([[4000, 3000], [4000.5, 3000]]), np.array([1, np.exp(-0.5)]) / (2 * np.pi * 0.25), rtol=1e-6
    )


def test_bad_components_are_named():
    with pytest.raises(InvalidInputError, match=r"means \(1, 2\) and covariances \(1, 2, 2\)"):
        GaussianMixture2D(np.ones(1), np.zeros((2, 2)), np.zeros((1, 2, 2)))
    with pytest.raises(InvalidInputError, match="covariance is singular"):
        GaussianMixture2D(np.ones(1), np.zeros((1, 2)), np.ones((1, 2, 2)))
