import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellweave.maps import GaussianMixture2D, fit_kernel_density
from cellweave.maps.mixture_grids import equal_components_on_pixels, mixture_on_axes, suits_tiles


def in_double(mixture, shape):
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    return mixture.density(np.stack([columns.ravel(), rows.ravel()], axis=1)).reshape(shape)


def a_mixture(rng, count, shape, widths):
    turns = rng.uniform(0, np.pi, count)
    axes = np.stack([[np.cos(turns), -np.sin(turns)], [np.sin(turns), np.cos(turns)]]).transpose(2, 0, 1)
    spreads = rng.uniform(*widths, (count, 1, 2))
    weights = rng.random(count) + 0.01
    means = rng.random((count, 2)) * shape[::-1]
    return GaussianMixture2D(weights / weights.sum(), means, (axes * spreads**2) @ axes.transpose(0, 2, 1))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(1, 12), height=st.integers(1, 90), width=st.integers(1, 90))
def test_a_grid_is_within_1e_5_of_the_peak(seed, count, height, width):
    mixture = a_mixture(np.random.default_rng(seed), count, (height, width), (0.5, 40))
    peak = mixture.density(mixture.means).max()
    np.testing.assert_allclose(mixture.on_grid((height, width)), in_double(mixture, (height, width)), atol=1e-5 * peak)


def test_a_narrow_component_across_a_large_frame_takes_double_precision():
    narrow = GaussianMixture2D(
        np.ones(1), np.array([[200.0, 200.0]]), np.array([[[90000.0, 89999.0], [89999.0, 90000]]])
    )
    axis = np.arange(400) + 0.5
    values = mixture_on_axes(narrow.weights, narrow.means, narrow.covariances, x=axis, y=axis)
    assert values.dtype == np.float64
    expected = in_double(narrow, (400, 400))
    np.testing.assert_allclose(values, expected, atol=1e-5 * expected.max())


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    count=st.integers(2, 60),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    spread=st.floats(2.01, 60),
    stretch=st.floats(1, 20),
)
def test_equal_components_by_tiles_are_within_1e_5_of_the_peak(seed, count, height, width, spread, stretch):
    rng = np.random.default_rng(seed)
    one = a_mixture(rng, 1, (height, width), (spread, spread * stretch)).covariances
    means = rng.random((count, 2)) * (width, height)
    mixture = GaussianMixture2D(np.full(count, 1 / count), means, np.repeat(one, count, axis=0))
    assert suits_tiles(mixture.covariances)
    grid = equal_components_on_pixels(mixture.weights, means, one[0], (height, width))
    peak = mixture.density(means).max()
    np.testing.assert_allclose(grid, in_double(mixture, (height, width)), atol=1e-5 * peak)
    np.testing.assert_allclose(mixture.on_grid((height, width)), grid)


def test_tiles_are_for_equal_components_that_are_not_narrow():
    wide, narrow = np.eye(2) * 4.0, np.eye(2) * 3.9
    assert suits_tiles(np.stack([wide, wide]))
    assert not suits_tiles(np.stack([narrow, narrow]))
    assert not suits_tiles(np.stack([wide, narrow]))
    assert not suits_tiles(wide[None])


@pytest.mark.parametrize("shape", [(0, 5), (5, 0)])
def test_an_empty_frame_has_an_empty_grid(shape):
    for points in ([[1.0, 1.0]], [[1.0, 1.0], [3.0, 1.0]]):
        assert fit_kernel_density(points).on_grid(shape).shape == shape


def test_blocks_of_tiles_make_no_difference(monkeypatch):
    points = np.random.default_rng(0).random((40, 2)) * 70
    whole = fit_kernel_density(points).on_grid((70, 80))
    monkeypatch.setattr("cellweave.maps.mixture_grids._BLOCK", 1)
    np.testing.assert_allclose(fit_kernel_density(points).on_grid((70, 80)), whole, rtol=1e-6)
