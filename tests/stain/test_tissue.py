import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.data.phantom import phantom_patch
from cellweave.stain import TissueSampler, rgb_to_density, sample_of_images, tissue_sample


@pytest.fixture(scope="module")
def image():
    return phantom_patch(0, seed=0, size=160).pixels


def test_only_tissue_is_taken():
    image = np.full((20, 30, 3), 240, np.uint8)
    image[3:8, 4:16] = (150, 80, 160)
    sample = tissue_sample(image)
    assert sample.pixels.tolist() == [[150, 80, 160]] * 60
    assert sample.background == (240.0, 240.0, 240.0)


def test_tiles_in_any_order_give_the_sample_of_the_whole(image):
    # a sample of 700 is overfull several times, so that pixels are thrown out on the way
    whole = tissue_sample(image, seed=3, size=700)
    sampler = TissueSampler(3, 700)
    places = [(row, column) for row in range(0, 160, 47) for column in range(0, 160, 61)]
    for row, column in reversed(places):
        sampler.add(image[row : row + 47, column : column + 61], at=(row, column))
    tiled = sampler.sample()
    np.testing.assert_array_equal(tiled.pixels, whole.pixels)
    assert tiled.background == whole.background
    assert len(whole.pixels) == 700


def test_a_sample_is_fair_and_depends_on_its_seed(image):
    tissue = image[rgb_to_density(image).mean(axis=-1) >= 0.065]
    small = tissue_sample(image, size=4000).pixels
    # the mean of 4,000 of values that spread over about 40 grey levels is off by less than 1
    np.testing.assert_allclose(small.mean(axis=0), tissue.mean(axis=0), atol=3)
    assert not np.array_equal(small, tissue_sample(image, size=4000, seed=1).pixels)


def test_several_images_are_sampled_together(image):
    red, blue = (np.full((50, 50, 3), colour, np.uint8) for colour in ((200, 20, 20), (20, 20, 200)))
    pixels = sample_of_images([red, blue]).pixels
    assert {tuple(pixel) for pixel in pixels.tolist()} == {(200, 20, 20), (20, 20, 200)}
    assert len(pixels) == 5000


def test_dark_images_have_no_glass_to_measure():
    assert tissue_sample(np.full((30, 30, 3), (150, 90, 160), np.uint8)).background == (255.0, 255.0, 255.0)


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 5, 3), (5, 0, 3)])
def test_nothing_is_no_tissue(shape):
    assert tissue_sample(np.zeros(shape, np.uint8)).pixels.shape == (0, 3)


def test_what_is_no_image_is_told():
    with pytest.raises(InvalidInputError, match=r"uint8 \(H, W, 3\), got float64"):
        TissueSampler().add(np.zeros((3, 3, 3)))
    with pytest.raises(InvalidInputError, match="at least one pixel, got size 0"):
        TissueSampler(size=0)
