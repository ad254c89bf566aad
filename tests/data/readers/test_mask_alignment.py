import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellweave.data.readers.mask_alignment import REACH_PX, correlations_by_offset, mask_offset, moved_mask

SHAPE = (96, 112)


def nuclei(seed: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Return a mask of round nuclei some 9 pixels wide."""
    rng = np.random.default_rng(seed)
    centres = np.ones(shape, bool)
    centres[rng.integers(0, shape[0], 20), rng.integers(0, shape[1], 20)] = False
    return ndimage.distance_transform_edt(centres) < 4.5


def photograph(mask: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return an image with dark nuclei in noise, under uneven light."""
    rng = np.random.default_rng(seed)
    light = np.linspace(200, 245, mask.shape[1])
    grey = np.where(mask, 110, light) + rng.normal(0, 12, mask.shape)
    return grey.clip(0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 50), st.integers(-15, 15), st.integers(-15, 15))
def test_the_offset_is_found_again(seed: int, x: int, y: int) -> None:
    assume(max(abs(x), abs(y)) >= 4)  # less is no gain of the least size, see below
    drawn = nuclei(seed, (140, 150))
    image = photograph(moved_mask(drawn.astype(np.uint8), (x, y)) > 0, seed)
    assert mask_offset(image, drawn) == (x, y)


def naive_correlation(image: np.ndarray, mask: np.ndarray, x: int, y: int) -> float:
    height, width = image.shape
    rows, columns = slice(max(y, 0), height + min(y, 0)), slice(max(x, 0), width + min(x, 0))
    back_rows, back_columns = slice(max(-y, 0), height + min(-y, 0)), slice(max(-x, 0), width + min(-x, 0))
    return float(np.corrcoef(image[rows, columns].ravel(), mask[back_rows, back_columns].ravel())[0, 1])


def test_the_correlation_is_that_of_the_overlap() -> None:
    rng = np.random.default_rng(3)
    image, mask = rng.random((30, 24)), rng.random((30, 24))
    found = correlations_by_offset(image, mask, 5)
    expected = [[naive_correlation(image, mask, x, y) for x in range(-5, 6)] for y in range(-5, 6)]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_mask_that_fits_stays() -> None:
    mask = nuclei(1)
    assert mask_offset(photograph(mask), mask) == (0, 0)


def test_a_small_gain_moves_nothing() -> None:
    mask = nuclei(1)
    image = photograph(moved_mask(mask.astype(np.uint8), (1, 0)) > 0)
    assert mask_offset(image, ndimage.binary_dilation(mask, iterations=2)) == (0, 0)


def test_an_offset_beyond_the_reach_is_not_guessed() -> None:
    mask = nuclei(2)
    image = photograph(moved_mask(mask.astype(np.uint8), (REACH_PX, 0)) > 0)
    assert mask_offset(image, mask) == (0, 0)
    assert mask_offset(image, mask, reach_px=REACH_PX + 1) == (REACH_PX, 0)


@pytest.mark.parametrize("shape", [(1, 1), (2, 40), (40, 40)])
def test_where_nothing_can_be_compared_nothing_moves(shape: tuple[int, int]) -> None:
    white = np.full((*shape, 3), 240, np.uint8)
    one = np.zeros(shape, bool)
    one[0, 0] = True
    assert mask_offset(white, one) == (0, 0)
    assert mask_offset(photograph(one), np.zeros(shape, bool)) == (0, 0)
    assert mask_offset(photograph(one), np.ones(shape, bool)) == (0, 0)


def test_a_mask_moved_out_of_its_frame_is_empty() -> None:
    mask = np.full((3, 4), 7, np.uint8)
    assert moved_mask(mask, (5, 0)).tolist() == np.zeros((3, 4)).tolist()
    assert moved_mask(mask, (0, 0)).tolist() == mask.tolist()
    assert moved_mask(mask, (-3, 2)).tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [7, 0, 0, 0]]
