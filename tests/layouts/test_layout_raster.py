import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cellweave.core import Cells, InvalidInputError
from cellweave.layouts import LayoutRecipe
from cellweave.layouts.categories import CountingCategories
from cellweave.layouts.channel_scale import ChannelScale
from cellweave.layouts.raster import decode_raster, draw_layouts, encode_crop, raster_channels, round_trip
from cellweave.layouts.samples import LayoutSamples
from cellweave.maps import DensityCache

CLASSES = ("a", "b")
SHARED = {"channels": {"density": "none"}}
EDT = {"channels": {"cells": "edt", "density": "none"}}
PAPER_FRAME = {
    "frame": {"crop_px": 64, "reduce": 2, "pad_px": 4},
    "channels": {"cells": "marker", "density": "none", "scaling": "range"},
}
KDE = {"channels": {"cells": "edt", "density": "kde", "scaling": "range"}}


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


@pytest.mark.parametrize("changes", [SHARED, EDT, PAPER_FRAME, KDE], ids=["shared", "edt", "marker", "kde"])
def test_cells_of_a_crop_come_back(changes):
    settings = recipe(**changes)
    cells = scattered(1)
    drawn = draw_layouts([cells], settings, seed=0)
    raster = encode_crop(drawn.images[0], 4, 8, settings, drawn.scale)
    assert raster.shape == (raster_channels(settings, 2), settings.frame.raster_px, settings.frame.raster_px)
    back = decode_raster(raster, settings, drawn.scale, classes=CLASSES, mpp=0.5)
    inside = cells.crop(8, 16, (64, 64))
    assert back.shape == (64, 64)
    assert back.mpp == 0.5
    order, other = np.lexsort(inside.xy.T), np.lexsort(np.round(back.xy).T)
    # shared peaks are read at sub-pixel accuracy, of the others a cell is the middle of its 2×2 pixels
    expected = inside.xy[order] if settings.channels.cells == "shared" else inside.xy[order] // 2 * 2 + 1
    np.testing.assert_allclose(back.xy[other], expected, atol=0.01)
    np.testing.assert_array_equal(back.labels[other], inside.labels[order])


@pytest.mark.parametrize("changes", [SHARED, EDT], ids=["shared", "edt"])
def test_a_crop_of_the_channels_is_what_the_whole_image_shows_there(changes):
    settings = recipe(**changes)
    drawn = draw_layouts([scattered(2)], settings, seed=0)
    one, other = (encode_crop(drawn.images[0], row, 3, settings, drawn.scale) for row in (0, 5))
    np.testing.assert_array_equal(one[:, 5:, :], other[:, :-5, :])


