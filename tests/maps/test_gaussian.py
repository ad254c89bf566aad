import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import dblquad
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

from cellweave.core import InvalidCellsError, InvalidInputError
from cellweave.maps import (
    GaussianCodec,
    NeighbourGaussianCodec,
    gaussian_density_map,
    gaussian_peak,
    neighbour_sigmas,
)

CELLS = st.lists(st.tuples(st.floats(0, 31.9), st.floats(0, 23.9)), min_size=1, max_size=8)


def test_mass_within_one_sigma_by_hand():
    # a pixel whose half-width is one sigma holds 0.6827 of the mass along each axis
    assert gaussian_density_map([[4.5, 4.5]], (9, 9), sigma_px=0.5)[4, 4] == pytest.approx(0.6826895**2, abs=1e-6)
    assert gaussian_peak(0.5) == pytest.approx(0.6826895**2, abs=1e-6)


def test_a_pixel_holds_the_integral_of_the_density_over_it():
    density = gaussian_density_map([[6.3, 4.9]], (12, 14), sigma_px=2.0, keep_mass=False)
    one, _ = dblquad(lambda y, x: norm.pdf(x, 6.5, 2) * norm.pdf(y, 4.5, 2), 8, 9, 3, 4)
    assert density[3, 8] == pytest.approx(one, abs=1e-7)


@given(CELLS, st.floats(0.2, 20))
def test_kept_mass_sums_to_the_number_of_cells(xy, sigma):
    assert gaussian_density_map(xy, (24, 32), sigma_px=sigma).sum() == pytest.approx(len(xy), rel=1e-5)


def test_lost_mass_is_what_lies_beyond_the_border():
    # a cell in the middle of the first column loses what lies more than half a pixel to the left
    lost = gaussian_density_map([[0.5, 50.5]], (101, 101), sigma_px=3.0, keep_mass=False)
    assert lost.sum() == pytest.approx(norm.cdf(0.5 / 3), abs=1e-5)
    kept = gaussian_density_map([[0.5, 50.5]], (101, 101), sigma_px=3.0)
    assert_allclose(kept, lost / norm.cdf(0.5 / 3), atol=1e-7)


def test_without_kept_mass_a_crop_of_the_map_is_the_map_of_the_crop():
    xy = np.array([[10.5, 12.5], [30.5, 8.5]])
    whole = gaussian_density_map(xy, (40, 40), keep_mass=False)
    assert_allclose(whole[5:35, 5:35], gaussian_density_map(xy - 5, (30, 30), keep_mass=False), atol=1e-8)


def test_close_to_a_gaussian_filter_of_the_cells():
    xy = [[60.5, 50.5], [64.5, 55.5], [64.5, 55.5]]
    counts = np.zeros((110, 120))
    for x, y in xy:
        counts[int(y), int(x)] += 1
    # the filter takes the density at pixel centres, which at this width is within 1 % of the mass on the pixel
    expected = gaussian_filter(counts, 4.0, truncate=10)
    assert_allclose(gaussian_density_map(xy, (110, 120), sigma_px=4.0), expected, atol=0.01 * expected.max())


@given(CELLS)
def test_turning_the_image_turns_the_map(xy):
    # of the pixels' centres, since a centre on a line between pixels belongs to another one when turned
    centres = np.floor(xy) + 0.5
    turned = np.stack([centres[:, 1], 32 - centres[:, 0]], axis=1)
    for codec in (GaussianCodec(), NeighbourGaussianCodec()):
        assert_allclose(np.rot90(codec.draw(centres, (24, 32))), codec.draw(turned, (32, 24)), atol=1e-6)


def test_many_cells_add_up_over_chunks():
    xy = np.random.default_rng(3).random((2500, 2)) * 40
    sigmas = neighbour_sigmas(xy, least_px=0.5)
    whole = gaussian_density_map(xy, (40, 40), sigma_px=sigmas)
    parts = sum(
        gaussian_density_map(xy[i : i + 500], (40, 40), sigma_px=sigmas[i : i + 500]) for i in range(0, 2500, 500)
    )
    assert_allclose(whole, parts, rtol=1e-5)
    assert whole.sum() == pytest.approx(2500, rel=1e-5)


