"""The style of what lies between nuclei: common to all images, with nuclei as dark against it as they were."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cellweave.core import InvalidInputError
from cellweave.stain import BetweenNucleiStyle, ReinhardStyle
from cellweave.stain.reinhard import lab_to_rgb, rgb_to_lab


def tissue(share, *, seed=0, lightness=70.0):
    """Return an image, and where no nuclei are: dark squares, 40 L* below their surroundings, on a share of it."""
    rng = np.random.default_rng(seed)
    between = rng.random((32, 32)) >= share
    between = between.repeat(4, axis=0).repeat(4, axis=1)
    lab = np.stack(
        [np.where(between, lightness, lightness - 40), np.where(between, 20.0, 12.0), np.where(between, -10.0, -25.0)],
        axis=-1,
    )
    return lab_to_rgb((lab + rng.normal(0, 1, lab.shape)).astype(np.float32)), between


def lightness(image, where):
    return float(rgb_to_lab(image)[where][:, 0].mean())


def test_nuclei_stay_as_dark_as_they_are_however_many_there_are():
    sparse, dense = tissue(0.05), tissue(0.7, seed=1, lightness=60.0)
    style = BetweenNucleiStyle.average([sparse, dense])
    for image, between in (sparse, dense):
        styled = style.apply(image, between)
        assert lightness(styled, between) == pytest.approx(65, abs=0.5)
        assert lightness(styled, ~between) == pytest.approx(25, abs=1.0)
    # Reinhard's mean and spread of all pixels pale the nuclei of the dense image
    reinhard = ReinhardStyle.average([sparse[0], dense[0]])
    assert lightness(reinhard.apply(dense[0]), ~dense[1]) > 40


def test_an_image_in_the_style_has_its_mean_and_hues():
    image, between = tissue(0.3)
    style = BetweenNucleiStyle((60.0, 15.0, -12.0), (6.0, 7.0))
    own = BetweenNucleiStyle.of(style.apply(image, between), between)
    assert_allclose(own.mean, style.mean, atol=0.3)
    assert_allclose(own.spread, style.spread, atol=0.5)
    stored = style.to_json()["between_nuclei"]
    assert BetweenNucleiStyle(tuple(stored["mean"]), tuple(stored["spread"])) == style


def test_where_nothing_lies_between_nuclei_all_pixels_stand_for_it():
    image, _ = tissue(0.3)
    assert BetweenNucleiStyle.of(image, np.zeros(image.shape[:2], bool)).mean == pytest.approx(
        ReinhardStyle.of(image).mean
    )


def test_an_even_image_is_moved_without_blowing_up_its_noise():
    image = np.full((16, 16, 3), 200, np.uint8)
    image[::2, ::2] = 201
    styled = BetweenNucleiStyle((60.0, 15.0, -12.0), (20.0, 20.0)).apply(image, np.ones((16, 16), bool))
    assert rgb_to_lab(styled)[..., 1:].std(axis=(0, 1)).max() < 1


@pytest.mark.parametrize(
    ("mean", "spread"), [((60.0, 1.0), (1.0, 1.0)), ((60.0, 1.0, 1.0), (1.0, -1.0)), ((60.0, np.nan, 1.0), (1.0, 1.0))]
)
def test_impossible_styles_are_refused(mean, spread):
    with pytest.raises(InvalidInputError, match="a style between nuclei needs"):
        BetweenNucleiStyle(mean, spread)


def test_a_style_needs_images():
    with pytest.raises(InvalidInputError, match="no images"):
        BetweenNucleiStyle.average([])
