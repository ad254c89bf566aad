"""Places that are painted: evenly over images, side by side, known well enough, and what is there."""

import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError
from cellweave.data import CellDataset, DatasetWriter, SemanticMask
from cellweave.workflows.studies.image_places import PatchReader, Place, choose_places, default_side, tile_px


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two images, 64 × 32 and 32 × 32 px (width × height), of which the right half of the first is unknown."""
    root = tmp_path_factory.mktemp("places") / "set"
    rng = np.random.default_rng(0)
    with DatasetWriter(root, name="places", classes=("x",), licence="CC0", source="a test") as writer:
        for name, width in (("a", 64), ("b", 32)):
            cells = Cells([[17.0, 1.0], [20.5, 30.5]], [0, 0], classes=("x",), shape=(32, width), mpp=0.5)
            codes = np.zeros((32, width), np.uint8)
            codes[:, 32:] = 255
            pixels = rng.integers(0, 256, (32, width, 3), dtype=np.uint8)
            writer.add(name, cells, pixels=pixels, mask=SemanticMask(codes))
    return CellDataset.open(root)


def test_places_are_shared_evenly_by_the_images(dataset):
    places = choose_places(dataset, ["a", "b"], side=16, count=6, at_most=99)
    assert [place.image for place in places] == ["a"] * 3 + ["b"] * 3
    assert places == choose_places(dataset, ["a", "b"], side=16, count=6, at_most=99)
    every = choose_places(dataset, ["a", "b"], side=16, count=None, at_most=99)
    assert [(one.image, one.row, one.column) for one in every] == [
        *(("a", row, column) for row in (0, 16) for column in (0, 16, 32, 48)),
        *(("b", row, column) for row in (0, 16) for column in (0, 16)),
    ]
    assert len(choose_places(dataset, ["a", "b"], side=16, count=None, at_most=5)) == 5


def test_places_are_spread_over_the_images_where_they_are_fewer(dataset):
    names = ["a", "b"] * 4
    spread = choose_places(dataset, names, side=32, count=4, at_most=99)
    assert [place.image for place in spread] == ["a", "a", "a", "a"]  # every other image of the list
    odd = choose_places(dataset, ["a", "b"], side=16, count=9, at_most=99)
    assert sum(place.image == "a" for place in odd) == 5


def test_unknown_places_are_left_out(dataset):
    known = choose_places(dataset, ["a", "b"], side=16, count=None, at_most=99, unknown_share=0.0)
    assert max(place.column for place in known if place.image == "a") == 16
    assert len(known) == 8


def test_too_few_places_are_refused(dataset):
    with pytest.raises(InvalidInputError, match=r"2 images of .* give 12 patches of 16 px side by side, and 13 are"):
        choose_places(dataset, ["a", "b"], side=16, count=13, at_most=99)
    with pytest.raises(InvalidInputError, match="give 0 patches of 48 px side by side, and 2 are needed"):
        choose_places(dataset, ["a", "b"], side=48, count=None, at_most=99)
    with pytest.raises(InvalidInputError, match="and 2 are needed"):
        choose_places(dataset, ["a", "b"], side=16, count=1, at_most=99)


def test_what_is_at_a_place(dataset):
    patch = PatchReader(dataset, masks=True).read(Place("a", 16, 16, 16))
    np.testing.assert_array_equal(patch.pixels, dataset.read_image("a")[16:32, 16:32])
    assert patch.cells.xy.tolist() == [[4.5, 14.5]]
    assert patch.scene.shape == (16, 16)
    assert PatchReader(dataset, masks=False).read(Place("a", 16, 16, 16)).scene is not None


def test_reduced_patches_are_half_as_large(dataset):
    patch = PatchReader(dataset, masks=True, reduce=2).read(Place("b", 0, 16, 16))
    whole = dataset.read_image("b")[:16, 16:32].astype(float)
    np.testing.assert_allclose(patch.pixels, whole.reshape(8, 2, 8, 2, 3).mean(axis=(1, 3)), atol=0.5)
    assert patch.cells.xy.tolist() == [[0.5, 0.5]]
    assert patch.cells.mpp == 1.0
    assert patch.mask.shape == (8, 8)


def test_an_area_falls_into_patches():
    assert Place("a", 8, 16, 32).divided(2) == [Place("a", row, column, 16) for row in (8, 24) for column in (16, 32)]
    assert Place("a", 8, 16, 32).divided(1) == [Place("a", 8, 16, 32)]


def test_patches_are_whole_tiles_of_32_um():
    assert [tile_px(mpp) for mpp in (None, 0.5, 0.25, 1.0)] == [64, 64, 128, 32]
    assert [default_side(crop, 0.5) for crop in (64, 96, 128)] == [64, 128, 128]