def test_sigmas_follow_the_nearest_neighbours():
    # the first cell of the row has others at 4, 8 and 20 px: 0.3 · 32 / 3 = 3.2
    row = [[0, 0], [4, 0], [8, 0], [20, 0]]
    assert neighbour_sigmas(row, least_px=0.1, most_px=99) == pytest.approx([3.2, 2.4, 2.4, 4.8])
    assert neighbour_sigmas(row, least_px=2.5, most_px=3.0).tolist() == [3.0, 2.5, 2.5, 3.0]


def test_fewer_neighbours_than_wanted():
    assert neighbour_sigmas(np.zeros((0, 2))).shape == (0,)
    assert neighbour_sigmas([[3, 3]], most_px=7.0).tolist() == [7.0]
    assert neighbour_sigmas([[0, 0], [3, 4]], neighbours=5, beta=1.0).tolist() == [5.0, 5.0]
    assert neighbour_sigmas([[3, 3], [3, 3]], least_px=1.5).tolist() == [1.5, 1.5]


@given(CELLS)
def test_sigmas_against_all_pairs(xy):
    xy = np.array(xy)
    expected = []
    for i in range(len(xy)):
        others = np.sort(np.hypot(*(np.delete(xy, i, axis=0) - xy[i]).T))[:3]
        expected.append(np.clip(0.3 * others.mean(), 2, 8) if len(others) else 8)
    assert_allclose(neighbour_sigmas(xy), expected)


def test_the_peak_is_the_height_of_an_isolated_cell():
    for codec, sigma in ((GaussianCodec(sigma_px=3.0), 3.0), (NeighbourGaussianCodec(least_px=3.0, most_px=3.0), 3.0)):
        assert codec.peak == pytest.approx(gaussian_peak(sigma))
        assert codec.draw([[50.2, 50.9]], (100, 100)).max() == pytest.approx(codec.peak, rel=1e-5)


def test_a_single_cell_has_the_widest_kernel_and_is_lower_than_the_peak():
    codec = NeighbourGaussianCodec(least_px=2.0, most_px=8.0)
    assert codec.draw([[50.5, 50.5]], (101, 101)).max() == pytest.approx(gaussian_peak(8.0), rel=1e-5)
    assert codec.peak / gaussian_peak(8.0) == pytest.approx(16, rel=0.05)


def test_no_cells_give_zeros_and_two_on_one_another_twice_one():
    for codec in (GaussianCodec(), NeighbourGaussianCodec(most_px=2.0)):
        assert not codec.draw(np.zeros((0, 2)), (5, 7)).any()
        assert_allclose(codec.draw([[2, 3]] * 2, (9, 9)), 2 * codec.draw([[2, 3]], (9, 9)), rtol=1e-6)


def test_noise_in_a_map_without_cells_is_no_cell():
    noise = np.random.default_rng(0).random((1, 40, 40)) * 0.05 * GaussianCodec().peak
    assert len(GaussianCodec().decode(noise, classes=("a",))) == 0


def test_bad_input_is_told():
    with pytest.raises(InvalidInputError, match=r"sigma_px must be > 0 and finite, got 0\.0"):
        gaussian_density_map([[1, 1]], (4, 5), sigma_px=0)
    with pytest.raises(InvalidInputError, match="sigma_px must be > 0 and finite, got nan"):
        gaussian_density_map([[1, 1], [2, 2]], (4, 5), sigma_px=[1, np.nan])
    with pytest.raises(InvalidInputError, match=r"one number or one a cell, \(2,\), got shape \(3,\)"):
        gaussian_density_map([[1, 1], [2, 2]], (4, 5), sigma_px=[1, 2, 3])
    with pytest.raises(InvalidInputError, match="sigma_px must be a number > 0, got -1"):
        GaussianCodec(sigma_px=-1)
    with pytest.raises(InvalidInputError, match="neighbours must be a number >= 1, got 0"):
        NeighbourGaussianCodec(neighbours=0)
    with pytest.raises(InvalidInputError, match=r"most_px must be a number >= 3, got 2\.0"):
        NeighbourGaussianCodec(least_px=3.0, most_px=2.0)
    with pytest.raises(InvalidInputError, match="beta must be a number > 0, got 0"):
        neighbour_sigmas([[1, 1]], beta=0)
    with pytest.raises(InvalidCellsError, match=r"xy must be finite and have shape \(N, 2\), got shape \(1, 3\)"):
        neighbour_sigmas([[1, 1, 1]])
    with pytest.raises(InvalidCellsError, match=r"xy\[0\] is \[5.0, 1.0\], outside the 4×5 map"):
        gaussian_density_map([[5, 1]], (4, 5))
