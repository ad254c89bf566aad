"""Figures of studies of image models: measures along one quantity, measures against time, and what was painted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from cellweave.core import InvalidInputError
from cellweave.data import RgbImage
from cellweave.report.figures import WIDTH_IN, in_house_style
from cellweave.report.palette import GREY, SERIES

_ACROSS = 3
_STRIP_IN = 1.5
_LETTER_IN = 0.1


@in_house_style
def quantity_panels(
    x: Sequence[float],
    panels: Sequence[str],
    values: npt.ArrayLike,
    intervals: npt.ArrayLike,
    *,
    marks: Mapping[str, float],
    xlabel: str,
) -> Figure:
    """Draw measures along one quantity, a panel with a scale of its own each, with whiskers.

    Args:
        x: The quantity, (R,), ascending.
        panels: Names of the P measures.
        values: (R, P); NaN leaves a gap.
        intervals: Lower and upper ends, (R, P, 2); whiskers where finite.
        marks: Values of real images, by panel; a grey line where there is one.
        xlabel: What the quantity is.

    Raises:
        InvalidInputError: There is nothing to draw, or shapes disagree.
    """
    drawn, ends = _checked(len(x), len(panels), values, intervals)
    figure, grid = _panels(panels)
    for p, axes in enumerate(grid):
        _whiskers(axes, np.asarray(x, float), ends[:, p])
        axes.plot(x, drawn[:, p], color=SERIES[0], marker="o", markersize=4.5)
        _mark(axes, marks.get(panels[p]))
        axes.set_xlabel(xlabel)
    return figure


@in_house_style
def cost_panels(
    names: Sequence[str],
    seconds: npt.ArrayLike,
    panels: Sequence[str],
    values: npt.ArrayLike,
    intervals: npt.ArrayLike,
    *,
    marks: Mapping[str, float],
    xlabel: str,
) -> Figure:
    """Draw measures against time on a logarithmic axis, a panel each, one named point an arm, with whiskers.

    Args:
        names: Of the R arms.
        seconds: (R,), > 0.
        panels: Names of the P measures.
        values: (R, P); NaN leaves a gap.
        intervals: Lower and upper ends, (R, P, 2); whiskers where finite.
        marks: Values of real images, by panel; a grey line where there is one.
        xlabel: What the time is.

    Raises:
        InvalidInputError: There is nothing to draw, shapes disagree, or a time is not > 0.
    """
    drawn, ends = _checked(len(names), len(panels), values, intervals)
    times = np.asarray(seconds, float)
    if times.shape != (len(names),) or not (times > 0).all():
        raise InvalidInputError(f"{len(names)} arms need as many times > 0, got {times.tolist()}.")
    figure, grid = _panels(panels, height_in=4.2)
    for p, axes in enumerate(grid):
        _whiskers(axes, times, ends[:, p])
        for number, (name, time) in enumerate(zip(names, times, strict=True)):
            colour = SERIES[number % len(SERIES)]
            axes.plot(time, drawn[number, p], "os^D"[number // len(SERIES) % 4], color=colour, label=name, markersize=6)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(x=0.12)
        _mark(axes, marks.get(panels[p]))
        axes.set_xlabel(xlabel)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)))
    return figure


@in_house_style
def example_strips(names: Sequence[str], strips: Sequence[RgbImage]) -> Figure:
    """Draw strips of images, one below the other, each with its name.

    Args:
        names: Of the strips.
        strips: uint8 (H, W, 3) each.

    Raises:
        InvalidInputError: There is none, or names and strips are not as many.
    """
    if not strips or len(names) != len(strips):
        raise InvalidInputError(f"{len(names)} names need as many strips, at least one, got {len(strips)}.")
    longest = max(strip.shape[1] / strip.shape[0] for strip in strips)
    label = 0.4 + _LETTER_IN * max(map(len, names))
    figure = Figure(figsize=(label + _STRIP_IN * longest, _STRIP_IN * len(strips)), layout="constrained")
    grid = figure.subplots(len(strips), 1, squeeze=False)[:, 0]
    for axes, name, strip in zip(grid, names, strips, strict=True):
        axes.imshow(strip, interpolation="nearest")
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
    return figure


def _panels(names: Sequence[str], *, height_in: float = 2.8) -> tuple[Figure, list[Axes]]:
    across = min(_ACROSS, len(names))
    down = -(-len(names) // across)
    figure = Figure(figsize=(WIDTH_IN, height_in * down), layout="constrained")
    grid = list(figure.subplots(down, across, squeeze=False).flat)
    for axes, name in zip(grid, names, strict=False):
        axes.set_title(name)
    for axes in grid[len(names) :]:
        axes.remove()
    return figure, grid[: len(names)]


def _whiskers(axes: Axes, x: npt.NDArray[np.float64], ends: npt.NDArray[np.float64]) -> None:
    known = np.isfinite(ends).all(axis=1)
    axes.vlines(x[known], ends[known, 0], ends[known, 1], color=GREY, linewidth=1.2)


def _mark(axes: Axes, value: float | None) -> None:
    if value is not None and np.isfinite(value):
        axes.axhline(value, color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            "real",
            (1, value),
            (-2, 2),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            color=GREY,
            fontsize=8,
        )


def _checked(
    rows: int, panels: int, values: npt.ArrayLike, intervals: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    drawn, ends = np.asarray(values, float), np.asarray(intervals, float)
    if 0 in (rows, panels) or drawn.shape != (rows, panels) or ends.shape != (rows, panels, 2):
        raise InvalidInputError(
            f"{rows} rows and {panels} panels need values {(rows, panels)} and intervals {(rows, panels, 2)}, "
            f"got {drawn.shape} and {ends.shape}."
        )
    return drawn, ends
