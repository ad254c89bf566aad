import numpy as np
import pytest
from skimage.color import rgb2lab

from cellweave.core import InvalidInputError
from cellweave.stain import ReinhardStyle


def tissue(seed, shift=(0, 0, 0)):
    rng = np.random.default_rng(seed)
    smooth = rng.normal(size=(8, 8, 3)).repeat(8, axis=0).repeat(8, axis=1) * 12
    return np.clip(np.array([170, 120, 165]) + np.array(shift) + smooth, 0, 255).astype(np.uint8)


def test_the_style_is_mean_and_deviation_in_lab():
    image = tissue(0)
    lab = rgb2lab(image).reshape(-1, 3)
    style = ReinhardStyle.of(image)
    np.testing.assert_allclose(style.mean, lab.mean(axis=0), atol=0.2)  # OpenCV interpolates the gamma curve
    np.testing.assert_allclose(style.spread, lab.std(axis=0), atol=0.2)


def test_an_image_takes_the_style_and_keeps_its_own_when_given_it():
    image, reference = tissue(1, shift=(-30, 10, 20)), ReinhardStyle.of(tissue(2))
    taken = ReinhardStyle.of(reference.apply(image))
    np.testing.assert_allclose(taken.mean, reference.mean, atol=0.3)  # 8-bit colours
    np.testing.assert_allclose(taken.spread, reference.spread, atol=0.3)
    same = ReinhardStyle.of(image).apply(image)
    assert np.abs(same.astype(int) - image).max() <= 1


def test_differently_stained_copies_come_together():
    image = tissue(3)
    copies = [image, np.clip(image * [1.1, 0.85, 1.0], 0, 255).astype(np.uint8)]
    style = ReinhardStyle.average(copies)
    apart = np.abs(copies[0].astype(float) - copies[1]).mean()
    near = np.abs(style.apply(copies[0]).astype(float) - style.apply(copies[1])).mean()
    assert near < 0.2 * apart


def test_an_empty_tile_stays_flat():
    style = ReinhardStyle.of(tissue(4))
    white = np.full((8, 8, 3), 240, np.uint8)
    assert np.ptp(style.apply(white).reshape(-1, 3), axis=0).max() == 0


def test_it_is_stored_as_json():
    style = ReinhardStyle.of(tissue(5))
    assert ReinhardStyle.from_json(style.to_json()) == style


def test_what_is_no_style_or_image_is_told():
    with pytest.raises(InvalidInputError, match="spreads >= 0"):
        ReinhardStyle((1, 2, 3), (1, -1, 0))
    with pytest.raises(InvalidInputError, match=r"uint8 \(H, W, 3\)"):
        ReinhardStyle.of(np.zeros((4, 4), np.uint8))
    with pytest.raises(InvalidInputError, match="no images"):
        ReinhardStyle.average([])
