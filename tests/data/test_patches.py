"""Patches: their places by hand, no unknown pixel, nothing shared with the held-out area, and what a patch holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import Cells, CellweaveError
from cellweave.data import SemanticMask, cut_patch, plan_patches


def known(height, width):
    return SemanticMask(np.zeros((height, width), np.uint8))


def windows(corners, side):
    return [(slice(row, row + side), slice(column, column + side)) for row, column in corners]


def test_half_overlapping_places_by_hand():
    plan = plan_patches(known(8, 11), side=4)
    assert plan.corners == tuple((row, column) for row in (0, 2, 4) for column in (0, 2, 4, 6))
    assert (plan.held_out, plan.area, plan.unknown, plan.shared) == ((), None, 0, 0)
    assert plan_patches(known(8, 11), side=4, overlap=0).corners == ((0, 0), (0, 4), (4, 0), (4, 4))
    assert plan_patches(known(3, 11), side=4).corners == ()


def test_patches_with_unknown_pixels_are_left_out_and_counted():
    mask = known(8, 8)
    mask.classes[0, 5] = 255  # one pixel of the patches at columns 2 and 4 of row 0
    plan = plan_patches(mask, side=4)
    assert plan.corners == ((0, 0), *((row, column) for row in (2, 4) for column in (0, 2, 4)))
    assert plan.unknown == 2
    assert len(plan_patches(mask, side=4, unknown_share=1 / 16).corners) == 9


@given(
    st.integers(10, 60), st.integers(10, 60), st.integers(2, 12), st.sampled_from([0.0, 0.075, 0.3]), st.integers(0, 5)
)
def test_held_out_and_other_patches_share_no_pixel(height, width, side, share, seed):
    rng = np.random.default_rng(seed)
    mask = known(height, width)
    mask.classes[rng.integers(height), :] = 255
    plan = plan_patches(mask, side=side, held_out=share, seed=seed, image="a")
    area = np.zeros((height, width), bool)
    if plan.area is not None:
        row, column, length = plan.area
        area[row : row + length, column : column + length] = True
        assert area.sum() == length**2  # all of it lies in the image
        assert length == min(round((share * height * width) ** 0.5), height, width)
    for window in windows(plan.corners, side):
        assert not area[window].any()
    for window in windows(plan.held_out, side):
        assert area[window].all()
    for window in windows((*plan.corners, *plan.held_out), side):
        assert mask.classes[window].shape == (side, side)
        assert not (mask.classes[window] == 255).any()


def test_the_area_depends_on_seed_and_name_alone():
    def area(**settings):
        return plan_patches(known(400, 500), side=64, held_out=0.075, **{"seed": 1, "image": "a", **settings}).area

    assert area() == area()
    assert len({area(), area(seed=2), area(image="b")}) == 3


def test_the_area_avoids_what_is_unknown():
    mask = known(100, 100)
    mask.classes[:, 40:] = 255
    for seed in range(5):
        _, column, length = plan_patches(mask, side=8, held_out=0.075, seed=seed).area
        assert column + length <= 40


def test_a_patch_by_hand():
    pixels = np.arange(6 * 6 * 3, dtype=np.uint8).reshape(6, 6, 3)
    classes = np.arange(36, dtype=np.uint8).reshape(6, 6) % 3
    cells = Cells([[2.5, 3.5], [0.5, 0.5]], [1, 0], classes=("a", "b"), shape=(6, 6), mpp=0.5)
    patch = cut_patch(pixels, cells, SemanticMask(classes), (2, 2), side=4)
    np.testing.assert_array_equal(patch.pixels, pixels[2:, 2:])
    np.testing.assert_array_equal(patch.mask.classes, classes[2:, 2:])
    assert (patch.cells.xy.tolist(), patch.cells.shape, patch.cells.mpp) == ([[0.5, 1.5]], (4, 4), 0.5)


def test_a_reduced_patch_is_an_average_and_twice_as_coarse():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    classes = np.arange(64, dtype=np.uint8).reshape(8, 8) % 3
    cells = Cells([[5.0, 2.0]], [0], classes=("a", "b"), shape=(8, 8), mpp=0.5)
    patch = cut_patch(pixels, cells, SemanticMask(classes), (0, 4), side=4, reduce=2)
    mean = pixels[:4, 4:].astype(float).reshape(2, 2, 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(patch.pixels - mean).max() <= 0.5
    np.testing.assert_array_equal(patch.mask.classes, classes[:4:2, 4::2])
    assert (patch.cells.xy.tolist(), patch.cells.shape, patch.cells.mpp) == ([[0.5, 1.0]], (2, 2), 1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"overlap": 1.0}, "overlap must be from 0 to below 1, got 1"),
        ({"held_out": -0.1}, "held-out share must be from 0 to below 1, got -0.1"),
        ({"side": 0}, "side >= 1"),
        ({"unknown_share": 1.5}, "from 0 to 1, got 4 and 1.5"),
    ],
)
def test_numbers_that_make_no_sense(settings, message):
    with pytest.raises(CellweaveError, match=message):
        plan_patches(known(8, 8), **{"side": 4, **settings})


def test_a_side_that_cannot_be_reduced():
    cells = Cells.empty(classes=("a",), shape=(8, 8))
    with pytest.raises(CellweaveError, match="side of 5 px cannot be reduced 2 times"):
        cut_patch(np.zeros((8, 8, 3), np.uint8), cells, known(8, 8), (0, 0), side=5, reduce=2)