def test_channels_have_mean_0_and_variance_1_over_the_images_or_the_range_of_the_paper():
    annotated = [scattered(2), scattered(9)]
    settings = recipe(channels={"density": "kde"}, frame={"crop_px": 80, "reduce": 2, "pad_px": 0})
    drawn = draw_layouts(annotated, settings, seed=0)
    whole = np.concatenate([drawn.scale.to_data(np.concatenate([d.layers, d.densities])) for d in drawn.images], axis=2)
    np.testing.assert_allclose(whole.mean(axis=(1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(whole.std(axis=(1, 2)), 1, atol=1e-5)
    drawn = draw_layouts(annotated, recipe(**KDE), seed=0)
    raster = encode_crop(drawn.images[0], 0, 0, recipe(**KDE), drawn.scale)
    assert (raster.min(), raster.max()) == (-1, 1)


def test_a_class_that_no_image_has_is_a_flat_channel():
    cells = scattered(3)
    drawn = draw_layouts([cells.select(cells.labels == 0)], recipe(**SHARED), seed=0)
    raster = encode_crop(drawn.images[0], 0, 0, recipe(**SHARED), drawn.scale)
    assert (raster[2] == 0).all()


def test_a_scale_is_stored_as_json_and_refuses_what_is_none():
    scale = ChannelScale((0.1, 0.2), (1.0, 3.0))
    assert ChannelScale.from_json(scale.to_json()) == scale
    values = np.random.default_rng(0).random((2, 3, 3), dtype=np.float32)
    np.testing.assert_allclose(scale.to_values(scale.to_data(values)), values, atol=1e-6)
    for mean, spread in [((0.0,), (1.0, 1.0)), ((0.0,), (0.0,)), ((np.nan,), (1.0,))]:
        with pytest.raises(InvalidInputError, match="one finite mean and one spread > 0 a channel"):
            ChannelScale(mean, spread)


def test_standard_channels_are_not_clipped():
    with pytest.raises(ValidationError, match=r"set process\.clip_x0 to null"):
        recipe(process={"schedule": "cosine", "prediction": "x0", "learned_variance": False})


def test_padding_is_background_and_is_stripped():
    settings = recipe(**PAPER_FRAME)
    drawn = draw_layouts([scattered(3)], settings, seed=0)
    raster = encode_crop(drawn.images[0], 0, 0, settings, drawn.scale)
    assert (raster[:, :4] == -1).all()
    assert (raster[:, :, -4:] == -1).all()
    raster[:, :3, :3] = 1  # a marker in the padding is no cell
    again = decode_raster(raster, settings, drawn.scale, classes=CLASSES, mpp=None)
    assert len(again) == len(scattered(3).crop(0, 0, (64, 64)))


@pytest.mark.parametrize("changes", [SHARED, EDT, PAPER_FRAME], ids=["shared", "edt", "marker"])
def test_round_trip_keeps_isolated_cells(changes):
    cells = scattered(4)
    assert round_trip(cells, recipe(**changes)).counts() == cells.counts()


def test_densities_lie_beside_the_cells():
    settings = recipe(channels={"density": "gmm"})
    drawn = draw_layouts([scattered(5)], settings, seed=0)
    assert drawn.density_constant > 0
    assert encode_crop(drawn.images[0], 0, 0, settings, drawn.scale).shape[0] == 3 + 2
    assert draw_layouts([scattered(5)], recipe(**EDT), seed=0).density_constant is None


def test_a_raster_of_another_shape_is_told():
    scale = ChannelScale.range(5)
    with pytest.raises(InvalidInputError, match=r"has shape \(5, 32, 32\), got \(5, 32, 31\)"):
        decode_raster(np.zeros((5, 32, 31)), recipe(), scale, classes=CLASSES, mpp=None)


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


@pytest.mark.parametrize("changes", [SHARED, EDT], ids=["shared", "edt"])
def test_samples_depend_on_seed_and_number_and_carry_their_category(changes):
    settings = recipe(**changes)
    drawn = draw_layouts([scattered(6), scattered(7)], settings, seed=0)
    samples = LayoutSamples(drawn, settings, seed=1)
    samples.categories = CountingCategories.from_counts(samples.class_counts(200).sum(axis=1), 2)
    again = LayoutSamples(drawn, settings, seed=1)
    again.categories = samples.categories
    for i in (4, 0):
        assert (samples[i]["x0"] == again[i]["x0"]).all()
        count = len(samples.cells(i))
        assert int(samples[i]["category"]) == int(samples.categories.of(count))
        # turning changes places, not the number of cells
        back = decode_raster(samples[i]["x0"].numpy(), settings, samples.scale, classes=CLASSES, mpp=None)
        assert len(back) == count
    assert not (samples[0]["x0"] == LayoutSamples(drawn, settings, seed=2)[0]["x0"]).all()


def test_images_smaller_than_the_crop_are_told():
    settings = recipe(**SHARED)
    drawn = draw_layouts([scattered(8, shape=(40, 96), count=5)], settings, seed=0)
    with pytest.raises(InvalidInputError, match="no training image is as large as the crop of 64 px"):
        LayoutSamples(drawn, settings, seed=0)


def test_densities_take_their_bandwidth_and_their_number_of_components():
    def densities(**channels):
        drawn = draw_layouts([scattered(5)], recipe(channels=channels), seed=0)
        return drawn.images[0].densities

    def steepness(maps):
        return abs(np.diff(maps, axis=2)).mean()

    narrow, scott, wide = (densities(density="kde", bandwidth=factor) for factor in (0.1, None, 1.0))
    assert steepness(narrow) > steepness(scott) > steepness(wide)
    one, four, best = (densities(density="gmm", components=number) for number in (1, 4, None))
    assert not np.allclose(one, four, atol=0.01)
    assert best.shape == one.shape == densities(density="gmcm", components=2).shape == (2, 40, 48)


@pytest.mark.parametrize(
    ("channels", "reason"),
    [
        ({"density": "gmm", "bandwidth": 0.5}, "only the density 'kde' has a bandwidth factor"),
        ({"density": "kde", "components": 4}, "only the densities 'gmm' and 'gmcm' have components"),
        ({"density": "kde", "bandwidth": 0}, "greater than 0"),
        ({"density": "gmcm", "components": 0}, "greater than or equal to 1"),
    ],
)
def test_numbers_that_a_density_has_no_use_for_are_told(channels, reason):
    with pytest.raises(ValidationError, match=reason):
        recipe(channels=channels)


def test_kept_densities_make_no_difference(tmp_path):
    settings, cache = recipe(channels={"density": "kde"}), DensityCache(tmp_path)
    new, kept = (draw_layouts([scattered(5), scattered(6)], settings, seed=0, cache=cache) for _ in range(2))
    assert len(list(tmp_path.iterdir())) == 2
    assert new.density_constant == kept.density_constant
    for one, other in zip(new.images, kept.images, strict=True):
        np.testing.assert_array_equal(one.densities, other.densities)
