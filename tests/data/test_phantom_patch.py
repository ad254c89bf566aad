from functools import cache
from itertools import combinations

import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.data.phantom import CLASSES, EXCLUSION_UM, PhantomPatch, phantom_patch

NUMBERS = range(12)


@cache
def patch(index: int, *, seed: int = 5, size: int = 256, mpp: float = 0.5) -> PhantomPatch:
    return phantom_patch(index, seed=seed, size=size, mpp=mpp)


def test_a_patch_depends_on_seed_and_number_alone():
    earlier = [patch(i) for i in (2, 3)]
    np.random.seed(0)  # noqa: NPY002 - the global state must not matter
    later = [phantom_patch(i, seed=5) for i in (3, 2)][::-1]
    for one, other in zip(earlier, later, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_array_equal(one.instances, other.instances)
        np.testing.assert_array_equal(one.cells.xy, other.cells.xy)
        np.testing.assert_array_equal(one.cells.labels, other.cells.labels)
    assert (patch(2, seed=6).pixels != patch(2).pixels).any()


def test_shapes_types_and_classes():
    one = patch(1, size=100, mpp=0.25)
    assert one.pixels.shape == (100, 100, 3)
    assert one.pixels.dtype == np.uint8
    assert one.instances.shape == (100, 100)
    assert one.instances.dtype == np.uint16
    assert one.cells.classes == CLASSES == ("lymphocyte", "tumor", "stromal")
    assert (one.cells.shape, one.cells.mpp) == ((100, 100), 0.25)


@pytest.mark.parametrize("mpp", [0.25, 0.5, 1.0])
def test_every_centre_lies_in_its_own_instance(mpp):
    for i in NUMBERS:
        one = patch(i, mpp=mpp, size=int(96 / mpp))
        columns, rows = np.floor(one.cells.xy).astype(int).T
        np.testing.assert_array_equal(one.instances[rows, columns], 1 + np.arange(len(one.cells)))


def test_instances_beyond_the_cells_touch_the_border_and_reach_in_from_outside():
    beyond = 0
    for i in NUMBERS:
        one = patch(i)
        inner = one.instances[12:-12, 12:-12]  # no nucleus is longer than 12 px from its centre
        assert inner.max() <= len(one.cells)
        beyond += (one.instances > len(one.cells)).any()
    assert beyond > 0


def test_no_two_cells_are_closer_than_their_classes_allow():
    for i in NUMBERS:
        cells = patch(i).cells
        gaps = np.linalg.norm(cells.xy[:, None] - cells.xy[None], axis=2) * 0.5
        np.fill_diagonal(gaps, np.inf)
        assert (gaps >= EXCLUSION_UM[cells.labels[:, None], cells.labels[None]]).all()


def test_nuclei_have_the_size_and_shape_of_their_class():
    area, elongation = {name: [] for name in CLASSES}, {name: [] for name in CLASSES}
    for i in NUMBERS:
        one = patch(i)
        for number, (xy, name) in enumerate(zip(one.cells.xy, one.cells.label_names(), strict=True), start=1):
            if ((xy > 16) & (xy < 240)).all():
                places = np.argwhere(one.instances == number)
                spread = np.linalg.eigvalsh(np.cov(places.T))
                area[name].append(len(places) * 0.25)
                elongation[name].append(np.sqrt(spread[1] / spread[0]))
    lymphocyte, tumor, _ = (np.median(area[name]) for name in CLASSES)
    # Radii of 1.75 to 2.25 µm and of about 3.4 × 4.1 µm.
    assert 9 < lymphocyte < 17
    assert 32 < tumor < 60
    assert np.median(elongation["lymphocyte"]) < 1.3
    assert np.median(elongation["stromal"]) > 2


def test_lymphocytes_are_dark_and_tumour_nuclei_paler():
    grey = {name: [] for name in (*CLASSES, "ground")}
    for i in NUMBERS:
        one = patch(i)
        brightness = one.pixels.mean(axis=2)
        columns, rows = np.floor(one.cells.xy).astype(int).T
        for value, name in zip(brightness[rows, columns], one.cells.label_names(), strict=True):
            grey[name].append(value)
        grey["ground"].append(np.median(brightness[one.instances == 0]))
    means = {name: np.mean(values) for name, values in grey.items()}
    assert means["lymphocyte"] + 20 < means["tumor"] < means["ground"] - 20
    assert means["stromal"] < means["ground"] - 40


def test_there_are_dark_things_that_are_no_cells():
    """Without them a localiser needs to learn nothing but a threshold of darkness."""
    specks = 0
    for i in NUMBERS:
        one = patch(i)
        nearest = np.full((256, 256), np.inf)
        rows, columns = np.mgrid[:256, :256] + 0.5
        for x, y in one.cells.xy:
            np.minimum(nearest, np.hypot(columns - x, rows - y), out=nearest)
        free = (one.instances == 0) & (nearest > 15)
        specks += (one.pixels.mean(axis=2)[free] < 110).sum()
    assert specks > 20


def test_counts_vary_widely_and_every_class_appears():
    counts = np.array([list(patch(i).cells.counts().values()) for i in NUMBERS])
    totals = counts.sum(axis=1)
    assert totals.min() >= 10
    assert totals.max() > 2 * totals.min()
    assert (counts.sum(axis=0) > 30).all()


def test_patches_of_a_patient_share_their_stain_and_patients_differ():
    def empty_slide(index):
        pixels = patch(index).pixels.reshape(-1, 3)
        return np.median(pixels[pixels.min(axis=1) > 232], axis=0)

    # Where much glass is empty, its grey levels are the patient's background, 243 to 255, up to noise and edges.
    glass = {i: empty_slide(i) for i in NUMBERS if (patch(i).pixels.min(axis=2) > 232).mean() > 0.03}
    same = [np.abs(glass[i] - glass[j]).max() for i, j in combinations(glass, 2) if i // 2 == j // 2]
    different = [np.abs(glass[i] - glass[j]).max() for i, j in combinations(glass, 2) if i // 2 != j // 2]
    assert len(same) >= 1
    assert max(same) <= 2
    assert np.median(different) > 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"index": -1}, "index of a phantom patch must be >= 0, got -1"),
        ({"seed": -3}, "seed of a phantom patch must be >= 0, got -3"),
        ({"size": 16}, r"size of a phantom patch must lie in 32\.\.2048 pixels, got 16"),
        ({"mpp": 2.0}, r"mpp .* must lie in \(0\.2, 1\.0\), got 2\.0"),
        ({"mpp": float("nan")}, "got nan"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        phantom_patch(**{"index": 0, "seed": 0, **arguments})
