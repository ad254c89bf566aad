import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import Cells, InvalidInputError
from cellweave.maps import PeakFinder, SharedPeakCodec

CLASSES = ("a", "b")


def cells_at(xy, labels, shape=(9, 11), mpp=None):
    return Cells(np.array(xy, float).reshape(-1, 2), labels, classes=CLASSES, shape=shape, mpp=mpp)


def test_values_by_hand():
    raster = SharedPeakCodec(peak_width_px=1.0, class_width_px=2.0).encode(cells_at([[0.5, 0.5], [9.5, 0.5]], [1, 0]))
    assert raster.shape == (3, 9, 11)
    assert raster.dtype == np.float32
    np.testing.assert_allclose(raster[0, 0, :3], np.exp([0, -0.5, -2]), rtol=1e-6)
    np.testing.assert_allclose(raster[2, :3, 0], np.exp([0, -1 / 8, -4 / 8]), rtol=1e-6)
    assert (raster[1, :, :5] == 0).all()  # these pixels are nearer to the cell of class b
    assert (raster[2, :, 6:] == 0).all()
    np.testing.assert_allclose(raster[1, 0, 9], 1)


def test_no_cells_make_an_empty_raster_and_unknown_classes_are_left_out():
    codec = SharedPeakCodec()
    assert not codec.encode(cells_at([], [])).any()
    assert not codec.encode(cells_at([[3.5, 3.5]], [-1])).any()
    assert len(codec.decode(np.zeros((3, 9, 11)), classes=CLASSES)) == 0


@given(
    seed=st.integers(0, 10_000),
    peak_width=st.floats(1.0, 3.0),
    shape=st.sampled_from([(40, 56), (56, 40)]),
)
def test_cells_come_back_at_subpixel_accuracy(seed, peak_width, shape):
    rng = np.random.default_rng(seed)
    rows, columns = shape[0] // 8, shape[1] // 8
    places = rng.choice(rows * columns, rng.integers(1, rows * columns), replace=False)
    # at least 6 px apart, so that the pixels beside a summit belong to its own peak
    xy = np.stack([places % columns, places // columns], axis=1) * 8 + 4 + rng.uniform(-1, 1, (len(places), 2))
    cells = cells_at(xy, rng.integers(0, 2, len(places)), shape, 0.5)
    codec = SharedPeakCodec(peak_width_px=peak_width)
    back = codec.decode(codec.encode(cells), classes=CLASSES, mpp=0.5)
    assert (back.shape, back.mpp, len(back)) == (shape, 0.5, len(cells))
    order, other = np.lexsort(np.floor(cells.xy / 8).T), np.lexsort(np.floor(back.xy / 8).T)
    np.testing.assert_allclose(back.xy[other], cells.xy[order], atol=2e-3)  # float32 heights
    np.testing.assert_array_equal(back.labels[other], cells.labels[order])


@pytest.mark.parametrize("across", [-0.9, -0.4, 0.1, 0.6])
def test_a_crop_shows_whether_a_cell_at_its_border_is_inside(across):
    codec = SharedPeakCodec()
    whole = cells_at([[20.0 + across, 10.2], [30.3, 20 + across]], [0, 1], shape=(40, 40))
    crop = codec.encode(whole)[:, 20:, :]
    back = codec.decode(crop, classes=CLASSES)
    expected = whole.xy[whole.xy[:, 1] >= 20] - (0, 20)
    np.testing.assert_allclose(back.xy, expected, atol=2e-3)
    back = codec.decode(codec.encode(whole)[:, :, 20:], classes=CLASSES)
    expected = whole.xy[whole.xy[:, 0] >= 20] - (20, 0)
    np.testing.assert_allclose(back.xy[np.argsort(back.xy[:, 0])], expected[np.argsort(expected[:, 0])], atol=2e-3)


def test_near_cells_stay_apart():
    codec = SharedPeakCodec(finder=PeakFinder(window_px=3, threshold=0.5))
    back = codec.decode(codec.encode(cells_at([[3.5, 4.5], [6.5, 4.5]], [0, 1])), classes=CLASSES)
    assert sorted(back.labels) == [0, 1]
    assert len(back) == 2


def test_turning_the_cells_turns_the_raster():
    codec, cells = SharedPeakCodec(), cells_at([[2.5, 3.5], [8.2, 6.1]], [0, 1])
    turned = cells_at(np.stack([cells.xy[:, 1], 11 - cells.xy[:, 0]], axis=1), cells.labels, shape=(11, 9))
    np.testing.assert_allclose(codec.encode(turned), np.rot90(codec.encode(cells), axes=(1, 2)), atol=1e-6)


def test_what_cannot_be_read_is_told():
    with pytest.raises(InvalidInputError, match=r"must have shape \(3, H, W\), got \(2, 4, 4\)"):
        SharedPeakCodec().decode(np.zeros((2, 4, 4)), classes=CLASSES)
    with pytest.raises(InvalidInputError, match="widths must be > 0"):
        SharedPeakCodec(peak_width_px=0)
