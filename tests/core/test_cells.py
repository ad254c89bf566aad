"""Cells: what they hold, what they refuse, and that cropping and scaling keep them where they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from cellweave.core import Cells, InvalidCellsError

CLASSES = ("lymphocyte", "tumor")


def four(**options):
    xy = [[0.5, 0.5], [9.5, 0.5], [0.5, 5.5], [9.99, 5.99]]
    return Cells(xy, [0, 1, 1, -1], classes=CLASSES, shape=(6, 10), scores=[0.1, 0.2, 0.3, 0.4], **options)


@st.composite
def anywhere(draw):
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    unit = st.floats(0, 1, exclude_max=True, allow_subnormal=False)
    fractions = np.array(draw(st.lists(st.tuples(unit, unit), max_size=12))).reshape(-1, 2)
    xy = np.minimum(fractions * (width, height), np.nextafter((width, height), 0.0))
    labels = draw(st.lists(st.integers(-1, 1), min_size=len(xy), max_size=len(xy)))
    return Cells(xy, labels, classes=CLASSES, shape=(height, width), mpp=0.5)


def as_set(cells, *, row=0, column=0):
    return sorted((x + column, y + row, label) for (x, y), label in zip(cells.xy, cells.labels, strict=True))


def test_counts_and_names_tell_the_classes_apart_from_the_unknown():
    cells = four()
    assert len(cells) == 4
    assert cells.counts() == {"lymphocyte": 1, "tumor": 2}
    assert cells.label_names() == ["lymphocyte", "tumor", "tumor", None]
    assert cells.of_class("tumor").xy.tolist() == [[9.5, 0.5], [0.5, 5.5]]


def test_labels_are_unknown_and_scores_absent_where_not_given():
    cells = Cells([[1, 1]], classes=CLASSES, shape=(2, 2))
    assert cells.labels.tolist() == [-1]
    assert cells.scores is None
    assert cells.mpp is None


@pytest.mark.parametrize("nothing", [[], np.zeros((0, 2)), np.zeros(0), ()])
def test_no_cells_have_the_shape_of_cells(nothing):
    cells = Cells(nothing, [], classes=(), shape=(3, 4))
    assert (cells.xy.shape, cells.labels.shape) == ((0, 2), (0,))
    assert len(Cells.empty(classes=CLASSES, shape=(0, 0))) == 0


def test_cells_share_nothing_with_what_they_were_made_of_and_cannot_be_changed():
    xy, labels = np.array([[1.0, 1.0]]), np.array([0])
    cells = Cells(xy, labels, classes=CLASSES, shape=(4, 4))
    xy[0], labels[0] = 3, 1
    assert (cells.xy.tolist(), cells.labels.tolist()) == ([[1, 1]], [0])
    with pytest.raises(ValueError, match="read-only"):
        cells.xy[0] = 2
    with pytest.raises(AttributeError):
        cells.mpp = 0.25


@pytest.mark.parametrize("which", [[True, False, False, True], [0, 3], np.array([0, 3], np.uint8)])
def test_selecting_by_mask_or_index_keeps_labels_and_scores_beside_their_cells(which):
    some = four(mpp=0.5).select(which)
    assert some.xy.tolist() == [[0.5, 0.5], [9.99, 5.99]]
    assert some.labels.tolist() == [0, -1]
    assert_allclose(some.scores, [0.1, 0.4])
    assert (some.shape, some.mpp, some.classes) == ((6, 10), 0.5, CLASSES)


def test_selecting_nothing_returns_no_cells():
    assert len(four().select([])) == 0
    assert len(four().select(np.zeros(4, bool))) == 0


def test_a_crop_has_its_own_frame():
    crop = four().crop(2, 1, (4, 9))
    assert crop.shape == (4, 9)
    assert_allclose(crop.xy, [[8.99, 3.99]])
    assert_allclose(crop.scores, [0.4])


def test_a_crop_may_reach_beyond_the_frame():
    crop = four().crop(-3, -2, (6, 6))
    assert crop.xy.tolist() == [[2.5, 3.5]]


@given(anywhere(), st.integers(1, 15), st.integers(1, 15))
def test_crops_that_tile_the_frame_hold_every_cell_once(cells, height, width):
    back = []
    for row in range(0, cells.shape[0], height):
        for column in range(0, cells.shape[1], width):
            back += as_set(cells.crop(row, column, (height, width)), row=row, column=column)
    assert_allclose(sorted(back), as_set(cells), atol=1e-12)


def test_scaling_moves_cells_and_the_scale_with_the_frame():
    half = four(mpp=0.25).scaled(0.5)
    assert_allclose(half.xy, [[0.25, 0.25], [4.75, 0.25], [0.25, 2.75], [4.995, 2.995]])
    assert (half.shape, half.mpp) == ((3, 5), 0.5)
    assert Cells.empty(classes=(), shape=(5, 7)).scaled(0.5).shape == (3, 4)  # rounded up


@given(anywhere(), st.floats(0.05, 8))
def test_scaling_there_and_back_returns_the_cells(cells, factor):
    there = cells.scaled(factor)
    assert there.mpp == pytest.approx(0.5 / factor)
    assert_allclose(there.xy / factor, cells.xy, atol=1e-9)
    assert_allclose(there.labels, cells.labels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"xy": [1, 2, 3]}, r"xy must have shape \(N, 2\), got \(3,\)"),
        ({"xy": [[1, 2, 3]]}, r"xy must have shape \(N, 2\), got \(1, 3\)"),
        (
            {"xy": [[1, 1], [10, 1]], "labels": None},
            r"xy\[1\] is \[10.0, 1.0\], outside the 10×6 \(width×height\) frame; is it \(row",
        ),
        ({"xy": [[1, 6]]}, r"xy\[0\] is \[1.0, 6.0\], outside"),
        ({"xy": [[-0.01, 1]]}, r"xy\[0\] is \[-0.01, 1.0\], outside"),
        ({"xy": [[np.nan, 1]]}, r"xy\[0\] is \[nan, 1.0\], outside"),
        ({"labels": [2]}, r"labels\[0\] is 2, but there are 2 classes \['lymphocyte', 'tumor'\] \(-1 stands"),
        ({"labels": [-2]}, r"labels\[0\] is -2"),
        ({"labels": [0.5]}, r"labels must be whole numbers, indices into the classes, got \[0.5\]"),
        ({"labels": ["tumor"]}, r"labels must be whole numbers, indices into the classes, got \['tumor'\]"),
        ({"labels": [np.nan]}, r"labels must be whole numbers, indices into the classes, got \[nan\]"),
        ({"labels": [0, 1]}, "labels must have one value a cell, got 2 for 1"),
        ({"scores": []}, "scores must have one value a cell, got 0 for 1"),
        ({"classes": ("a", "a")}, r"class names must differ, got \['a', 'a'\]"),
        ({"shape": (-1, 3)}, r"a frame has a height and width >= 0, got \(-1, 3\)"),
        ({"mpp": 0}, r"mpp \(µm per pixel\) must be a positive number or None, got 0.0"),
        ({"mpp": np.inf}, r"must be a positive number or None, got inf"),
    ],
)
def test_what_cells_refuse(arguments, message):
    whole = {"xy": [[1, 1]], "labels": [0], "classes": CLASSES, "shape": (6, 10), **arguments}
    with pytest.raises(InvalidCellsError, match=message):
        Cells(whole.pop("xy"), whole.pop("labels"), **whole)


def test_an_unknown_class_is_told():
    with pytest.raises(InvalidCellsError, match=r"no class 'immune'; the classes are \['lymphocyte', 'tumor'\]"):
        four().of_class("immune")
