import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from cellweave.maps import (
    GaussianMixture2D,
    GaussianMixtureCopula2D,
    UnivariateMixture,
    fit_gaussian_mixture,
    fit_gaussian_mixture_copulas,
)

ACROSS = UnivariateMixture(np.array([0.4, 0.6]), np.array([20.0, 60.0]), np.array([6.0, 10.0]))
ALONG = UnivariateMixture(np.array([0.7, 0.3]), np.array([30.0, 70.0]), np.array([8.0, 5.0]))
TWO = GaussianMixture2D(
    np.array([0.45, 0.55]),
    np.array([[-1.0, 0.5], [1.2, -0.4]]),
    np.array([[[0.5, 0.2], [0.2, 0.6]], [[0.7, -0.3], [-0.3, 0.4]]]),
)
RNG = np.random.default_rng(0)


def one_gaussian(correlation, *, mean=(0.0, 0.0), scale=(1.0, 1.0)):
    a, b = scale
    covariance = np.array([[a * a, correlation * a * b], [correlation * a * b, b * b]])
    return GaussianMixture2D(np.ones(1), np.array([mean]), covariance[None])


def test_without_correlation_it_is_the_product_of_its_marginals():
    model = GaussianMixtureCopula2D((ACROSS, ALONG), one_gaussian(0.0))
    xy = RNG.random((50, 2)) * 100
    np.testing.assert_allclose(model.density(xy), ACROSS.density(xy[:, 0]) * ALONG.density(xy[:, 1]), rtol=1e-9)


def test_one_component_is_the_gaussian_copula():
    rho = 0.6
    model = GaussianMixtureCopula2D((ACROSS, ALONG), one_gaussian(rho, mean=(3.0, -2.0), scale=(2.0, 5.0)))
    xy = RNG.random((50, 2)) * (60, 60) + (15, 20)
    a, b = ndtri(ACROSS.distribution(xy[:, 0])), ndtri(ALONG.distribution(xy[:, 1]))
    copula = np.exp(-(rho**2 * (a**2 + b**2) - 2 * rho * a * b) / (2 * (1 - rho**2))) / np.sqrt(1 - rho**2)
    expected = copula * ACROSS.density(xy[:, 0]) * ALONG.density(xy[:, 1])
    np.testing.assert_allclose(model.density(xy), expected, rtol=1e-6)


def test_with_the_marginals_of_its_mixture_it_is_the_mixture():
    marginals = tuple(
        UnivariateMixture(TWO.weights, TWO.means[:, i], np.sqrt(TWO.covariances[:, i, i])) for i in (0, 1)
    )
    xy = RNG.normal(0, 1.2, (50, 2))
    np.testing.assert_allclose(GaussianMixtureCopula2D(marginals, TWO).density(xy), TWO.density(xy), rtol=1e-6)


@pytest.mark.parametrize("mixture", [one_gaussian(-0.9), TWO], ids=["one", "two"])
def test_it_integrates_to_1_and_has_the_marginals(mixture):
    model = GaussianMixtureCopula2D((ACROSS, ALONG), mixture)
    axis = np.arange(-40.0, 140.0)
    x, y = np.meshgrid(axis, axis)
    values = model.density(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
    assert values.sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(values.sum(axis=0), ACROSS.density(axis), atol=1e-5)
    np.testing.assert_allclose(values.sum(axis=1), ALONG.density(axis), atol=1e-5)


def test_the_grid_holds_the_density_at_pixel_centres():
    model = GaussianMixtureCopula2D((ACROSS, ALONG), TWO)
    grid = model.on_grid((90, 80))
    assert (grid.shape, grid.dtype) == ((90, 80), np.float32)
    assert grid[33, 21] == pytest.approx(model.density([[21.5, 33.5]])[0], rel=1e-6)


def test_far_from_everything_the_density_is_0_and_finite():
    model = GaussianMixtureCopula2D((ACROSS, ALONG), TWO)
    np.testing.assert_allclose(model.density([[1e4, 1e4], [-1e4, 30], [40, -1e4]]), 0, atol=1e-30)


def test_a_fit_to_correlated_gaussian_points_is_that_gaussian():
    covariance = [[400.0, 240.0], [240.0, 225.0]]
    points = RNG.multivariate_normal([100, 80], covariance, 400)
    model = fit_gaussian_mixture_copulas([points], least_spread_px=0.5, most_components=3)[0]
    assert len(model.mixture.weights) == 1
    (xx, xy), (_, yy) = model.mixture.covariances[0]
    assert xy / np.sqrt(xx * yy) == pytest.approx(np.corrcoef(points.T)[0, 1], abs=0.03)
    truth = multivariate_normal([100, 80], covariance)
    assert np.log(model.density(points)).mean() == pytest.approx(truth.logpdf(points).mean(), abs=0.03)


def test_a_fit_finds_dependence_that_the_marginals_do_not_show():
    # two clusters on one diagonal have the same marginals as the two on the other
    clusters = [(30, 30), (90, 90)]
    points = np.concatenate([RNG.normal(one, 6, (80, 2)) for one in clusters])
    model = fit_gaussian_mixture_copulas([points], least_spread_px=1.0, most_components=3)[0]
    on, off = model.density([[30, 30], [90, 90]]), model.density([[30, 90], [90, 30]])
    assert on.min() > 100 * off.max()
    mixture = fit_gaussian_mixture(points, least_spread_px=1.0)
    assert np.log(model.density(points)).mean() > np.log(mixture.density(points)).mean() - 0.1


def test_iterating_is_no_worse_than_the_mixture_of_normal_scores(monkeypatch):
    points = np.concatenate([RNG.normal(one, (5, 12), (60, 2)) for one in [(20, 30), (70, 80), (80, 20)]])
    iterated = fit_gaussian_mixture_copulas([points], components=3)[0]
    monkeypatch.setattr("cellweave.maps.copula_fits.MOST_STEPS", 1)
    first = fit_gaussian_mixture_copulas([points], components=3)[0]
    gain = np.log(iterated.density(points)).sum() - np.log(first.density(points)).sum()
    assert gain > 1


def test_the_number_of_components_can_be_given_and_bic_penalises_it():
    points = RNG.normal(50, 10, (60, 2))
    assert len(fit_gaussian_mixture_copulas([points], components=4)[0].mixture.weights) == 4
    assert len(fit_gaussian_mixture_copulas([points])[0].mixture.weights) == 1
    assert len(fit_gaussian_mixture_copulas([points[:7]], components=4)[0].mixture.weights) == 2


def test_points_in_one_place_give_a_gaussian_of_the_least_spread():
    for xy in ([[20.0, 20.0]], [[20.0, 20.0]] * 4):
        model = fit_gaussian_mixture_copulas([xy], least_spread_px=3.0)[0]
        expected = np.exp(-0.5 * np.array([0, 1, 2])) / (2 * np.pi * 9)
        np.testing.assert_allclose(model.density([[20, 20], [23, 20], [17, 23]]), expected, rtol=1e-9)
