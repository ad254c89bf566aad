import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import Cells, InvalidInputError
from cellweave.maps import (
    ExponentialDistanceCodec,
    GaussianCodec,
    MarkerCodec,
    PeakFinder,
    PeakMapCodec,
    SharedPeakCodec,
)
from cellweave.maps.codec import decode_by_class

CLASSES = ("a", "b", "c")
CLEAN = PeakFinder(window_px=3, threshold=0.5)
SUBPIXEL = PeakFinder(window_px=3, threshold=0.5, subpixel=True)
CODECS = {
    "marker": MarkerCodec(),
    "edt": ExponentialDistanceCodec(reach_px=10.0, finder=CLEAN),
    "edt of sub-pixels": ExponentialDistanceCodec(reach_px=10.0, finder=SUBPIXEL),
    "gaussian": GaussianCodec(finder=CLEAN),
    "peak": PeakMapCodec(finder=SUBPIXEL),
    "shared": SharedPeakCodec(),
}


def pixels(cells):
    return [tuple(pixel) for pixel in np.floor(cells.xy).astype(int).tolist()]


@pytest.mark.parametrize("name", CODECS)
@given(
    seed=st.integers(0, 10_000),
    shape=st.sampled_from([(1, 1), (1, 9), (2, 3), (3, 3), (17, 23)]),
    levels=st.sampled_from([1, 2, 5, 1000]),
    lowest=st.sampled_from([0.0, 0.4]),
)
def test_no_two_cells_lie_on_one_pixel_of_any_raster(name, seed, shape, levels, lowest):
    channels = len(CLASSES) + (name == "shared")
    noise = np.random.default_rng(seed).integers(0, levels + 1, (channels, *shape)) / levels
    raster = np.maximum(noise, lowest).astype(np.float32)
    back = CODECS[name].decode(raster, classes=CLASSES)
    assert len(set(pixels(back))) == len(back)


def test_cells_of_all_classes_on_the_same_pixels_come_back_once():
    back = MarkerCodec().decode(np.ones((3, 256, 256)), classes=CLASSES)
    assert len(set(pixels(back))) == len(back) > 7000
    assert (back.labels == 0).all()


def test_of_classes_on_one_pixel_the_highest_is_kept_and_of_equals_the_first():
    heights = {(2, 3): (0.9, 0.6, 0.8), (7, 3): (0.6, 0.9, 0.8), (2, 9): (0, 0.7, 0.7), (7, 9): (0.8, 0.8, 0.6)}
    raster = np.zeros((3, 12, 12), np.float32)
    for (column, row), height in heights.items():
        raster[:, row, column] = height
    back = decode_by_class(raster, CLEAN, classes=CLASSES, mpp=0.5)
    assert dict(zip(pixels(back), back.labels.tolist(), strict=True)) == {(2, 3): 0, (7, 3): 1, (2, 9): 1, (7, 9): 0}
    assert back.scores == pytest.approx([0.9, 0.8, 0.9, 0.7])
    assert (back.mpp, back.shape) == (0.5, (12, 12))


def test_cells_of_two_classes_on_neighbouring_pixels_are_both_kept():
    cells = Cells([[3.5, 3.5], [4.5, 3.5]], [1, 0], classes=CLASSES, shape=(9, 9))
    for name in ("marker", "edt"):
        back = CODECS[name].decode(CODECS[name].encode(cells), classes=CLASSES)
        assert dict(zip(pixels(back), back.labels.tolist(), strict=True)) == {(3, 3): 1, (4, 3): 0}


def test_a_raster_of_other_channels_is_told():
    with pytest.raises(InvalidInputError, match=r"3 classes must have shape \(3, H, W\), got \(2, 4, 4\)"):
        decode_by_class(np.zeros((2, 4, 4)), CLEAN, classes=CLASSES, mpp=None)
