"""Likeness and copies of small images on disk."""

import numpy as np
import pytest
from skimage.filters import gaussian

from cellweave.core import Cells
from cellweave.data import CellDataset, DatasetWriter
from cellweave.encoders import patch_encoder
from cellweave.workflows.score_image_likeness import (
    PATCH_PX,
    ImageSet,
    LikenessComparison,
    cut_patches,
    measure_likeness,
    measure_memorisation,
    views_of,
)

ENCODER = patch_encoder("in-domain")


def picture(seed, size=128):
    """Return smooth spots of many colours, which differ from seed to seed."""
    rng = np.random.default_rng(seed)
    return (gaussian(rng.random((size, size, 3)), 4, channel_axis=2, mode="wrap") * 800 - 275).clip(0, 255).astype("u1")


def write(root, pictures, *, split="training", mpp=0.5, group="g", classes=("a", "b"), extra=()):
    with DatasetWriter(root, name="", classes=classes, licence="", source="") as writer:
        for i, (image, one) in enumerate([*((image, split) for image in pictures), *extra]):
            cells = Cells([[20, 20], [60, 60]], [0, 1], classes=classes, shape=image.shape[:2], mpp=mpp)
            writer.add(f"i{i}", cells, pixels=image, split=one, group=f"{group}{i}")
    return CellDataset.open(root)


def every(dataset, kind="x", split=None):
    return ImageSet(kind, dataset, dataset.names(split), None)


@pytest.fixture(autouse=True)
def few_queries(monkeypatch):
    monkeypatch.setattr("cellweave.workflows.score_image_likeness.QUERIES", 16)


def silent(*about):
    pass


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    held_out = [(picture(50 + i), "validation") for i in range(4)]
    return write(tmp_path_factory.mktemp("real") / "set", [picture(i) for i in range(6)], extra=held_out)


def test_patches_and_views():
    image = np.arange(96 * 160 * 3, dtype=np.uint32).reshape(96, 160, 3).astype(np.uint8)
    cut = cut_patches(image, 32)
    assert cut.shape == (2 * 4, PATCH_PX, PATCH_PX, 3)
    np.testing.assert_array_equal(cut[5], image[32:, 32:96])
    assert cut_patches(image[:60], 32).shape == (0, PATCH_PX, PATCH_PX, 3)
    views = views_of(picture(0, 86)[None])
    assert views.shape == (1, 72, PATCH_PX, PATCH_PX, 3)
    assert len({one.tobytes() for one in views[0]}) == 72
    np.testing.assert_array_equal(views[0, 0], picture(0, 86)[:64, :64])


def test_images_are_brought_to_the_scale_of_the_encoder(tmp_path):
    fine = write(tmp_path / "fine", [np.repeat(np.repeat(picture(0), 2, axis=0), 2, axis=1)], mpp=0.25)
    image, cells = every(fine).read("i0")
    np.testing.assert_array_equal(image, picture(0))
    assert (cells.shape, cells.mpp) == ((128, 128), 0.5)
    unknown = write(tmp_path / "unknown", [picture(0)], mpp=None)
    assert every(unknown).read("i0")[0].shape == (128, 128, 3)
    assert ImageSet("x", unknown, ["i0"], 0.25).read("i0")[0].shape == (64, 64, 3)


def test_copies_of_training_images_are_found_and_new_images_are_not(training, tmp_path):
    copies = write(tmp_path / "copies", [np.rot90(picture(i)) for i in range(6)])
    new = write(tmp_path / "new", [picture(90 + i) for i in range(4)])
    verdicts = []
    for made in (copies, new):
        found, notes = measure_memorisation(
            every(training, "training", "training"),
            every(made),
            every(training, "held-out", "validation"),
            ENCODER,
            seed=0,
            progress=silent,
        )
        assert notes == []
        assert found.images == 6
        verdicts.append(found.memorised)
    assert verdicts == [True, False]


def test_what_cannot_be_measured_is_said(training, tmp_path):
    def comparison(synthetic, real, split=None):
        return LikenessComparison(
            every(synthetic, "synthetic"), every(real), ENCODER, split=split, splits=2, seed=0, progress=silent
        ).measure(memorisation=True)

    likeness, found, notes = comparison(training, training, "training")
    assert likeness is not None
    assert found is None
    assert notes[-1] == "Copies are not looked for: the images scored are the training images themselves."
    assert notes[0].startswith("No FID: ")
    small = write(tmp_path / "small", [picture(i)[:62] for i in range(3)])
    likeness, found, notes = comparison(small, training)
    assert (likeness, found) == (None, None)
    assert notes == [
        "Likeness is not measured: the synthetic images are too small for patches of 32 µm.",
        "Copies are not looked for: images are too small for windows of 43 µm.",
    ]
    alone = write(tmp_path / "alone", [picture(0)])
    likeness, _, notes = comparison(training, alone)
    assert likeness is None
    assert notes == [
        "Likeness is not measured: the real images are of one patient or slide, so there is no floor.",
        "Copies are not looked for: 1 training image, and 3 are needed.",
    ]


def test_too_few_patches_for_a_score_of_classes_are_said_once(training, tmp_path):
    few = write(tmp_path / "few", [picture(i)[:64, :64] for i in range(9)])
    likeness, notes = measure_likeness(
        every(training, "real"), every(few, "synthetic"), ENCODER, splits=2, seed=0, progress=silent
    )
    assert likeness.inception_scores == {}
    assert [note for note in notes if "IS" in note] == [
        "No IS: of one kind of images there are 9 patches, and 10 are needed."
    ]
    assert likeness.to_json()["notes"] == notes


def test_classes_go_by_name_and_a_training_set_without_others_gives_no_verdict(training, tmp_path):
    swapped = write(tmp_path / "swapped", [picture(i + 20) for i in range(3)], classes=("b", "a"))
    seen = []
    comparison = LikenessComparison(
        every(swapped),
        every(training, "real", "training"),
        ENCODER,
        split=None,
        splits=2,
        seed=0,
        progress=lambda *about: seen.append(about[0]),
    )
    likeness, found, notes = comparison.measure(memorisation=True)
    assert [row.label for row in likeness.rows if row.measure.startswith("nuclei")] == ["all", "a", "b"]
    assert found.memorised is None
    assert notes[-1] == "No held-out images of other patients: shares of copies have no verdict."
    assert {"encoding real images", "comparing images", "looking for copies"} <= set(seen)
