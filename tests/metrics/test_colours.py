"""Colours of images: grey levels whose L*a*b* and optical density are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics import measure_colours
from cellweave.metrics.colours import nearest_labels

BLACK = np.log10(256)


def grey(level, shape=(30, 30)):
    return np.full((*shape, 3), level, np.uint8)


def cells(*xy, labels, shape=(30, 30)):
    return Cells(np.reshape(xy, (-1, 2)), labels, classes=("t", "s"), shape=shape)


def test_dark_where_the_cells_are():
    there = cells((8.5, 8.5), (22.5, 22.5), labels=[0, -1])
    image = grey(255)
    y, x = np.indices((30, 30)) + 0.5
    image[np.hypot(x - 8.5, y - 8.5) <= 4] = 0
    colours = measure_colours([(image, there)], classes=("t", "s"))
    assert colours.density == pytest.approx({"all": BLACK / 2, "t": BLACK, "s": None})
    assert colours.elsewhere == 0.0


def test_density_is_over_pixels_and_style_over_images():
    images = [(grey(255), cells((15, 15), labels=[0])), (grey(0), cells(labels=[]))]
    colours = measure_colours(images, classes=("t", "s"))
    assert colours.style.mean == pytest.approx((50, 0, 0), abs=0.01)
    assert colours.style.spread == pytest.approx((0, 0, 0), abs=0.01)
    assert colours.density["t"] == 0.0
    near = (nearest_labels(images[0][1], 4.0) >= 0).sum()
    assert colours.elsewhere == pytest.approx(BLACK * 900 / (1800 - near))
    assert (colours.images, colours.radius_px) == (2, 4.0)


def test_spread_within_an_image():
    image = grey(255)
    image[:15] = 0
    style = measure_colours([(image, cells(labels=[]))], classes=("t", "s")).style
    assert style.mean == pytest.approx((50, 0, 0), abs=0.01)
    assert style.spread == pytest.approx((50, 0, 0), abs=0.01)


def test_nothing_is_elsewhere_where_cells_fill_the_image():
    colours = measure_colours([(grey(0, (2, 2)), cells((1, 1), labels=[1], shape=(2, 2)))], classes=("t", "s"))
    assert colours.elsewhere is None
    assert colours.density == pytest.approx({"all": BLACK, "t": None, "s": BLACK})


@given(
    # eighths of pixels, whose squared distances are exact: no cell lies at the radius by rounding alone
    st.lists(st.tuples(st.integers(0, 151), st.integers(0, 103)), min_size=1, max_size=8, unique=True),
    st.sampled_from([0.4, 2.6, 4, 7]),
)
def test_nearest_labels_are_those_of_all_pairs(xy, radius):
    there = Cells(np.reshape(xy, (-1, 2)) / 8, range(len(xy)), classes=[str(i) for i in range(len(xy))], shape=(13, 19))
    labels = nearest_labels(there, radius)
    y, x = np.indices((13, 19)) + 0.5
    distance = np.array([np.hypot(x - cx, y - cy) for cx, cy in there.xy]).reshape(-1, 13, 19)
    near = (distance <= radius).any(axis=0)
    assert ((labels >= 0) == near).all()
    rows, columns = np.nonzero(near)
    np.testing.assert_allclose(distance[labels[near], rows, columns], distance[:, rows, columns].min(axis=0))


def test_no_cells_are_near_nothing():
    assert (nearest_labels(cells(labels=[]), 4.0) == -2).all()


def test_json_has_every_number():
    about = measure_colours([(grey(255), cells((15, 15), labels=[1]))], classes=("t", "s")).to_json()
    assert about["density"] == {"near": {"all": 0.0, "t": None, "s": 0.0}, "elsewhere": 0.0, "radius_px": 4.0}
    assert about["lab"]["mean"] == pytest.approx([100, 0, 0], abs=0.01)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "there are no images"),
        ([(grey(0), cells(labels=[], shape=(9, 9)))], "does not go with cells of"),
        ([(grey(0), Cells([], classes=("x",), shape=(30, 30)))], "of the classes \\['t', 's'\\]"),
    ],
)
def test_what_cannot_be_measured(images, message):
    with pytest.raises(InvalidInputError, match=message):
        measure_colours(images, classes=("t", "s"))
