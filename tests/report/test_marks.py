import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellweave.report.marks import Marks, Shape, draw_marks

positions = st.floats(10.0, 20.0)
RADIUS, LINE = 6.0, 2.0


def drawn(x: float, y: float, shape: Shape) -> npt.NDArray[np.float64]:
    """Return how much of each pixel of a 30×30 image a white mark covers."""
    image = np.zeros((30, 30, 3), np.uint8)
    draw_marks(image, [Marks(np.array([[x, y]]), "#ffffff", shape, RADIUS, LINE)], halo=False)
    return image[..., 0] / 255


def counted(x: float, y: float, shape: Shape) -> npt.NDArray[np.float64]:
    """Return the same by counting which of 16×16 points in every pixel lie inside the mark."""
    at = (np.arange(30 * 16) + 0.5) / 16
    dx, dy = at - x, at[:, None] - y
    along, across = np.abs(dx + dy) / np.sqrt(2), np.abs(dx - dy) / np.sqrt(2)
    ends = [np.hypot(dx - i * RADIUS / np.sqrt(2), dy - j * RADIUS / np.sqrt(2)) for i in (-1, 1) for j in (-1, 1)]
    straight = (np.minimum(along, across) < LINE / 2) & (np.maximum(along, across) < RADIUS)
    inside = {
        "ring": np.abs(np.hypot(dx, dy) - RADIUS) < LINE / 2,
        "dot": np.hypot(dx, dy) < RADIUS,
        "cross": straight | (np.min(ends, axis=0) < LINE / 2),
    }[shape]
    return inside.reshape(30, 16, 30, 16).mean(axis=(1, 3))


@settings(max_examples=30)
@given(x=positions, y=positions, shape=st.sampled_from(["ring", "dot", "cross"]))
def test_a_mark_covers_what_geometry_says(x: float, y: float, shape: Shape) -> None:
    # An edge is taken as straight and square to the axes within a pixel: off by 0.11 at 45°, more where strokes meet.
    difference = np.abs(drawn(x, y, shape) - counted(x, y, shape))
    assert difference.max() < 0.3
    assert difference.mean() < 0.005


@settings(max_examples=30)
@given(x=positions, y=positions, shape=st.sampled_from(["ring", "dot", "cross"]))
def test_a_mark_is_centred_to_a_fraction_of_a_pixel(x: float, y: float, shape: Shape) -> None:
    cover = drawn(x, y, shape)
    rows, columns = np.mgrid[:30, :30] + 0.5
    centre = np.array([(columns * cover).sum(), (rows * cover).sum()]) / cover.sum()
    np.testing.assert_allclose(centre, (x, y), atol=0.05)


def test_a_halo_lightens_beside_the_mark_only() -> None:
    image = np.full((40, 40, 3), 60, np.uint8)
    draw_marks(image, [Marks(np.array([[20.5, 20.5]]), "#0000ff", "ring", 8.0, 2)])
    assert image[20, 28].tolist() == [0, 0, 255]
    assert image[20, 26, 0] == image[20, 30, 0] == 128, "half a pixel of halo: 60 + 195 · 0.7 / 2"
    assert image[20, 20].tolist() == [60, 60, 60]
    assert image[20, 38].tolist() == [60, 60, 60]


def test_overlapping_marks_of_a_layer_do_not_darken_and_later_layers_win() -> None:
    image = np.zeros((30, 30, 3), np.uint8)
    twice = Marks(np.array([[15.5, 15.5], [15.5, 15.5]]), "#ff0000", "ring", 6.25)
    once = Marks(twice.xy[:1], "#ff0000", "ring", 6.25)
    other = image.copy()
    draw_marks(image, [twice], halo=False)
    draw_marks(other, [once], halo=False)
    np.testing.assert_array_equal(image, other)
    draw_marks(image, [Marks(np.array([[21.5, 15.5]]), "#0000ff", "dot", 2.0)], halo=False)
    assert image[15, 21].tolist() == [0, 0, 255]


@pytest.mark.parametrize("shape", ["ring", "dot", "cross"])
def test_marks_at_the_border_are_cut_off(shape: Shape) -> None:
    assert drawn(0.0, 29.9, shape).max() > 0.5
    assert drawn(-30.0, 90.0, shape).max() == 0
