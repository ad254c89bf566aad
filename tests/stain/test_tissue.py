import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cellweave.core import InvalidInputError
from cellweave.data.phantom import phantom_patch
from cellweave.stain import StainNormaliser, TissueSampler, rgb_to_density, sample_of_images, tissue_sample


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


def glass(height, width, *, level=(241, 236, 239), noise=1.0):
    """Return clear glass with a sensor's noise."""
    noisy = np.array(level) + np.random.default_rng(0).normal(0, noise, (height, width, 3))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def as_jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def filled_slide():
    """Return tissue on glass, a quarter of it filled up with pure white, and the same without what was filled."""
    scanned = glass(640, 480)
    scanned[100:260, 100:260] = phantom_patch(0, seed=0, size=160).pixels * (scanned[100:260, 100:260] / 255)
    return np.concatenate([np.full((640, 160, 3), 255, np.uint8), scanned], axis=1), scanned


def test_a_fill_of_pure_white_does_not_change_the_light():
    filled, scanned = filled_slide()
    assert tissue_sample(filled).background == tissue_sample(scanned).background
    assert max(tissue_sample(scanned).background) < 250


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0)])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_fills_do_not_depend_on_tiles(image, colour, data):
    filled = image.copy()
    top, left = data.draw(st.integers(0, 120)), data.draw(st.integers(0, 120))
    filled[top : top + 90, left : left + 90] = colour
    filled[top, left : left + data.draw(st.integers(0, 40))] = 252  # the border of the fill, or too much to be one
    height, width = data.draw(st.integers(20, 170)), data.draw(st.integers(20, 170))
    places = [(row, column) for row in range(0, 160, height) for column in range(0, 160, width)]
    sampler = TissueSampler(size=500)
    for row, column in data.draw(st.permutations(places)):
        sampler.add(filled[row : row + height, column : column + width], at=(row, column))
    tiled, whole = sampler.sample(), tissue_sample(filled, size=500)
    np.testing.assert_array_equal(tiled.pixels, whole.pixels)
    assert tiled.background == whole.background


@pytest.mark.parametrize(("quality", "off"), [(None, 2), (90, 8)])
def test_glass_comes_out_white_beside_a_fill(quality, off):
    filled = np.concatenate([np.full((700, 200, 3), 255, np.uint8), glass(700, 700, noise=0.3)], axis=1)
    filled[200:500, 500:800] = phantom_patch(0, seed=0, size=300).pixels * (np.array([241, 236, 239]) / 255)
    # JPEG makes the glass ring along the fill, over more than two in a thousand of the pixels of so small a slide
    filled = filled if quality is None else as_jpeg(filled, quality)
    normaliser = StainNormaliser.fit(phantom_patch(4, seed=0, size=160).pixels, method="macenko")
    result = normaliser.transform(filled)
    assert np.median(result[:150, 300:].reshape(-1, 3), axis=0).min() >= 255 - off
    assert np.median(result[:, :150].reshape(-1, 3), axis=0).min() == 255


def test_many_nearly_white_pixels_are_glass_and_no_border():
    # 99 nearly white pixels are 3.3 % of the white ones, and 1.9 % of all others: the brightest two in a thousand
    white, rest = np.full((3000, 1, 3), 255, np.uint8), np.full((5000, 1, 3), (150, 80, 160), np.uint8)
    nearly = np.full((99, 1, 3), 253, np.uint8)
    assert tissue_sample(np.concatenate([white, nearly, rest])).background == (253.0, 253.0, 253.0)
    # 3 % of them are a border, and nothing is left that is paler than tissue
    assert tissue_sample(np.concatenate([white, nearly[:90], rest])).background == (255.0, 255.0, 255.0)


def test_saturated_glass_is_white():
    overexposed = glass(400, 400, level=(256, 257, 256))
    assert (overexposed == 255).all(axis=-1).mean() > 0.5
    overexposed[:160, :160] = phantom_patch(0, seed=0, size=160).pixels
    assert tissue_sample(overexposed).background == (255.0, 255.0, 255.0)


@pytest.mark.parametrize("level", [0, 255])
def test_nothing_but_a_fill_is_empty(level):
    sample = tissue_sample(np.full((40, 50, 3), level, np.uint8))
    assert sample.pixels.shape == (0, 3)
    assert sample.background == (255.0, 255.0, 255.0)


def test_a_black_fill_is_no_tissue():
    scanned = filled_slide()[1]
    filled = np.concatenate([scanned, np.zeros((900, 480, 3), np.uint8)])
    both = [tissue_sample(one, size=500) for one in (filled, scanned)]
    np.testing.assert_array_equal(both[0].pixels, both[1].pixels)
    assert both[0].background == both[1].background
    dark = np.full((20, 20, 3), (0, 0, 1), np.uint8)
    assert len(tissue_sample(dark).pixels) == 400


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
