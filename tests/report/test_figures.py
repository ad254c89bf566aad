import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from cellweave.core import InvalidInputError, TableError
from cellweave.report import count_scatter, learning_curves, score_bars, threshold_curves
from cellweave.report.embedding import figure_uri
from cellweave.report.palette import ALL_CELLS


def test_every_column_of_a_log_gets_a_panel() -> None:
    log = pd.DataFrame({"step": [10, 20, 30], "loss": [1.0, 0.5, 0.4], "learning_rate": [1e-3, 5e-4, 1e-5]})
    figure = learning_curves(log)
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["loss", "learning rate"]
    assert [panel.get_yscale() for panel in figure.axes] == ["linear", "log"]
    (line,) = figure.axes[0].get_lines()
    np.testing.assert_array_equal(line.get_xydata(), [[10, 1], [20, 0.5], [30, 0.4]])
    assert len(learning_curves(log, columns=["loss"]).axes) == 1


def test_a_long_log_gets_a_running_mean() -> None:
    log = pd.DataFrame({"step": np.arange(100), "loss": np.tile([0.0, 1.0], 50)})
    raw, mean = learning_curves(log).axes[0].get_lines()
    assert np.ptp(np.asarray(raw.get_ydata())) == 1
    assert np.ptp(np.asarray(mean.get_ydata())) < 0.35


@pytest.mark.parametrize(
    "log", [pd.DataFrame({"loss": [1.0]}), pd.DataFrame({"step": [1]}), pd.DataFrame({"step": [], "loss": []})]
)
def test_a_log_without_content_is_told(log: pd.DataFrame) -> None:
    with pytest.raises(TableError, match="a training log needs rows and the columns"):
        learning_curves(log)


def test_threshold_curves_mark_the_choice() -> None:
    x = [0.1, 0.2, 0.3]
    figure = threshold_curves(x, {"3 px": [0.5, 0.6, 0.5], "7 px": [0.6, 0.8, 0.7]}, ylabel="F1", chosen=("7 px", 0.2))
    (axes,) = figure.axes
    np.testing.assert_array_equal(axes.get_lines()[1].get_xydata(), [[0.1, 0.6], [0.2, 0.8], [0.3, 0.7]])
    np.testing.assert_allclose(axes.get_lines()[-1].get_xydata(), [[0.2, 0.8]])
    assert axes.texts[0].get_text() == "chosen: 7 px, 0.2\nF1 0.800"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["3 px", "7 px"]


def test_ordered_curves_go_from_light_to_dark() -> None:
    figure = threshold_curves([0, 1], {str(i): [0, i / 9] for i in range(5)}, ylabel="F1", ordered=True)
    lines = figure.axes[0].get_lines()
    brightness = [sum(int(to_hex(line.get_color())[i : i + 2], 16) for i in (1, 3, 5)) for line in lines]
    assert brightness == sorted(brightness, reverse=True)
    assert len(set(brightness)) == 5


@pytest.mark.parametrize(
    ("curves", "chosen", "message"),
    [
        ({}, None, "need at least one curve"),
        ({"a": [1, 2, 3]}, None, r"curve 'a' has shape \(3,\), the thresholds have \(2,\)"),
        ({"a": [1, 2]}, ("b", 0.5), r"the chosen curve 'b' is not among \['a'\]"),
    ],
)
def test_bad_curves_are_told(curves: Any, chosen: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        threshold_curves([0, 1], curves, ylabel="F1", chosen=chosen)


def test_bars_have_the_height_and_colour_of_their_class() -> None:
    scores = np.array([[0.9, 0.8, 0.85], [0.5, np.nan, 0.6]])
    intervals = np.stack([scores - 0.1, scores + 0.05], axis=-1)
    figure = score_bars(["all cells", "tumor"], scores, intervals=intervals, colours={"tumor": "#ff0000"})
    (axes,) = figure.axes
    together, tumor = axes.containers
    assert [bar.get_height() for bar in together] == [0.9, 0.8, 0.85]
    assert {to_hex(bar.get_facecolor()) for bar in together} == {ALL_CELLS}
    assert {to_hex(bar.get_facecolor()) for bar in tumor} == {"#ff0000"}
    assert together[0].get_x() < tumor[0].get_x() < together[1].get_x()
    whiskers = [segment[:, 1].tolist() for group in axes.collections for segment in group.get_segments()]
    np.testing.assert_allclose(whiskers[0], [0.8, 0.95])
    assert len(whiskers) == 5, "the score that is missing has none"
    assert [text.get_text() for text in axes.texts] == ["0.90", "0.80", "0.85", "0.50", "0.60"]


def test_scores_of_another_shape_are_told() -> None:
    with pytest.raises(InvalidInputError, match=r"scores of 1 labels and 3 measures have shape \(1, 3\)"):
        score_bars(["a"], [[0.1, 0.2]], colours={})
    with pytest.raises(InvalidInputError, match=r"got \(1, 3\) and \(3, 2\)"):
        score_bars(["a"], [[0.1, 0.2, 0.3]], intervals=np.zeros((3, 2)), colours={})


def test_counts_stand_against_the_line_of_equality() -> None:
    figure = count_scatter({"all": ([10, 20], [12, 18]), "tumor": ([0, 0], [0, 0])}, colours={"tumor": "#ff0000"})
    left, right = figure.axes
    np.testing.assert_array_equal(left.collections[0].get_offsets(), [[10, 12], [20, 18]])
    assert left.get_xlim() == left.get_ylim() == (0, pytest.approx(21.2))
    assert right.get_xlim()[1] > 0, "images without cells leave an axis that can be drawn"


def test_bad_counts_are_told() -> None:
    with pytest.raises(InvalidInputError, match="needs at least one class"):
        count_scatter({}, colours={})
    with pytest.raises(InvalidInputError, match=r"counts of 'a' are \(N,\) each, got \(2,\) and \(1,\)"):
        count_scatter({"a": ([1, 2], [1])}, colours={})


def test_equal_figures_give_equal_bytes_and_pyplot_stays_out() -> None:
    first, second = (figure_uri(count_scatter({"a": ([1, 2], [1, 2])}, colours={})) for _ in range(2))
    assert first == second
    assert first.startswith("data:image/svg+xml;base64,")
    pyplot = sys.modules.get("matplotlib.pyplot")  # another test may have imported it
    assert pyplot is None or pyplot.get_fignums() == []
