"""Figures of studies of image models: what is drawn where."""

import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.report.image_study_figures import cost_panels, example_strips, quantity_panels

VALUES = np.array([[1.0, 5.0], [2.0, np.nan]])
ENDS = np.stack([VALUES - 0.5, VALUES + 0.5], axis=-1)


def test_measures_along_a_quantity():
    figure = quantity_panels([0, 2], ["FID", "IS"], VALUES, ENDS, marks={"FID": 0.5}, xlabel="s")
    first, second = figure.axes
    assert (first.get_title(loc="left"), second.get_title(loc="left")) == ("FID", "IS")
    np.testing.assert_array_equal(first.lines[0].get_xydata(), [[0, 1], [2, 2]])
    assert first.lines[1].get_ydata()[0] == 0.5
    assert len(second.lines) == 1
    assert [len(axes.collections[0].get_paths()) for axes in figure.axes] == [2, 1]


def test_measures_against_time():
    figure = cost_panels(["a", "b"], [1.0, 0.1], ["FID", "IS"], VALUES, ENDS, marks={}, xlabel="seconds")
    first = figure.axes[0]
    assert first.get_xscale() == "log"
    assert [line.get_xydata().tolist() for line in first.lines] == [[[1.0, 1.0]], [[0.1, 2.0]]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_strips():
    strip = np.zeros((8, 40, 3), np.uint8)
    figure = example_strips(["real", "painted"], [strip, strip])
    assert [axes.get_ylabel() for axes in figure.axes] == ["real", "painted"]


def test_what_is_refused():
    with pytest.raises(InvalidInputError, match="2 rows and 1 panels need values"):
        quantity_panels([0, 1], ["FID"], VALUES, ENDS, marks={}, xlabel="s")
    with pytest.raises(InvalidInputError, match="2 arms need as many times > 0"):
        cost_panels(["a", "b"], [1.0, 0.0], ["FID", "IS"], VALUES, ENDS, marks={}, xlabel="s")
    with pytest.raises(InvalidInputError, match="1 names need as many strips"):
        example_strips(["a"], [])
