"""The figure of a threshold sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellweave.core import InvalidInputError
from cellweave.data.dataset import ALL
from cellweave.metrics.threshold_sweep import MEAN, ThresholdSweep
from cellweave.report.figures import WIDTH_IN, in_house_style
from cellweave.report.palette import ALL_CELLS, GREY, INK, SERIES


@in_house_style
def sweep_figure(sweeps: Sequence[ThresholdSweep], *, colours: Mapping[str, str] | None = None) -> Figure:
    """Draw precision against recall, F1 against the threshold, and recall against false positives, a row a radius.

    The threshold with the best F1 of all cells is marked; it was chosen on the images shown, and the figure says so.

    Args:
        sweeps: What to draw.
        colours: Colour of classes, ``#rrggbb``; others get the house's.

    Raises:
        InvalidInputError: There is no sweep.
    """
    if not sweeps:
        raise InvalidInputError("a figure of sweeps needs at least one, got none.")
    figure = Figure(figsize=(WIDTH_IN, 3.1 * len(sweeps) + 0.5), layout="constrained")
    rows = figure.subplots(len(sweeps), 3, squeeze=False)
    for panels, sweep in zip(rows, sweeps, strict=True):
        _draw(panels, sweep, _colours(sweep.labels, colours or {}))
    handles, names = rows[0, 1].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(len(names), 6))
    figure.suptitle(
        "○ best F1 of all cells: chosen on the images scored, so optimistic", x=0.01, ha="left", fontsize=9.5
    )
    return figure


def _draw(panels: Sequence[Axes], sweep: ThresholdSweep, colours: Mapping[str, str]) -> None:
    against_recall, against_threshold, against_false = panels
    rates, false = sweep.rates, sweep.false_per_image
    best = sweep.best(ALL)
    for i, label in enumerate(sweep.labels):
        precision, recall, f1 = rates[:, i].T
        line: dict[str, Any] = {"color": colours[label], "label": label, "linewidth": 2.2 if label == ALL else 1.4}
        against_recall.plot(recall, precision, **line)
        against_threshold.plot(sweep.thresholds, f1, **line)
        against_false.plot(false[:, i], recall, **line)
    if MEAN in sweep.f1:
        against_threshold.plot(sweep.thresholds, sweep.f1[MEAN], color=GREY, linestyle=(0, (4, 3)), label=MEAN)
    if best is not None:
        precision, recall, f1 = rates[best, 0]
        threshold = float(sweep.thresholds[best])
        for panel, x, y in (
            (against_recall, recall, precision),
            (against_threshold, threshold, f1),
            (against_false, false[best, 0], recall),
        ):
            panel.plot([x], [y], "o", markersize=8, markerfacecolor="none", markeredgecolor=INK, zorder=5)
        against_threshold.axvline(threshold, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    against_recall.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), title=_title(sweep))
    chosen = "" if best is None else f"best {sweep.f1[ALL][best]:.3f} at {sweep.thresholds[best]:.3g}"
    against_threshold.set(xlabel="threshold", ylabel="F1", title=chosen)
    against_false.set(xlabel="false positives an image", ylabel="recall")
    against_false.set_xlim(left=0, right=max(1.0, float(np.max(false)) * 1.02))
    for panel in panels:
        panel.set_ylim(0, 1.02)


def _title(sweep: ThresholdSweep) -> str:
    unit = {"px": "px", "um": "µm", "in512": "px of the 512-frame"}[sweep.radius.unit]
    return f"within {sweep.radius.value:g} {unit}"


def _colours(labels: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    others = iter([*SERIES] * len(labels))
    return {label: ALL_CELLS if label == ALL else given[label] if label in given else next(others) for label in labels}
