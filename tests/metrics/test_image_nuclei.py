import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics.image_controls import painted_dots, restained
from cellweave.metrics.image_nuclei import measure_nuclei
from cellweave.stain import MACENKO_HE, compose

SHAPE = (96, 96)


def tissue(discs, *, shape=SHAPE):
    """Return an image of eosin with discs of haematoxylin: (x, y, radius) each, in pixels."""
    rows, columns = np.indices(shape) + 0.5
    amounts = np.stack([np.full(shape, 0.05), np.full(shape, 0.3)], axis=-1)
    for x, y, radius in discs:
        amounts[np.hypot(columns - x, rows - y) <= radius, 0] = 1.0
    return compose(amounts, MACENKO_HE)


def cells(*xy, shape=SHAPE, labels=None):
    return Cells(list(xy), [0] * len(xy) if labels is None else labels, classes=("a", "b"), shape=shape, mpp=0.5)


def test_diameters_of_discs():
    image = tissue([(25, 25, 6), (70, 30, 10)])
    found = measure_nuclei(image, cells((25, 25), (71, 31), labels=[0, 1]), mpp=0.5)
    np.testing.assert_allclose(found.diameters_um, [6, 10], atol=0.4)
    assert found.labels.tolist() == [0, 1]
    twice = measure_nuclei(image, cells((25, 25), (71, 31)), mpp=1.0)  # a disc of 20 µm is cut at 8 µm from its cell
    np.testing.assert_allclose(twice.diameters_um, [12, 16], atol=1.0)


def test_touching_nuclei_are_parted_and_the_nearest_piece_is_the_cells_own():
    image = tissue([(40, 40, 7), (52, 40, 7), (40, 52, 2)])
    found = measure_nuclei(image, cells((40, 40), (52, 40)), mpp=0.5)
    np.testing.assert_allclose(found.diameters_um, [7, 7], atol=0.6)


def test_no_nucleus_where_nothing_is_dark():
    found = measure_nuclei(tissue([(25, 25, 6)]), cells((70, 70), (25, 25)), mpp=0.5)
    assert np.isnan(found.diameters_um[0])
    assert found.diameters_um[1] == pytest.approx(6, abs=0.4)
    flat = np.full((*SHAPE, 3), 200, np.uint8)
    assert np.isnan(measure_nuclei(flat, cells((5, 5)), mpp=0.5).diameters_um).all()
    assert measure_nuclei(flat, cells(), mpp=0.5).diameters_um.shape == (0,)


def test_another_staining_hardly_changes_sizes():
    image = tissue([(25, 25, 6), (70, 30, 10)])
    other = measure_nuclei(restained(image, np.random.default_rng(1)), cells((25, 25), (70, 30)), mpp=0.5)
    np.testing.assert_allclose(other.diameters_um, [6, 10], atol=0.4)


def test_dots_have_the_colours_of_the_image_and_no_texture():
    rng = np.random.default_rng(0)
    image = tissue([(25, 25, 6)]) - rng.integers(0, 9, (*SHAPE, 3), dtype=np.uint8)
    dots = painted_dots(image, cells((25, 25)))
    assert len(np.unique(dots.reshape(-1, 3), axis=0)) == 2
    np.testing.assert_allclose(dots[25, 25], np.median(image[22:28, 22:28], axis=(0, 1)), atol=2)
    np.testing.assert_allclose(dots[90, 90], np.median(image[60:], axis=(0, 1)), atol=2)
    assert len(np.unique(painted_dots(image, cells()).reshape(-1, 3), axis=0)) == 1


def test_restained_images_differ_and_depend_on_the_generator_alone():
    image = tissue([(25, 25, 6)])
    one, again, other = (restained(image, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert 1 < np.abs(one.astype(int) - image).mean() < 40
    assert not np.array_equal(one, other)


def test_bad_input_is_named():
    with pytest.raises(InvalidInputError, match="does not go with cells in"):
        measure_nuclei(tissue([]), cells((5, 5), shape=(90, 96)), mpp=0.5)
    with pytest.raises(InvalidInputError, match="at 0 µm"):
        measure_nuclei(tissue([]), cells((5, 5)), mpp=0)
