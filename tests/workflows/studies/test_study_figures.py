"""What the figures of studies show, read off the artists."""

import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.report.palette import SERIES
from cellweave.report.study_figures import interval_chart, interval_curves, interval_panels, speed_chart

VALUES = np.array([[0.5, 0.6], [0.7, np.nan], [0.8, 0.9]])
ENDS = np.stack([VALUES - 0.1, VALUES + 0.2], axis=-1)
NAMES = ["a", "b", "c"]


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines() if not line.get_label().startswith("_")}


def test_rows_stand_from_the_top_with_their_whiskers():
    figure = interval_chart(NAMES, ["one", "two"], VALUES, ENDS, xlabel="F1", zero=True)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == NAMES
    top, bottom = axes.get_ylim()[::-1]
    assert top < 0 < 2 < bottom
    drawn = lines(axes)
    np.testing.assert_allclose(drawn["one"].get_xdata(), [0.5, 0.7, 0.8])
    assert drawn["one"].get_color() == SERIES[0]
    # the value that is missing has no whisker, the others go from end to end
    first, second = (collection.get_segments() for collection in axes.collections)
    assert [len(first), len(second)] == [3, 2]
    np.testing.assert_allclose(first[0][:, 0], [0.4, 0.7])
    assert any(list(line.get_xdata()) == [0, 0] for line in axes.get_lines())


def test_panels_have_marks_and_scales_of_their_own():
    figure = interval_panels(
        NAMES, ["one", "two"], VALUES * [1, 100], ENDS, marks={0.0: "real", 1.0: "random"}, xlabel="position"
    )
    one, two = figure.axes
    assert [label.get_text() for label in one.get_yticklabels()] == NAMES
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["one", "two"]
    assert [text.get_text() for text in two.texts] == ["real", "random"]
    assert two.get_xlim()[1] > 90 > one.get_xlim()[1]
    assert [len(axes.collections[0].get_segments()) for axes in figure.axes] == [3, 2]


def test_a_panel_without_values_says_so():
    nothing = np.full((3, 1), np.nan)
    figure = interval_panels(NAMES, ["one"], nothing, np.full((3, 1, 2), np.nan), marks={}, xlabel="")
    assert [text.get_text() for text in figure.axes[0].texts] == ["not defined"]


def test_curves_have_bands():
    figure = interval_curves([0.0, 0.5, 1.0], ["one", "two"], VALUES, ENDS, xlabel="theta", ylabel="F1")
    (axes,) = figure.axes
    np.testing.assert_allclose(lines(axes)["one"].get_xydata(), [[0, 0.5], [0.5, 0.7], [1, 0.8]])
    band = axes.collections[0].get_datalim(axes.transData)
    np.testing.assert_allclose([band.y0, band.y1], [0.4, 1.0])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("theta", "F1")


def test_networks_without_speed_or_score_are_left_out():
    figure = speed_chart(NAMES, [1.0, np.nan, 4.0], [0.5, 0.6, 0.7], xlabel="MP/s", ylabel="F1")
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert axes.get_lines()[0].get_xydata().tolist() == [[1.0, 0.5], [4.0, 0.7]]
    assert [text.get_text() for text in axes.texts] == ["a", "c"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: interval_chart(NAMES, ["one"], VALUES, ENDS, xlabel=""),
        lambda: interval_chart([], [], np.zeros((0, 0)), np.zeros((0, 0, 2)), xlabel=""),
        lambda: interval_panels(NAMES, ["one"], VALUES, ENDS, marks={}, xlabel=""),
        lambda: interval_curves([0.0], ["one", "two"], VALUES, ENDS, xlabel="", ylabel=""),
        lambda: speed_chart(NAMES, [1.0], [1.0], xlabel="", ylabel=""),
        lambda: speed_chart(NAMES, [np.nan] * 3, [1.0] * 3, xlabel="", ylabel=""),
    ],
)
def test_what_cannot_be_drawn_is_said(draw):
    with pytest.raises(InvalidInputError):
        draw()
