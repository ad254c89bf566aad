"""The style of what lies between nuclei: common to all images, with nuclei as dark against it as they were."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cellweave.core import InvalidInputError
from cellweave.stain import BetweenNucleiStyle, ReinhardStyle
from cellweave.stain.between_nuclei import GAINS
from cellweave.stain.reinhard import lab_to_rgb, rgb_to_lab

PURPLE = (40.0, 15.0, -16.0)
COMMON = BetweenNucleiStyle((67.3, 22.6, -15.6), (8.1, 9.3))


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
    style = BetweenNucleiStyle((60.0, 15.0, -12.0), (3.2, 6.0))
    own = BetweenNucleiStyle.of(style.apply(image, between), between)
    assert_allclose(own.mean, style.mean, atol=0.3)
    assert_allclose(own.spread, style.spread, atol=0.5)


def pale_stroma():
    """Return stroma of one pink with ten purple nuclei of 6×6 px in 192×192, and where no nuclei are."""
    between = np.ones((192, 192), bool)
    for place in range(10):
        row, column = 20 + 30 * (place // 5), 10 + 36 * (place % 5)
        between[row : row + 6, column : column + 6] = False
    noise = np.random.default_rng(2).normal(0, 2, (192, 192, 3))
    return lab_to_rgb((np.where(between[..., None], (72.0, 24.0, -10.0), PURPLE) + noise).astype(np.float32)), between


def hue(image, where):
    """Return the angle in the plane of a* and b*, in degrees: purple is about -45, cobalt blue -70 and beyond."""
    a, b = rgb_to_lab(image)[where][:, 1:].mean(axis=0)
    return float(np.degrees(np.arctan2(b, a)))


def test_a_few_nuclei_in_pale_stroma_stay_purple():
    image, between = pale_stroma()
    assert hue(image, ~between) == pytest.approx(-47, abs=2)
    # without limits a* and b* are stretched threefold and more, and the nuclei are blue
    assert hue(BetweenNucleiStyle(COMMON.mean, COMMON.spread, None).apply(image, between), ~between) < -75
    assert hue(COMMON.apply(image, between), ~between) == pytest.approx(hue(image, ~between), abs=15)


def test_a_few_nuclei_move_with_the_means_and_many_come_nearer_to_them():
    between = np.ones((40, 40), bool)
    between[:4, :4] = False
    few = np.where(between[..., None], (70.0, 20.0, -10.0), (40.0, 14.0, -20.0))
    # a* and b* of 1 % of the pixels are 6 and 10 lower: spreads of 0.6 and 1.0 would be widened, and are left
    styled = rgb_to_lab(
        BetweenNucleiStyle((65.0, 22.0, -15.0), (6.0, 8.0)).apply(lab_to_rgb(few.astype(np.float32)), between)
    )
    assert_allclose(styled[between].mean(axis=0), (65.0, 22.0, -15.0), atol=0.5)
    assert_allclose(styled[~between].mean(axis=0), (35.0, 16.0, -25.0), atol=0.7)
    between[20:] = False
    between[:4, :4] = True
    many = np.where(between[..., None], (70.0, 20.0, -10.0), (40.0, 10.0, -30.0))
    # those of half of the pixels are 10 and 20 lower, which makes spreads of 5 and 10: the gains are 0.8 and 0.7
    styled = rgb_to_lab(
        BetweenNucleiStyle((65.0, 22.0, -15.0), (4.0, 3.0)).apply(lab_to_rgb(many.astype(np.float32)), between)
    )
    assert_allclose(styled[between].mean(axis=0), (65.0, 22.0, -15.0), atol=0.5)
    assert_allclose(styled[~between].mean(axis=0), (35.0, 14.0, -29.0), atol=0.7)


@pytest.mark.parametrize("wanted", [0.0, 1.0, 3.0, 5.0, 20.0])
def test_the_contrast_of_hues_changes_within_the_gains(wanted):
    image, between = tissue(0.3)
    own = BetweenNucleiStyle.of(image, between)
    style = BetweenNucleiStyle((70.0, 10.0, -10.0), (wanted, wanted))
    found = np.divide(BetweenNucleiStyle.of(style.apply(image, between), between).spread, own.spread)
    assert_allclose(found, np.clip(wanted / np.array(own.spread), *GAINS), atol=0.06)


@pytest.mark.parametrize("gains", [GAINS, (1.0, 1.0), None])
def test_a_stored_style_is_read_back(gains):
    style = BetweenNucleiStyle((60.0, 15.0, -12.0), (6.0, 7.0), gains)
    assert BetweenNucleiStyle.from_json(style.to_json()) == style


def test_a_style_stored_without_gains_was_applied_without_limits():
    stored = {"between_nuclei": {"mean": [60.0, 15.0, -12.0], "spread": [6.0, 7.0]}}
    style = BetweenNucleiStyle.from_json(stored)
    image, between = pale_stroma()
    assert BetweenNucleiStyle.of(style.apply(image, between), between).spread == pytest.approx((6.0, 7.0), abs=0.7)


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


@pytest.mark.parametrize("gains", [(0.0, 1.3), (1.1, 1.3), (0.7, 0.9), (0.7, np.inf), (np.nan, 1.3), (0.7,)])
def test_impossible_gains_are_refused(gains):
    with pytest.raises(InvalidInputError, match="the gains of a style between nuclei"):
        BetweenNucleiStyle((60.0, 1.0, 1.0), (1.0, 1.0), gains)


def test_a_style_needs_images():
    with pytest.raises(InvalidInputError, match="no images"):
        BetweenNucleiStyle.average([])
