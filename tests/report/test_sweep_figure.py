import numpy as np
import pytest

from cellweave.core import InvalidInputError, Length
from cellweave.metrics import FrameRadius
from cellweave.metrics.threshold_sweep import ThresholdSweep
from cellweave.report.palette import ALL_CELLS, SERIES
from cellweave.report.sweep_figure import sweep_figure

COUNTS = np.array([[[4, 4, 0], [2, 2, 0]], [[3, 1, 1], [2, 1, 0]], [[1, 0, 3], [0, 0, 2]]])


SIX = Length(6)


def sweep(radius=SIX):
    return ThresholdSweep(radius, ("all", "tumor"), np.array([0.1, 0.5, 0.9]), COUNTS, 2)


def curves(panel):
    return {line.get_label(): line for line in panel.get_lines() if not line.get_label().startswith("_")}


def test_the_three_curves_and_the_best_threshold() -> None:
    figure = sweep_figure([sweep()], colours={"tumor": "#123456"})
    against_recall, against_threshold, against_false = figure.axes
    np.testing.assert_allclose(curves(against_recall)["all"].get_xydata(), [[1, 0.5], [0.75, 0.75], [0.25, 1]])
    np.testing.assert_allclose(curves(against_false)["all"].get_xydata(), [[2, 1], [0.5, 0.75], [0, 0.25]])
    f1 = curves(against_threshold)
    np.testing.assert_allclose(f1["tumor"].get_xydata(), [[0.1, 2 / 3], [0.5, 0.8], [0.9, 0]])
    assert list(f1) == ["all", "tumor", "mean class"]
    assert (f1["all"].get_color(), f1["tumor"].get_color()) == (ALL_CELLS, "#123456")
    assert against_threshold.get_title(loc="left") == "best 0.750 at 0.5"
    marks = [line for panel in figure.axes for line in panel.get_lines() if line.get_marker() == "o"]
    assert [line.get_xydata().tolist() for line in marks] == [[[0.75, 0.75]], [[0.5, 0.75]], [[0.5, 0.75]]]
    assert "optimistic" in figure.get_suptitle()


def test_every_radius_has_its_row() -> None:
    figure = sweep_figure([sweep(), sweep(Length(3, "um")), sweep(FrameRadius(5))])
    titles = [panel.get_title(loc="left") for panel in figure.axes[::3]]
    assert titles == ["within 6 px", "within 3 µm", "within 5 px of the 512-frame"]
    assert curves(figure.axes[0])["tumor"].get_color() == SERIES[0]


def test_no_sweep_is_told() -> None:
    with pytest.raises(InvalidInputError, match="needs at least one, got none"):
        sweep_figure([])
