"""Figures of a report, one function a figure, each returning a Matplotlib ``Figure`` in the house style.

None touches pyplot, so nothing stays open and nothing depends on a display.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import matplotlib
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cellweave.core import InvalidInputError, TableError
from cellweave.report.palette import ALL_CELLS, GREY, INK, PALE, SERIES

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 0.8,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.7,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}
"""The house style, over Matplotlib's defaults: light, sparing and printable."""

WIDTH_IN = 9.4
"""Width of a figure as wide as the page, in inches."""

_MANY_POINTS = 2000
_P = ParamSpec("_P")


def in_house_style(draw: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """Let a function draw in the house style, whatever Matplotlib is set to."""

    @wraps(draw)
    def styled(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with style.context(["default", STYLE]):  # from the defaults: a reader's matplotlibrc changes nothing
            return draw(*args, **kwargs)

    return styled


@in_house_style
def learning_curves(log: pd.DataFrame, *, columns: Sequence[str] | None = None) -> Figure:
    """Draw the columns of a training log against the step, one panel each.

    A column with many rows is drawn pale, with its running mean over a twentieth of the rows on top; one that is
    positive and spans more than a factor of 30 gets a logarithmic axis.

    Args:
        log: One row every so many steps, columns ``step`` and any others of numbers; see
            :func:`cellweave.training.read_log`.
        columns: Columns to draw; all but ``step`` when None.

    Raises:
        TableError: The log has no rows, or lacks ``step`` or a column asked for.
    """
    chosen = [name for name in log.columns if name != "step"] if columns is None else list(columns)
    missing = [name for name in ("step", *chosen) if name not in log.columns]
    if missing or not chosen or log.empty:
        raise TableError(
            f"a training log needs rows and the columns {['step', *chosen]}, "
            f"got {len(log)} rows and the columns {list(log.columns)}."
        )
    across = min(len(chosen), 4)
    down = -(-len(chosen) // across)
    figure = Figure(figsize=(WIDTH_IN, 2.5 * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    steps = log["step"].to_numpy()
    for panel, name in zip(panels, chosen, strict=False):
        values = log[name].to_numpy(dtype=float)
        smooth = len(values) >= 40
        panel.plot(steps, values, color=SERIES[0], linewidth=0.8 if smooth else 1.7, alpha=0.35 if smooth else 1)
        if smooth:
            window = max(len(values) // 20, 2)
            mean = pd.Series(values).rolling(window, min_periods=1, center=True).mean()
            panel.plot(steps, mean, color=SERIES[0])
        known = values[np.isfinite(values)]
        if len(known) and known.min() > 0 and known.max() / known.min() > 30:
            panel.set_yscale("log")
        panel.set_title(name.replace("_", " "))
        panel.set_xlabel("step")
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    for panel in panels[len(chosen) :]:
        panel.remove()
    return figure


@in_house_style
def threshold_curves(
    thresholds: npt.ArrayLike,
    curves: Mapping[str, npt.ArrayLike],
    *,
    ylabel: str,
    chosen: tuple[str, float] | None = None,
    ordered: bool = False,
) -> Figure:
    """Draw scores against the threshold: precision, recall and F1, or F1 for several windows.

    Args:
        thresholds: Thresholds, (T,).
        curves: Name and scores, (T,), of every curve; NaN is left out.
        ylabel: What the scores are.
        chosen: Curve and threshold that were chosen, to be marked.
        ordered: The curves are steps of one quantity: colour them from light to dark.

    Raises:
        InvalidInputError: There is no curve, lengths disagree, or ``chosen`` names no curve.
    """
    x = np.asarray(thresholds, dtype=float)
    drawn = {name: np.asarray(values, dtype=float) for name, values in curves.items()}
    if not drawn:
        raise InvalidInputError("threshold curves need at least one curve, got none.")
    for name, values in drawn.items():
        if x.ndim != 1 or values.shape != x.shape:
            raise InvalidInputError(f"curve {name!r} has shape {values.shape}, the thresholds have {x.shape}.")
    if chosen is not None and chosen[0] not in drawn:
        raise InvalidInputError(f"the chosen curve {chosen[0]!r} is not among {list(drawn)}.")
    figure = Figure(figsize=(WIDTH_IN, 3.3), layout="constrained")
    axes = figure.subplots()
    colours = _ramp(len(drawn)) if ordered else [SERIES[i % len(SERIES)] for i in range(len(drawn))]
    for (name, values), colour in zip(drawn.items(), colours, strict=True):
        axes.plot(x, values, color=colour, label=name, marker="o", markersize=2.6)
    if chosen is not None:
        name, threshold = chosen
        late = threshold > (x.min() + x.max()) / 2
        height = float(np.interp(threshold, x, drawn[name]))
        axes.axvline(threshold, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        axes.plot([threshold], [height], "o", markersize=9, markerfacecolor="none", markeredgecolor=INK, zorder=5)
        axes.annotate(
            f"chosen: {name}, {threshold:g}\n{ylabel} {height:.3f}",
            (threshold, 0.04),
            (-6 if late else 6, 0),
            textcoords="offset points",
            ha="right" if late else "left",
            va="bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
        )
    axes.set_xlabel("threshold")
    axes.set_ylabel(ylabel)
    axes.set_ylim(0, 1.02)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


@in_house_style
def score_bars(
    labels: Sequence[str],
    scores: npt.ArrayLike,
    *,
    intervals: npt.ArrayLike | None = None,
    colours: Mapping[str, str],
    measures: Sequence[str] = ("precision", "recall", "F1"),
) -> Figure:
    """Draw scores as bars, grouped by measure, one bar a class, in the colours of the classes.

    Args:
        labels: Names of the classes, or whatever else is scored, (L,).
        scores: Scores from 0 to 1, (L, M); NaN leaves a gap.
        intervals: Lower and upper end of every score's interval, (L, M, 2); drawn as whiskers where finite.
        colours: Colour of the labels, ``#rrggbb``; a label that it lacks is drawn in grey.
        measures: Names of the M measures.

    Raises:
        InvalidInputError: Shapes disagree.
    """
    values = np.asarray(scores, dtype=float)
    ends = np.full((*values.shape, 2), np.nan) if intervals is None else np.asarray(intervals, dtype=float)
    wanted = (len(labels), len(measures))
    if not labels or values.shape != wanted or ends.shape != (*wanted, 2):
        raise InvalidInputError(
            f"scores of {len(labels)} labels and {len(measures)} measures have shape {wanted} and intervals "
            f"{(*wanted, 2)}, got {values.shape} and {ends.shape}."
        )
    figure = Figure(figsize=(WIDTH_IN, 3.3), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(labels)
    for i, label in enumerate(labels):
        x = np.arange(len(measures)) + (i - (len(labels) - 1) / 2) * width
        axes.bar(x, values[i], width * 0.9, color=colours.get(label, ALL_CELLS), label=label, alpha=0.9)
        whiskers = np.isfinite(ends[i]).all(axis=1) & np.isfinite(values[i])
        axes.vlines(x[whiskers], *ends[i, whiskers].T, color=INK, linewidth=1.1)
        for position, value, high in zip(x, values[i], ends[i, :, 1], strict=True):
            if np.isfinite(value):
                top = max(value, high) if np.isfinite(high) else value
                axes.annotate(
                    f"{value:.2f}", (position, top), (0, 2), textcoords="offset points", ha="center", fontsize=8.5
                )
    axes.set_xticks(range(len(measures)), measures)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")
    axes.set_ylim(0, 1.1)
    axes.set_yticks(np.arange(0, 1.01, 0.2))
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


@in_house_style
def count_scatter(
    counts: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]], *, colours: Mapping[str, str], unit: str = "cells"
) -> Figure:
    """Draw predicted against true numbers of cells, one panel a class, one point an image, and the line of equality.

    Args:
        counts: True and predicted numbers, (N,) each, by class.
        colours: Colour of the classes, ``#rrggbb``; a class that it lacks is drawn in grey.
        unit: What is counted.

    Raises:
        InvalidInputError: There is no class, or the lengths of a pair disagree.
    """
    if not counts:
        raise InvalidInputError("a scatter of counts needs at least one class, got none.")
    across = min(len(counts), 4)
    down = -(-len(counts) // across)
    figure = Figure(figsize=(2.35 * across, 2.6 * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for panel, (label, pair) in zip(panels, counts.items(), strict=False):
        truth, predicted = (np.asarray(values, dtype=float) for values in pair)
        if truth.shape != predicted.shape or truth.ndim != 1:
            raise InvalidInputError(
                f"true and predicted counts of {label!r} are (N,) each, got {truth.shape} and {predicted.shape}."
            )
        _identity(panel, max(truth.max(initial=1), predicted.max(initial=1)) * 1.06)
        panel.scatter(
            truth,
            predicted,
            s=16,
            color=colours.get(label, ALL_CELLS),
            alpha=0.75,
            linewidths=0,
            rasterized=len(truth) > _MANY_POINTS,
            zorder=3,
        )
        panel.set_title(label)
    for panel in panels[len(counts) :]:
        panel.remove()
    figure.supxlabel(f"true {unit} in an image", fontsize=10)
    figure.supylabel(f"predicted {unit}", fontsize=10)
    return figure


def _identity(panel: Axes, limit: float) -> None:
    panel.plot([0, limit], [0, limit], color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    panel.set_xlim(0, limit)
    panel.set_ylim(0, limit)
    panel.set_box_aspect(1)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(4, integer=True))


def _ramp(count: int) -> list[str]:
    """Return colours from light to dark; viridis without its yellow end, which vanishes on paper."""
    shades = np.linspace(0.85, 0.0, count) if count > 1 else np.array([0.4])
    return [to_hex(colour) for colour in matplotlib.colormaps["viridis"](shades)]
