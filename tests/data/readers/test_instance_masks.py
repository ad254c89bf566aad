from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cellweave.core import DatasetError
from cellweave.data.readers.instance_masks import Nuclei, labels_of, require_size

FILE = Path("a.mat")
MASKS = arrays(np.int64, array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.sampled_from([0, 1, 2, 9, 400]))


def nuclei_of(rows: list[list[float]]) -> Nuclei:
    return Nuclei.of(np.array(rows), file=FILE)


def test_a_single_pixel_lies_at_its_centre() -> None:
    assert nuclei_of([[0, 0, 0], [0, 0, 5]]).xy.tolist() == [[2.5, 1.5]]


def test_touching_nuclei_stay_apart_and_come_in_the_order_of_their_numbers() -> None:
    nuclei = nuclei_of([[7, 7, 2], [7, 7, 2]])
    assert nuclei.numbers.tolist() == [2, 7]
    assert nuclei.xy.tolist() == [[2.5, 1.0], [1.0, 1.0]]
    assert nuclei.areas.tolist() == [2, 4]


def test_a_concave_nucleus_has_its_centroid_outside() -> None:
    ring = np.pad(np.zeros((3, 3), int), 1, constant_values=1)
    nuclei = Nuclei.of(ring, file=FILE)
    assert nuclei.xy.tolist() == [[2.5, 2.5]]
    assert ring[2, 2] == 0


def test_an_empty_mask_has_no_nuclei() -> None:
    nuclei = nuclei_of([[0, 0], [0, 0]])
    assert (nuclei.xy.shape, nuclei.numbers.shape) == ((0, 2), (0,))
    assert nuclei.codes_of(np.zeros((2, 2), int)).shape == (0,)
    assert nuclei.codes_from([], []).shape == (0,)


@given(MASKS)
def test_centroids_are_those_of_one_nucleus_after_the_other(mask: np.ndarray) -> None:
    nuclei = Nuclei.of(mask, file=FILE)
    numbers = [number for number in np.unique(mask) if number]
    assert nuclei.numbers.tolist() == numbers
    for number, xy, area in zip(numbers, nuclei.xy, nuclei.areas, strict=True):
        places = np.argwhere(mask == number)
        assert area == len(places)
        np.testing.assert_allclose(xy, places.mean(axis=0)[::-1] + 0.5, rtol=0, atol=1e-9)
    assert (nuclei.mask() == mask).all()


@given(MASKS, st.integers(0, 2**32 - 1))
def test_the_class_is_that_of_most_pixels_and_background_does_not_vote(mask: np.ndarray, seed: int) -> None:
    classes = np.random.default_rng(seed).choice([0, 1, 3, 200], mask.shape)
    nuclei = Nuclei.of(mask, file=FILE)
    for number, code in zip(nuclei.numbers, nuclei.codes_of(classes), strict=True):
        votes = classes[(mask == number) & (classes > 0)]
        found, counts = np.unique(votes, return_counts=True)
        assert code == (found[counts.argmax()] if len(found) else 0)


@given(MASKS)
def test_masks_of_any_kind_of_number_are_equal(mask: np.ndarray) -> None:
    expected = Nuclei.of(mask, file=FILE).xy.tolist()
    for kind in (np.uint16, np.uint32, np.float32, np.float64):
        assert Nuclei.of(mask.astype(kind), file=FILE).xy.tolist() == expected


def test_a_table_gives_classes_in_any_order_and_may_lack_a_nucleus() -> None:
    assert nuclei_of([[3, 8, 12]]).codes_from([[12], [3]], [[2], [5]]).tolist() == [5, 0, 2]


def test_codes_become_indices() -> None:
    assert labels_of(np.array([2, 0, 1, 255]), {1: 0, 2: 1, 255: -1}, file=FILE).tolist() == [1, -1, 0, -1]
    with pytest.raises(DatasetError, match=r"a\.mat: class code 7 is not known; the codes are \[1, 2\], and 0"):
        labels_of(np.array([7, 1]), {1: 0, 2: 1}, file=FILE)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((2, 2, 3)), r"a mask has shape \(H, W\), got \(2, 2, 3\)"),
        (np.array([[0.5]]), r"a mask holds 0\.5; the numbers must be whole, from 0"),
        (np.array([[0, -3]]), r"a mask holds -3; the numbers"),
        (np.array([[np.nan]]), r"a mask holds nan; the numbers"),
        (np.array([[1e300]]), r"a mask holds 1e\+300; the numbers"),
        (np.array([["a"]]), r"a mask holds whole numbers, got <U1"),
    ],
)
def test_bad_masks(mask: np.ndarray, message: str) -> None:
    with pytest.raises(DatasetError, match=rf"a\.mat: {message}"):
        Nuclei.of(mask, file=FILE)


def test_what_does_not_fit_together_is_refused() -> None:
    nuclei = nuclei_of([[1, 2, 0]])
    with pytest.raises(DatasetError, match="the mask of classes is 2×1, that of nuclei 3×1"):
        nuclei.codes_of(np.zeros((1, 2), int))
    with pytest.raises(DatasetError, match="2 nuclei have 1 classes"):
        nuclei.codes_from([1, 2], [1])
    with pytest.raises(DatasetError, match="has nucleus 1 twice"):
        nuclei.codes_from([1, 1], [1, 2])
    with pytest.raises(DatasetError, match="nuclei that are not in the mask: 5, 6;"):
        nuclei.codes_from([5, 6], [1, 2])
    with pytest.raises(DatasetError, match=r"a\.mat: the mask is 2×1, the image a\.png 1×2"):
        require_size((1, 2), (2, 1), file=FILE, image=Path("a.png"))
