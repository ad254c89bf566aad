"""Figures of studies: arms side by side with their intervals, a curve along one quantity, score against speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellweave.core import InvalidInputError
from cellweave.report.figures import WIDTH_IN, in_house_style
from cellweave.report.palette import GREY, SERIES

_ROW_IN = 0.42
_DODGE = 0.22
_LINE_IN = 0.26
_PANELS_ACROSS = 3


@in_house_style
def interval_chart(
    rows: Sequence[str],
    series: Sequence[str],
    values: npt.ArrayLike,
    intervals: npt.ArrayLike,
    *,
    xlabel: str,
    zero: bool = False,
) -> Figure:
    """Draw values as points with whiskers, one row a thing compared, one colour a series.

    Args:
        rows: Names of the R rows, from the top.
        series: Names of the S series.
        values: (R, S); NaN leaves a gap.
        intervals: Lower and upper ends, (R, S, 2); whiskers where finite.
        xlabel: What the values are.
        zero: Mark 0, because the values are differences.

    Raises:
        InvalidInputError: There is nothing to draw, or shapes disagree.
    """
    drawn, ends = _checked(rows, series, values, intervals)
    figure = Figure(figsize=(WIDTH_IN, 1.0 + _ROW_IN * len(rows)), layout="constrained")
    axes = figure.subplots()
    if zero:
        axes.axvline(0, color=GREY, linewidth=1.0, zorder=1)
    for s, name in enumerate(series):
        y = np.arange(len(rows)) + (s - (len(series) - 1) / 2) * _DODGE
        colour = SERIES[s % len(SERIES)]
        known = np.isfinite(ends[:, s]).all(axis=1) & np.isfinite(drawn[:, s])
        axes.hlines(y[known], *ends[known, s].T, color=colour, linewidth=1.6)
        axes.plot(drawn[:, s], y, "o", color=colour, markersize=4.5, label=name)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(xlabel)
    if len(series) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


@in_house_style
def interval_panels(
    rows: Sequence[str],
    panels: Sequence[str],
    values: npt.ArrayLike,
    intervals: npt.ArrayLike,
    *,
    marks: Mapping[float, str],
    xlabel: str,
) -> Figure:
    """Draw values as points with whiskers, one row a thing compared, one panel a measure with a scale of its own.

    Args:
        rows: Names of the R rows, from the top.
        panels: Names of the P panels.
        values: (R, P); NaN leaves a gap.
        intervals: Lower and upper ends, (R, P, 2); whiskers where finite.
        marks: Values that are marked by a line, and what they are called; all are in every panel.
        xlabel: What the values are.

    Raises:
        InvalidInputError: There is nothing to draw, or shapes disagree.
    """
    drawn, ends = _checked(rows, panels, values, intervals)
    across = min(_PANELS_ACROSS, len(panels))
    down = -(-len(panels) // across)
    lines = sum(row.count("\n") + 1 for row in rows)
    figure = Figure(figsize=(WIDTH_IN, down * (1.0 + _LINE_IN * max(lines, len(rows) + 1))), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False, sharey=True)
    y = np.arange(len(rows))
    for p, axes in enumerate(grid.flat):
        if p >= len(panels):
            axes.set_visible(False)
            continue
        for value, name in marks.items():
            axes.axvline(value, color=GREY, linewidth=1.0, zorder=1)
            left = value == min(marks) and len(marks) > 1  # names of neighbouring marks stand apart
            axes.annotate(
                name,
                (value, 0),
                (-2 if left else 2, 3),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="right" if left else "left",
                color=GREY,
                fontsize=8,
            )
        if not np.isfinite(drawn[:, p]).any():
            axes.text(0.5, 0.5, "not defined", transform=axes.transAxes, ha="center", color=GREY, fontsize=8)
        known = np.isfinite(ends[:, p]).all(axis=1) & np.isfinite(drawn[:, p])
        axes.hlines(y[known], *ends[known, p].T, color=SERIES[0], linewidth=1.6)
        axes.plot(drawn[:, p], y, "o", color=SERIES[0], markersize=4.5)
        axes.set_title(panels[p])
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(xlabel)
        axes.margins(x=0.15)
    grid[0, 0].set_yticks(y, rows)
    grid[0, 0].set_ylim(len(rows) - 0.3, -0.5)  # room for the names of the marks
    return figure


@in_house_style
def interval_curves(
    x: Sequence[float],
    series: Sequence[str],
    values: npt.ArrayLike,
    intervals: npt.ArrayLike,
    *,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """Draw values along one quantity, a line and a band a series.

    Args:
        x: The quantity, (R,), ascending.
        series: Names of the S series.
        values: (R, S); NaN leaves a gap.
        intervals: Lower and upper ends, (R, S, 2); a band where finite.
        xlabel: What the quantity is.
        ylabel: What the values are.

    Raises:
        InvalidInputError: There is nothing to draw, or shapes disagree.
    """
    drawn, ends = _checked(x, series, values, intervals)
    figure = Figure(figsize=(WIDTH_IN, 3.6), layout="constrained")
    axes = figure.subplots()
    for s, name in enumerate(series):
        colour = SERIES[s % len(SERIES)]
        axes.fill_between(x, ends[:, s, 0], ends[:, s, 1], color=colour, alpha=0.15, linewidth=0)
        axes.plot(x, drawn[:, s], color=colour, marker="o", markersize=4, label=name)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


@in_house_style
def speed_chart(
    names: Sequence[str], speeds: npt.ArrayLike, values: npt.ArrayLike, *, xlabel: str, ylabel: str
) -> Figure:
    """Draw scores against speeds on a logarithmic axis, one named point a network.

    Args:
        names: Names of the N networks.
        speeds: Speeds, (N,), > 0; a network whose speed is NaN is left out.
        values: Scores, (N,); likewise.
        xlabel: What the speeds are.
        ylabel: What the scores are.

    Raises:
        InvalidInputError: No network has both, or lengths disagree.
    """
    fast, good = np.asarray(speeds, float), np.asarray(values, float)
    if fast.shape != (len(names),) or good.shape != (len(names),):
        raise InvalidInputError(f"{len(names)} names need as many speeds and scores, got {fast.shape}, {good.shape}.")
    known = np.isfinite(fast) & np.isfinite(good) & (fast > 0)
    if not known.any():
        raise InvalidInputError("a chart of speeds needs a network with speed and score, got none.")
    figure = Figure(figsize=(WIDTH_IN, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(fast[known], good[known], "o", color=SERIES[0])
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(0.1)
    _name_points(axes, [name for name, keep in zip(names, known, strict=True) if keep], fast[known], good[known])
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    return figure


def _name_points(axes: Axes, names: Sequence[str], x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> None:
    """Write the name of every point beside it, above and below by turns from the slowest to the fastest."""
    for turn, i in enumerate(np.argsort(x)):
        above = turn % 2 == 0
        axes.annotate(
            names[i],
            (x[i], y[i]),
            (0, 6 if above else -6),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=8.5,
        )


def _checked(
    rows: Sequence[object], series: Sequence[str], values: npt.ArrayLike, intervals: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    drawn, ends = np.asarray(values, float), np.asarray(intervals, float)
    wanted = (len(rows), len(series))
    if 0 in wanted or drawn.shape != wanted or ends.shape != (*wanted, 2):
        raise InvalidInputError(
            f"{wanted[0]} rows and {wanted[1]} series need values {wanted} and intervals {(*wanted, 2)}, "
            f"got {drawn.shape} and {ends.shape}."
        )
    return drawn, ends
