import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import gaussian_kde
from sklearn.mixture import GaussianMixture

from cellweave.core import Cells, InvalidInputError
from cellweave.maps import (
    DensitySettings,
    density_constant,
    density_maps,
    draw_densities,
    fit_densities,
    fit_gaussian_mixture,
    fit_kernel_density,
    scale_densities,
)

SHAPE = (40, 60)
RNG = np.random.default_rng(0)
TWO_CLUSTERS = np.concatenate([RNG.normal((15, 20), (3, 6), (60, 2)), RNG.normal((45, 12), (5, 2), (40, 2))]).clip(
    0, (59.9, 39.9)
)


def cells_of(xy, *, labels=None, classes=("a", "b")):
    return Cells(xy, np.zeros(len(xy), int) if labels is None else labels, classes=classes, shape=SHAPE)


@pytest.mark.parametrize("factor", [None, 0.3, 1.0])
def test_kernel_density_is_that_of_scipy(factor):
    grid = density_maps(cells_of(TWO_CLUSTERS), "kde", factor=factor, least_spread_px=0.1)[0]
    rows, columns = np.mgrid[:40, :60] + 0.5
    expected = gaussian_kde(TWO_CLUSTERS.T, bw_method=factor)(np.stack([columns.ravel(), rows.ravel()]))
    # maps are drawn in single precision, within 1e-5 of the peak
    np.testing.assert_allclose(grid, expected.reshape(SHAPE), rtol=1e-5, atol=2e-6 * expected.max())


def test_mixture_is_that_of_scikit_learn_with_the_smallest_bic():
    found = fit_gaussian_mixture(TWO_CLUSTERS, seed=3)
    fits = [GaussianMixture(k, reg_covar=9.0, random_state=3, max_iter=300).fit(TWO_CLUSTERS) for k in range(1, 11)]
    best = min(fits, key=lambda fit: fit.bic(TWO_CLUSTERS))
    assert best.n_components == len(found.weights) == 2
    xy = RNG.random((50, 2)) * (60, 40)
    np.testing.assert_allclose(np.log(found.density(xy)), best.score_samples(xy), atol=1e-3)  # each EM ends early


def test_number_of_components_can_be_given_as_far_as_there_are_points():
    assert len(fit_gaussian_mixture(TWO_CLUSTERS, components=5).weights) == 5
    assert len(fit_gaussian_mixture(TWO_CLUSTERS[:7], components=5).weights) == 2  # three distinct points each
    assert len(fit_gaussian_mixture(TWO_CLUSTERS, most_components=1).weights) == 1


def test_classes_have_their_own_density_and_few_cells_none():
    labels = np.array([0] * 60 + [1] * 40)
    for method in ("kde", "gmm", "gmcm"):
        maps = density_maps(cells_of(TWO_CLUSTERS, labels=labels), method)
        assert (maps.shape, maps.dtype) == ((2, *SHAPE), np.float32)
        peaks = [np.unravel_index(one.argmax(), SHAPE) for one in maps]
        assert abs(peaks[0][1] - 15) < 4
        assert abs(peaks[1][1] - 45) < 4
        few = density_maps(cells_of(TWO_CLUSTERS[:2]), method)
        assert not few.any()
        unknown = density_maps(cells_of(TWO_CLUSTERS, labels=np.full(100, -1)), method)
        assert not unknown.any()


def test_a_map_is_a_density_whatever_the_number_of_cells():
    # Repeating all points leaves mean and covariance; only n - 1 and Scott's factor know of it, so that is given.
    maps = [density_maps(cells_of(np.tile(TWO_CLUSTERS, (n, 1))), "kde", factor=0.4)[0] for n in (1, 20)]
    np.testing.assert_allclose(*maps, rtol=0.05, atol=1e-6)
    assert maps[0].sum() == pytest.approx(0.9, abs=0.1)


def test_none_is_zero_everywhere():
    assert not density_maps(cells_of(TWO_CLUSTERS), "none").any()


DEGENERATE = arrays(float, st.tuples(st.integers(3, 12), st.just(2)), elements=st.sampled_from([5.5, 20.0, 20.5, 30.0]))


@settings(max_examples=25, deadline=None)
@given(xy=DEGENERATE, method=st.sampled_from(["kde", "gmm"]))
def test_degenerate_points_give_a_finite_density(xy, method):
    grid = density_maps(cells_of(xy), method, least_spread_px=2.0)[0]
    assert np.isfinite(grid).all()
    assert 0 < grid.max() <= 1 / (2 * np.pi * 2.0**2) * (1 + 1e-5)  # no component is narrower than 2 px
    assert 0 < grid.sum() < 1.01


@settings(max_examples=25, deadline=None)
@given(xy=DEGENERATE, components=st.sampled_from([None, 1, 4]))
def test_degenerate_points_give_a_finite_copula_model(xy, components):
    grid = density_maps(cells_of(xy), "gmcm", least_spread_px=2.0, components=components)[0]
    assert np.isfinite(grid).all()
    assert grid.min() >= 0
    assert 0.1 < grid.sum() < 1.05


