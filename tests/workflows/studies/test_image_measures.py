"""What is drawn for the intervals of studies of image models, and F1 at the localiser's scale, by hand."""

import numpy as np
import pandas as pd
import pytest

from cellweave.core import Cells
from cellweave.data import CellDataset, DatasetWriter
from cellweave.encoders.image_encoder import PatchFeatures
from cellweave.metrics.image_resampling import drawn_weights, kernel_distances
from cellweave.workflows.studies.image_measures import RESAMPLES, ImageReference, PatchMeter, to_scale
from cellweave.workflows.studies.image_places import PatchReader, Place
from cellweave.workflows.studies.image_units import group_names, groups_in_words, missing_in_words

SIDE = 64
WHITE = np.full((SIDE, SIDE, 3), 255, np.uint8)
CELLS = Cells([[16, 20], [44, 42]], [0, 1], classes=("blue", "red"), shape=(SIDE, SIDE), mpp=0.5)


class Colours:
    """An encoder whose features are the mean colour of a patch, and its square."""

    name = "by hand"

    def encode(self, patches):
        mean = patches.reshape(len(patches), -1, 3).mean(axis=1) / 255
        return PatchFeatures(np.concatenate([mean, mean**2], axis=1).astype(np.float32), None)


@pytest.fixture
def write(tmp_path, paint_spots):
    """A function that writes images of the same two spots, ``background`` of them lighter or darker, by groups."""

    def make(groups, *, lights=None):
        with DatasetWriter(tmp_path / "set", name="", classes=CELLS.classes, licence="", source="") as writer:
            for i, group in enumerate(groups):
                light = 255 if lights is None else lights[i]
                pixels = np.minimum(paint_spots(CELLS), np.uint8(light))
                writer.add(f"i{i}", CELLS, pixels=pixels, group=group)
        return CellDataset.open(tmp_path / "set")

    return make


def places_of(dataset):
    return [Place(name, 0, 0, SIDE) for name in dataset.names()]


def reference_of(dataset, units, *, locator=None, learnt=(), learnt_units=()):
    return ImageReference(
        PatchMeter(Colours(), locator),
        PatchReader(dataset, masks=False),
        places_of(dataset),
        units=units,
        learnt=learnt,
        learnt_units=learnt_units,
        progress=lambda *about: None,
    )


def f1_samples(dataset, units, painted, locator):
    """Return the F1 of all cells, and its resamples, and the number of units."""
    found = reference_of(dataset, units, locator=locator).compare(painted)
    return found["values"]["F1"], np.array(found["samples"]["F1"], float), found["units"]


def test_groups_of_equal_patches_make_the_interval_wider_than_patches_taken_alone(write, paint_spots, spot_model):
    # in two groups of four all cells are found, in the others none: the recall h of a draw has steps of a quarter
    dataset = write([group for group in "abcd" for _ in range(4)])
    painted = [paint_spots(CELLS) if i < 8 else WHITE for i in range(16)]
    together, alone = group_names(dataset, places_of(dataset)), dataset.names()
    value, of_groups, groups = f1_samples(dataset, together, painted, spot_model.locator())
    same, of_patches, patches = f1_samples(dataset, alone, painted, spot_model.locator())
    assert (groups, patches) == (4, 16)
    assert value == same == pytest.approx(2 / 3, abs=1e-6)  # 2 h / (1 + h) at a half
    shares = drawn_weights(4, resamples=RESAMPLES, seed=0)[1:, :2].sum(axis=1) / 4
    assert np.allclose(of_groups, 2 * shares / (1 + shares), atol=1e-6)
    assert len(np.unique(of_groups)) == 5
    widths = [np.ptp(np.percentile(samples, [2.5, 97.5])) for samples in (of_groups, of_patches)]
    assert widths[0] > 1.5 * widths[1] > 0


def test_groups_that_are_alike_have_an_interval_without_width(write, paint_spots, spot_model):
    dataset = write([group for group in "abcd" for _ in range(2)])
    painted = [paint_spots(CELLS) if i % 2 else WHITE for i in range(8)]
    together, alone = group_names(dataset, places_of(dataset)), dataset.names()
    _, of_groups, _ = f1_samples(dataset, together, painted, spot_model.locator())
    _, of_patches, _ = f1_samples(dataset, alone, painted, spot_model.locator())
    assert np.ptp(of_groups) == 0
    assert np.ptp(of_patches) > 0.3


def test_an_image_without_a_group_is_its_own(write):
    dataset = write(["a", "a", None, "b"])
    places = places_of(dataset)
    assert group_names(dataset, [*places, Place("i2", 0, 64, 64)]) == ["a", "a", "i2", "b", "i2"]
    path = dataset.root / "images.parquet"
    pd.read_parquet(path).assign(group="").to_parquet(path)
    bare = CellDataset.open(dataset.root)
    assert group_names(bare, places) == ["i0", "i1", "i2", "i3"]


def test_of_one_group_there_is_no_kid_and_no_interval(write, spot_model):
    dataset = write(["a"] * 3)
    found = reference_of(dataset, ["a"] * 3, locator=spot_model.locator()).compare([WHITE] * 3)
    assert found["values"]["F1"] == 0
    assert found["values"]["KID"] is None
    assert set(found["samples"]["F1"]) == {None}


