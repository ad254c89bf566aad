import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.metrics import LayoutScores
from cellweave.metrics.layout_curves import NEAREST_UM
from cellweave.metrics.layout_scores import KINDS, CurveBand
from cellweave.metrics.layout_statistics import EDGES_UM, SCALES_UM
from cellweave.report.spatial_figures import layout_curves

LENGTHS = {
    "nearest_neighbour": len(NEAREST_UM),
    "ripley_l": len(EDGES_UM) - 1,
    "pair_correlation": len(EDGES_UM) - 1,
    "topology": 2 * len(SCALES_UM),
}


def scores(measures=tuple(LENGTHS), labels=("all", "a"), value=1.0):
    bands = tuple(
        CurveBand(kind, measure, label, *(np.full(LENGTHS[measure], value + shift) for shift in (0, -0.5, 0.5)))
        for measure in measures
        for label in labels
        for kind in KINDS
    )
    return LayoutScores((200, 200), 0.5, 8, 4, 5, 2, 4, 0, curves=bands)


def test_a_row_for_every_label_and_a_panel_for_every_curve():
    figure = layout_curves(scores())
    assert len(figure.axes) == 2 * 5
    assert [axes.get_ylabel() for axes in figure.axes[::5]] == ["all", "a"]
    assert len(layout_curves(scores(measures=("ripley_l",), labels=("all",))).axes) == 1


def test_curves_and_envelopes_stand_where_they_were_measured():
    figure = layout_curves(scores(value=3.0))
    nearest, difference, correlation, pieces, holes = figure.axes[:5]
    assert nearest.lines[0].get_xdata()[-1] == 30
    x = difference.lines[0].get_xdata()
    np.testing.assert_allclose(difference.lines[0].get_ydata(), 3.0 - x)
    assert (x[0], x[-1]) == (2, 60)
    assert correlation.lines[0].get_xdata()[0] == 1
    assert pieces.lines[0].get_xdata().tolist() == holes.lines[0].get_xdata().tolist() == SCALES_UM.tolist()
    envelope = correlation.collections[0].get_paths()[0].vertices[:, 1]
    assert (envelope.min(), envelope.max()) == (2.5, 3.5)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["real", "synthetic", "fitted", "random"]


def test_curves_without_a_value_are_left_out_without_a_warning():
    assert len(layout_curves(scores(value=np.nan)).axes) == 10


def test_no_curve_is_refused():
    with pytest.raises(InvalidInputError, match="at least one curve, got none"):
        layout_curves(scores(measures=()))
