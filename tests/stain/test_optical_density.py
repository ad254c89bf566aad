import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellweave.core import InvalidInputError
from cellweave.stain import MACENKO_HE, RUIFROK_HE, compose, density_to_rgb, rgb_to_density, unit_stains


def test_density_by_hand():
    image = np.array([[[255, 0, 127]]], np.uint8)
    # -log10(256/256), -log10(1/256), -log10(128/256)
    np.testing.assert_allclose(rgb_to_density(image), [[[0, 2.40824, 0.30103]]], atol=1e-5)


@given(arrays(np.uint8, (3, 4, 3)))
def test_every_image_survives_the_round_trip(image):
    np.testing.assert_array_equal(density_to_rgb(rgb_to_density(image)), image)


def test_densities_outside_the_range_are_clipped():
    assert density_to_rgb([-1.0, 3.0, np.inf]).tolist() == [255, 0, 0]


def test_composition_by_hand():
    # One unit of a stain that absorbs red alone: 256 / 10 - 1; half a unit: 256 / sqrt(10) - 1.
    stains = [[2.0, 0.0, 0.0], [0.0, 0.0, 5.0]]
    image = compose([[[1.0, 0.0]], [[0.5, 1.0]]], stains)
    assert image.tolist() == [[[25, 255, 255]], [[80, 255, 25]]]


def test_the_background_shows_where_there_is_no_stain():
    assert compose([0.0, 0.0], RUIFROK_HE, background=(240, 238.0, 0)).tolist() == [240, 238, 0]


def test_concentrations_come_back_from_the_composed_image():
    rng = np.random.default_rng(1)
    concentrations = rng.uniform(0, 1, (200, 2))
    densities = rgb_to_density(compose(concentrations, MACENKO_HE))
    found = densities @ np.linalg.pinv(MACENKO_HE)
    # Half a grey level at the darkest pixels (about 13 of 255) is a density of 0.016; the inverse amplifies it by 3.
    np.testing.assert_allclose(found, concentrations, atol=0.05)


def test_reference_stains_are_unit_vectors_that_cannot_be_changed():
    for stains in (RUIFROK_HE, MACENKO_HE):
        np.testing.assert_allclose(np.linalg.norm(stains, axis=1), 1)
        with pytest.raises(ValueError, match="read-only"):
            stains[0, 0] = 1


def test_haematoxylin_is_blue_and_eosin_is_pink():
    blue, pink = compose(np.eye(2), RUIFROK_HE).astype(int)
    assert blue[2] > blue[0]
    assert pink[0] > pink[2] > pink[1]


@pytest.mark.parametrize("image", [np.zeros((2, 2, 3)), np.zeros((2, 2), np.uint8)])
def test_only_rgb_bytes_have_a_density(image):
    with pytest.raises(InvalidInputError, match=r"an image is uint8 \(\.\.\., 3\), got"):
        rgb_to_density(image)


@given(st.integers(0, 1))
def test_unusable_stains_are_named(i):
    stains = np.array([[1.0, 1, 1], [1, 0, 0]])
    stains[i] = (0, 0, 0)
    with pytest.raises(InvalidInputError, match=rf"stain {i} is \[0.0, 0.0, 0.0\]"):
        unit_stains(stains)


def test_composition_says_what_does_not_fit():
    with pytest.raises(InvalidInputError, match=r"stain vectors have shape \(S, 3\)"):
        compose([1.0], [[1.0, 2.0]])
    with pytest.raises(InvalidInputError, match=r"concentrations of 2 stains have shape \(\.\.\., 2\): \(3,\)"):
        compose([1.0, 2.0, 3.0], RUIFROK_HE)
    with pytest.raises(InvalidInputError, match="three grey levels"):
        compose([1.0, 2.0], RUIFROK_HE, background=(300, 0, 0))