def test_patches_learnt_from_belong_to_the_groups_that_they_share_with_the_real_ones(write):
    lights = [40, 60, 90, 120, 160, 200, 70, 100]
    dataset = write([*"aabbcc", "a", "d"], lights=lights)
    real, learnt = places_of(dataset)[:6], places_of(dataset)[6:]
    seen = Colours().encode(np.stack([dataset.read_image(name) for name in dataset.names()])).features
    distances = {}
    for name, units, numbers in (("shared", ["a", "d"], [0, 3]), ("apart", ["e", "d"], [3, 4])):
        reference = ImageReference(
            PatchMeter(Colours(), None),
            PatchReader(dataset, masks=False),
            real,
            units=list("aabbcc"),
            learnt=learnt,
            learnt_units=units,
            progress=lambda *about: None,
        )
        distances[name] = reference.compare([WHITE] * 6)["references"]["learnt"]["KID"]
        whole = np.ones((1, max(numbers) + 1))
        expected = kernel_distances(seen[:6], seen[6:], (np.repeat([0, 1, 2], 2), np.array(numbers)), whole)[0]
        assert distances[name] == pytest.approx(expected, abs=1e-6)
    assert distances["shared"] != distances["apart"]


def test_a_draw_without_any_patch_learnt_from_leaves_distances_undefined(write):
    dataset = write([*"aaaaaaaabbbbbbbb"], lights=np.linspace(60, 250, 16).astype(int).tolist())
    reference = reference_of(dataset, list("aaaaaaaabbbbbbbb"), learnt=places_of(dataset)[:8], learnt_units=["a"] * 8)
    found = reference.compare([WHITE] * 16)
    assert found["references"]["learnt"]["FID"] > 0
    # a quarter of the draws of two groups is of b alone
    assert set(found["samples"]["FID position"]) == {None}
    assert None not in found["samples"]["FID"]


def test_a_draw_of_too_few_patches_for_the_features_leaves_fid_undefined(write):
    # a quarter of the draws is of b alone, whose six patches, however often drawn, do not fix six features' covariance
    dataset = write([*"aaaaaaaabbbbbbb"], lights=np.linspace(60, 250, 15).astype(int).tolist())
    for count, defined in ((6, False), (7, True)):
        units = [*"aaaaaaaa", *"b" * count]
        reference = ImageReference(
            PatchMeter(Colours(), None),
            PatchReader(dataset, masks=False),
            places_of(dataset)[: len(units)],
            units=units,
            learnt=(),
            learnt_units=(),
            progress=lambda *about: None,
        )
        found = reference.compare([WHITE] * len(units))
        assert found["values"]["FID"] > 0
        assert (None not in found["samples"]["FID"]) == defined


def test_patches_of_unknown_scale_are_enlarged_by_what_they_were_reduced():
    unknown = Cells(CELLS.xy, CELLS.labels, classes=CELLS.classes, shape=CELLS.shape)
    for mpp in (0.25, 0.5):
        pixels, cells = to_scale(WHITE, unknown, mpp=mpp, reduction=2)
        assert pixels.shape[:2] == cells.shape == (2 * SIDE, 2 * SIDE)
        assert to_scale(WHITE, unknown, mpp=mpp)[0] is WHITE
    # a known scale says it all
    assert to_scale(WHITE, CELLS, mpp=0.5, reduction=2)[0] is WHITE
    assert to_scale(WHITE, CELLS, mpp=0.25, reduction=2)[1].shape == (2 * SIDE, 2 * SIDE)


@pytest.mark.parametrize(
    ("locator_mpp", "image_mpp", "found"),
    [(0.5, 0.5, 2), (0.25, 0.5, 0), (0.25, None, 2), (0.5, 1.0, 0), (None, 1.0, 0)],
)
def test_cells_are_found_at_the_scale_of_the_localiser(make_spot_model, paint_spots, locator_mpp, image_mpp, found):
    """Spots 4 px off at 0.5 µm a pixel are 8 px off at 0.25, where 6 are allowed; of unknown scale they stay 4."""
    shown = Cells(np.add(CELLS.xy, (4, 0)), CELLS.labels, classes=CELLS.classes, shape=CELLS.shape, mpp=image_mpp)
    painted_from = Cells(CELLS.xy, CELLS.labels, classes=CELLS.classes, shape=CELLS.shape, mpp=image_mpp)
    meter = PatchMeter(Colours(), make_spot_model(mpp=locator_mpp).locator())
    seen = meter.see([(paint_spots(shown), painted_from)])
    assert seen.counts[0, 0].tolist() == [found, 2 - found, 2 - found]


def test_in_words():
    assert groups_in_words([15, 12, 15]).startswith("12 or 15 groups (patients, slides or regions; an image ")
    assert "there is no KID" in missing_in_words([1], ["F1"])
    assert missing_in_words([2, 4], ["KID"]).startswith("No interval of KID: of 2 or 4 groups, too many draws")
    assert missing_in_words([2], []) == missing_in_words([], []) == ""
