"""Figures of how cells lie: real and synthetic layouts beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellweave.core import InvalidInputError
from cellweave.report.figures import WIDTH_IN, in_house_style
from cellweave.report.palette import GREY, SERIES


@in_house_style
def arrangement_curves(
    nearest_um: Mapping[str, npt.ArrayLike], distances_um: npt.ArrayLike, correlation: Mapping[str, npt.ArrayLike]
) -> Figure:
    """Draw, for several sets of layouts, how far a cell's nearest neighbour is, and the pair correlation.

    Args:
        nearest_um: Distances to the nearest neighbour of all cells of a set, in µm, (N,) each, N may be 0.
        distances_um: Where the pair correlation is given, in µm, (B,).
        correlation: Pair correlation of every set, (B,) each; NaN is left out.

    Raises:
        InvalidInputError: The two do not name the same sets, there is none, or lengths disagree.
    """
    x = np.asarray(distances_um, dtype=float)
    if not nearest_um or list(nearest_um) != list(correlation):
        raise InvalidInputError(f"both panels show the same sets, got {list(nearest_um)} and {list(correlation)}.")
    figure = Figure(figsize=(WIDTH_IN, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for i, (name, values) in enumerate(nearest_um.items()):
        known = np.sort(np.asarray(values, dtype=float))
        left.step(known, np.arange(1, len(known) + 1) / max(len(known), 1), color=SERIES[i], label=name, where="post")
    for i, (name, values) in enumerate(correlation.items()):
        g = np.asarray(values, dtype=float)
        if g.shape != x.shape:
            raise InvalidInputError(f"set {name!r} has a pair correlation of shape {g.shape}, at distances {x.shape}.")
        right.plot(x, g, color=SERIES[i], label=name)
    right.axhline(1, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    left.set_title("nearest neighbour: share of cells whose is nearer")
    left.set_xlabel("distance, µm")
    left.set_xlim(0, 30)
    left.set_ylim(0, 1.02)
    right.set_title("pair correlation; 1: no interaction")
    right.set_xlabel("distance, µm")
    right.set_ylim(bottom=0)
    left.legend(loc="lower right")
    return figure


@in_house_style
def levels_chart(
    rows: Sequence[tuple[str, float, float, float, float | None]], *, names: tuple[str, str, str], xlabel: str
) -> Figure:
    """Draw where a distance lies between its floor and its ceiling, one line a measure.

    Args:
        rows: Name, distance, floor, ceiling, and position between them (None where undefined) of every line.
        names: Of the distance, the floor and the ceiling.
        xlabel: What the distances are.

    Raises:
        InvalidInputError: There is no line.
    """
    if not rows:
        raise InvalidInputError("a chart of levels needs at least one line, got none.")
    figure = Figure(figsize=(WIDTH_IN, 0.9 + 0.34 * len(rows)), layout="constrained")
    axes: Axes = figure.subplots()
    for y, (_, distance, floor, ceiling, position) in enumerate(rows):
        axes.plot([floor, ceiling], [y, y], color=GREY, linewidth=1.2, zorder=2)
        for x, marker, colour, name in ((floor, "|", SERIES[2], names[1]), (ceiling, "|", SERIES[1], names[2])):
            axes.plot([x], [y], marker, color=colour, markersize=13, markeredgewidth=3, label=name, zorder=3)
        axes.plot([distance], [y], "o", color=SERIES[0], markersize=8, label=names[0], zorder=4)
        if position is not None:
            furthest = max(distance, floor, ceiling)
            axes.annotate(f"{position:.2f}", (furthest, y), (10, 0), textcoords="offset points", va="center")
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    axes.legend([once[name] for name in names], names, loc="center left", bbox_to_anchor=(1.01, 0.5))
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.margins(x=0.1)
    axes.set_xlabel(xlabel)
    axes.grid(visible=False, axis="y")
    return figure
