"""Layouts as pictures, and rows of pictures."""

import numpy as np
import pytest

from cellweave.core import Cells, InvalidImageError, InvalidInputError
from cellweave.report import LegendEntry, Row, arrangement_curves, draw_layout, levels_chart, stack_rows

RED = {"a": "#ff0000"}


def one_cell(label=0):
    return Cells([[20, 10]], [label], classes=("a",), shape=(30, 40), mpp=0.5)


def test_a_cell_is_a_dot_of_its_class_on_white():
    image = draw_layout(one_cell(), RED, radius_px=3)
    assert image.shape == (30, 40, 3)
    assert image[10, 20].tolist() == [255, 0, 0]
    assert image[20, 30].tolist() == [255, 255, 255]
    assert image[9, 19].tolist() == image[10, 20].tolist()  # (20, 10) is the corner of four pixels
    covered = (255 - image[1:-1, 1:-1, 1].astype(float)) / 255  # the frame is not the dot's
    assert covered.sum() == pytest.approx(np.pi * 3**2, rel=0.05)


def test_scale_and_legend_enlarge_the_picture():
    assert draw_layout(one_cell(), RED, scale=2).shape == (60, 80, 3)
    assert draw_layout(one_cell(), RED, scale=2)[20, 40].tolist() == [255, 0, 0]
    assert draw_layout(one_cell(), RED, scale=8, legend=True).shape[0] > 240


def test_an_unknown_class_is_grey():
    red, green, blue = draw_layout(one_cell(-1), RED)[10, 20].tolist()
    assert max(red, green, blue) - min(red, green, blue) < 20


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"colours": {}}, InvalidInputError, "class 'a' has no colour"),
        ({"radius_px": 0}, InvalidInputError, "radius_px must be a positive number, got 0"),
        ({"scale": float("nan")}, InvalidInputError, "scale must be a positive number, got nan"),
        ({"cells": Cells.empty(classes=("a",), shape=(0, 9))}, InvalidImageError, "has pixels"),
    ],
)
def test_what_cannot_be_drawn_is_told(options, error, message):
    with pytest.raises(error, match=message):
        draw_layout(**{"cells": one_cell(), "colours": RED, **options})


def test_columns_stand_in_line():
    black, red = np.zeros((50, 50, 3), np.uint8), np.full((99, 50, 3), (255, 0, 0), np.uint8)
    picture = stack_rows([Row("one", [black, black]), Row("two", [red], [LegendEntry("red", "#ff0000")])], tile_px=64)
    assert picture.shape[1] == 16 + 64 + 10 + 64 + 16
    dark, coloured = (picture.sum(axis=2) == 0), (picture == (255, 0, 0)).all(axis=2)
    assert np.flatnonzero(dark.sum(axis=0) >= 64).tolist() == [*range(16, 80), *range(90, 154)]
    assert np.flatnonzero(coloured.sum(axis=0) >= 64).tolist()[0] == 16  # a tall image is fitted in, at the left
    assert np.flatnonzero(coloured.sum(axis=0) >= 64).tolist()[-1] < 16 + 64 * 50 / 99 + 1


@pytest.mark.parametrize("rows", [[], [Row("empty", [])]])
def test_rows_without_images_are_told(rows):
    with pytest.raises(InvalidInputError, match="at least one row, and every row an image"):
        stack_rows(rows)


def test_curves_show_what_they_are_given():
    figure = arrangement_curves({"real": [4, 2, 6]}, [1, 3], {"real": [0.5, np.nan]})
    left, right = figure.axes
    steps = left.get_lines()[0]
    assert steps.get_xdata().tolist() == [2, 4, 6]
    assert steps.get_ydata() == pytest.approx([1 / 3, 2 / 3, 1])
    assert right.get_lines()[0].get_ydata()[0] == 0.5
    with pytest.raises(InvalidInputError, match="both panels show the same sets"):
        arrangement_curves({"real": [1]}, [1], {"synthetic": [1]})
    with pytest.raises(InvalidInputError, match=r"'real' has a pair correlation of shape \(1,\), at distances \(2,\)"):
        arrangement_curves({"real": [1]}, [1, 2], {"real": [1]})


def test_levels_show_their_position_and_nothing_where_there_is_none():
    names = ("distance", "floor", "ceiling")
    figure = levels_chart([("all", 2, 1, 5, 0.25), ("a", 2, 1, 1.1, None)], names=names, xlabel="µm")
    [axes] = figure.axes
    assert [text.get_text() for text in axes.texts] == ["0.25"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(names)
    with pytest.raises(InvalidInputError, match="at least one line"):
        levels_chart([], names=names, xlabel="µm")
