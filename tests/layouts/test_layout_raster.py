import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import Cells, InvalidInputError
from cellweave.layouts import LayoutRecipe
from cellweave.layouts.categories import CountingCategories
from cellweave.layouts.raster import decode_raster, draw_layouts, encode_crop, raster_channels, round_trip
from cellweave.layouts.samples import LayoutSamples

CLASSES = ("a", "b")


def recipe(**changes):
    values = {
        "frame": {"crop_px": 64, "reduce": 2, "pad_px": 0},
        "network": {"widths": [8, 16], "attention_levels": [], "fold": 2},
        "categories": 2,
    }
    return LayoutRecipe.model_validate({**values, **changes})


def scattered(seed, shape=(80, 96), count=30):
    rng = np.random.default_rng(seed)
    grid = rng.choice((shape[0] // 8) * (shape[1] // 8), count, replace=False)
    xy = np.stack([grid % (shape[1] // 8), grid // (shape[1] // 8)], axis=1) * 8 + 4.5
    return Cells(xy, rng.integers(0, 2, count), classes=CLASSES, shape=shape, mpp=0.5)


PAPER_FRAME = {"frame": {"crop_px": 64, "reduce": 2, "pad_px": 4}, "channels": {"cells": "marker", "density": "none"}}


@pytest.mark.parametrize("changes", [{}, PAPER_FRAME, {"channels": {"density": "kde"}}], ids=["edt", "marker", "kde"])
def test_cells_of_a_crop_come_back(changes):
    settings = recipe(**changes)
    cells = scattered(1)
    drawn, _ = draw_layouts([cells], settings, seed=0)
    raster = encode_crop(drawn[0], 4, 8, settings)
    assert raster.shape == (raster_channels(settings, 2), settings.frame.raster_px, settings.frame.raster_px)
    assert raster.min() >= -1
    assert raster.max() <= 1
    back = decode_raster(raster, settings, classes=CLASSES, mpp=0.5)
    inside = cells.crop(8, 16, (64, 64))
    assert back.shape == (64, 64)
    assert back.mpp == 0.5
    # half resolution: a cell comes back at the middle of its 2×2 pixels
    expected = {
        (int(x) // 2 * 2 + 1.0, int(y) // 2 * 2 + 1.0, k) for (x, y), k in zip(inside.xy, inside.labels, strict=True)
    }
    assert {(x, y, k) for (x, y), k in zip(back.xy, back.labels, strict=True)} == expected


def test_a_crop_of_the_edt_channels_is_what_the_whole_image_shows_there():
    settings = recipe(channels={"density": "none"})
    drawn, _ = draw_layouts([scattered(2)], settings, seed=0)
    one, other = (encode_crop(drawn[0], row, 3, settings) for row in (0, 5))
    np.testing.assert_allclose(one[:, 5:, :], other[:, :-5, :], atol=1e-6)


def test_padding_is_background_and_is_stripped():
    settings = recipe(**PAPER_FRAME)
    drawn, _ = draw_layouts([scattered(3)], settings, seed=0)
    raster = encode_crop(drawn[0], 0, 0, settings)
    assert (raster[:, :4] == -1).all()
    assert (raster[:, :, -4:] == -1).all()
    raster[:, :3, :3] = 1  # a marker in the padding is no cell
    again = decode_raster(raster, settings, classes=CLASSES, mpp=None)
    assert len(again) == len(scattered(3).crop(0, 0, (64, 64)))


def test_round_trip_keeps_isolated_cells():
    cells = scattered(4)
    assert round_trip(cells, recipe()).counts() == cells.counts()


def test_densities_lie_beside_the_cells():
    settings = recipe(channels={"density": "gmm"})
    drawn, constant = draw_layouts([scattered(5)], settings, seed=0)
    assert constant > 0
    assert encode_crop(drawn[0], 0, 0, settings).shape[0] == 4
    assert draw_layouts([scattered(5)], recipe(channels={"density": "none"}), seed=0)[1] is None


def test_a_raster_of_another_shape_is_told():
    with pytest.raises(InvalidInputError, match=r"has shape \(4, 32, 32\), got \(4, 32, 31\)"):
        decode_raster(np.zeros((4, 32, 31)), recipe(), classes=CLASSES, mpp=None)


@given(st.lists(st.integers(0, 400), min_size=40, max_size=200), st.integers(2, 6))
def test_categories_hold_about_equal_shares(counts, number):
    counts = [*counts, *range(0, 400, 5)]  # enough different values
    categories = CountingCategories.from_counts(counts, number)
    assert categories.number == number
    shares = np.bincount(categories.of(counts), minlength=number) / len(counts)
    most_frequent = np.unique(counts, return_counts=True)[1].max() / len(counts)
    assert abs(shares - 1 / number).max() <= most_frequent + 1 / len(counts)


def test_too_many_categories_are_told():
    with pytest.raises(InvalidInputError, match="do not tell 5 counting categories apart"):
        CountingCategories.from_counts([3, 3, 3, 4], 5)
    assert CountingCategories.from_counts([3, 3], 0).number == 1


def test_samples_depend_on_seed_and_number_and_carry_their_category():
    settings = recipe(channels={"density": "none"})
    drawn, _ = draw_layouts([scattered(6), scattered(7)], settings, seed=0)
    samples = LayoutSamples(drawn, settings, seed=1)
    samples.categories = CountingCategories.from_counts(samples.counts(200), 2)
    again = LayoutSamples(drawn, settings, seed=1)
    again.categories = samples.categories
    for i in (4, 0):
        assert (samples[i]["x0"] == again[i]["x0"]).all()
        count = len(samples.cells(i))
        assert int(samples[i]["category"]) == int(samples.categories.of(count))
        # turning changes places, not the number of cells
        assert len(decode_raster(samples[i]["x0"].numpy(), settings, classes=CLASSES, mpp=None)) == count
    assert not (samples[0]["x0"] == LayoutSamples(drawn, settings, seed=2)[0]["x0"]).all()


def test_images_smaller_than_the_crop_are_told():
    settings = recipe(channels={"density": "none"})
    drawn, _ = draw_layouts([scattered(8, shape=(40, 96), count=5)], settings, seed=0)
    with pytest.raises(InvalidInputError, match="no training image is as large as the crop of 64 px"):
        LayoutSamples(drawn, settings, seed=0)