@pytest.mark.parametrize("method", ["kde", "gmm", "gmcm"])
def test_the_maps_of_an_image_do_not_depend_on_the_others_or_on_the_order_of_its_cells(method):
    images = [
        cells_of(TWO_CLUSTERS[::2], labels=np.arange(50) % 2),
        Cells(TWO_CLUSTERS[:9], [0] * 9, classes=("a", "b"), shape=(45, 61)),
        Cells.empty(classes=("a", "b"), shape=(40, 60)),
    ]
    settings = DensitySettings(method)
    together = draw_densities(images, settings, seed=3)
    assert [one.shape for one in together] == [(2, 40, 60), (2, 45, 61), (2, 40, 60)]
    for one, cells in zip(together, images, strict=True):
        np.testing.assert_array_equal(draw_densities([cells], settings, seed=3)[0], one)
    turned = images[0].select(np.arange(50)[::-1])
    np.testing.assert_allclose(draw_densities([turned], settings, seed=3)[0], together[0], rtol=1e-4, atol=1e-9)


def test_points_in_one_place_give_a_gaussian_of_the_least_spread():
    expected = 1 / (2 * np.pi * 9)
    for fit in (fit_kernel_density, fit_gaussian_mixture):
        for xy in ([[20.0, 20.0]], [[20.0, 20.0]] * 4):
            assert fit(xy).density([[20.0, 20.0]])[0] == pytest.approx(expected)


def test_points_on_a_line_have_the_least_spread_across_it():
    along = np.linspace(0, 30, 20)
    kernel = fit_kernel_density(np.stack([along, along], axis=1), least_spread_px=2.0).covariances[0]
    variances, axes = np.linalg.eigh(kernel)
    assert variances[0] == pytest.approx(4)
    assert variances[1] == pytest.approx(2 * along.var(ddof=1) * 20 ** (-1 / 3))
    assert abs(axes[:, 1]) == pytest.approx([np.sqrt(0.5)] * 2)


def test_same_seed_same_maps():
    cells = cells_of(RNG.random((80, 2)) * (60, 40))
    for method in ("gmm", "gmcm"):
        first, again, other = (density_maps(cells, method, seed=seed, components=6) for seed in (5, 5, 6))
        np.testing.assert_array_equal(first, again)
        assert not np.allclose(first, other, rtol=1e-3, atol=0)


def test_constant_is_a_quantile_that_empty_channels_do_not_move():
    maps = [np.arange(200.0).reshape(2, 10, 10), np.zeros((2, 5, 5))]
    assert density_constant(maps) == pytest.approx(np.quantile(np.arange(200), 0.99), rel=1e-6)
    assert density_constant(maps, quantile=0.5) == pytest.approx(99.5)


def test_scaling_clamps():
    np.testing.assert_allclose(scale_densities([[0, 1, 2, 5]], 4), [[-1, -0.5, 0, 1]])
    assert scale_densities([[0]], 4).dtype == np.float32


def test_bad_input_is_named():
    cells = cells_of(TWO_CLUSTERS)
    with pytest.raises(InvalidInputError, match="one of kde, gmm, gmcm, none, got 'gcm'"):
        density_maps(cells, "gcm")
    with pytest.raises(InvalidInputError, match=r"only the density 'kde' has a bandwidth factor, got 0\.5 of 'gmm'"):
        density_maps(cells, "gmm", factor=0.5)
    with pytest.raises(InvalidInputError, match="only the densities 'gmm' and 'gmcm' have components, got 4 of 'kde'"):
        density_maps(cells, "kde", components=4)
    with pytest.raises(InvalidInputError, match="'none' fits nothing"):
        fit_densities([TWO_CLUSTERS], DensitySettings("none"))
    with pytest.raises(InvalidInputError, match="a seed is a number >= 0, got -1"):
        density_maps(cells, "gmm", seed=-1)
    with pytest.raises(InvalidInputError, match="factor must be a number > 0, got -1"):
        density_maps(cells, "kde", factor=-1)
    with pytest.raises(InvalidInputError, match="components must be >= 1, got 0"):
        density_maps(cells, "gmm", components=0)
    with pytest.raises(InvalidInputError, match="least_spread_px must be a number > 0, got 0"):
        density_maps(cells, "gmm", least_spread_px=0)
    with pytest.raises(InvalidInputError, match=r"N >= 1, got shape \(0, 2\)"):
        fit_gaussian_mixture(np.zeros((0, 2)))
    with pytest.raises(InvalidInputError, match=r"points\[1\] is \[nan, 1.0\], which is not finite"):
        fit_kernel_density([[1, 1], [np.nan, 1]])
    with pytest.raises(InvalidInputError, match="no densities to scale; use the density method 'none'"):
        density_constant([np.zeros((2, 4, 4))])
    with pytest.raises(InvalidInputError, match=r"a quantile lies in 0\.\.1, got 2"):
        density_constant([np.ones((1, 2, 2))], quantile=2)
    with pytest.raises(InvalidInputError, match="divided by a number > 0, got 0"):
        scale_densities([[1.0]], 0)
