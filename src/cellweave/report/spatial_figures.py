"""Figures of how cells lie: real and synthetic layouts beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cellweave.core import InvalidInputError
from cellweave.metrics import LayoutScores
from cellweave.metrics.layout_curves import NEAREST_UM
from cellweave.metrics.layout_scores import CurveBand, Kind
from cellweave.metrics.layout_set_scores import LayoutSetScores
from cellweave.metrics.layout_statistics import EDGES_UM, SCALES_UM, Measure
from cellweave.report.figures import WIDTH_IN, in_house_style
from cellweave.report.palette import GREY, INK, SERIES

KIND_COLOURS: Mapping[Kind, str] = {"real": INK, "synthetic": SERIES[0], "fitted": SERIES[2], "random": SERIES[1]}

_NEAREST_SHOWN_UM = 30.0

_PANELS: Mapping[Measure, tuple[str, ...]] = {
    "nearest_neighbour": ("nearest neighbour nearer",),
    "ripley_l": ("L(r) − r, µm",),
    "pair_correlation": ("pair correlation",),
    "topology": ("pieces a cell", "holes a cell"),
}


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


@in_house_style
def layout_curves(scores: LayoutScores | LayoutSetScores) -> Figure:
    """Draw the curves that layouts were compared by: a row for all cells, for every class, and for pairs of classes.

    Pairs of classes have L and the pair correlation across the two. An envelope is the pointwise 95 % interval over
    patients, or over layouts for synthetic ones; random layouts and those of the fitted point process are drawn with
    the counts of the real ones. Of several sets the synthetic curves stand in one panel, by the name of the set.

    Raises:
        InvalidInputError: The scores have no curves.
    """
    drawn = _named_bands(scores)
    bands = {(name, band.label, band.measure): (band, colour) for name, band, colour in drawn}
    names = list(dict.fromkeys(name for name, _, _ in drawn))
    labels = list(dict.fromkeys(band.label for _, band, _ in drawn))
    labels.sort(key=lambda label: not any((name, label, "nearest_neighbour") in bands for name in names))
    measures = [measure for measure in _PANELS if any(band.measure == measure for _, band, _ in drawn)]
    if not labels:
        raise InvalidInputError("a figure of curves needs at least one curve, got none.")
    columns = [(measure, part) for measure in measures for part in range(len(_PANELS[measure]))]
    figure = Figure(figsize=(2.5 * len(columns), 0.7 + 2.1 * len(labels)), layout="constrained")
    panels = figure.subplots(len(labels), len(columns), squeeze=False)
    for row, label in enumerate(labels):
        titled = False
        for column, (measure, part) in enumerate(columns):
            axes: Axes = panels[row][column]
            there = [name for name in names if (name, label, measure) in bands]
            if not there:
                axes.remove()
                continue
            for name in there:
                _draw_band(axes, *bands[name, label, measure], part, name)
            if measure == "pair_correlation":
                axes.axhline(1, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
            if row == 0:
                axes.set_title(_PANELS[measure][part])
            if not any((name, below, measure) in bands for below in labels[row + 1 :] for name in names):
                axes.set_xlabel("distance, µm")
            if not titled:
                axes.set_ylabel(label)
                titled = True
    handles, told = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, told, loc="outside upper center", ncols=len(told))
    return figure


def _named_bands(scores: LayoutScores | LayoutSetScores) -> list[tuple[str, CurveBand, str]]:
    """Return all curves with their names and colours, kind by kind."""
    if isinstance(scores, LayoutScores):
        return [
            (kind, band, colour) for kind, colour in KIND_COLOURS.items() for band in scores.curves if band.kind == kind
        ]
    shared = [one for one in _named_bands(scores.scores[0]) if one[0] != "synthetic"]
    colours = [colour for colour in SERIES if colour not in KIND_COLOURS.values()]
    colours = [KIND_COLOURS["synthetic"], *colours]
    own = [
        (f"synthetic {name}" if name in KIND_COLOURS else name, band, colours[i % len(colours)])
        for i, (name, one) in enumerate(zip(scores.names, scores.scores, strict=True))
        for band in one.curves
        if band.kind == "synthetic"
    ]
    real = [one for one in shared if one[0] == "real"]
    return [*real, *own, *(one for one in shared if one[0] != "real")]


def _draw_band(axes: Axes, band: CurveBand, colour: str, part: int, name: str) -> None:
    """Draw one curve of a measure, of which topology has two, with its envelope."""
    parts = len(_PANELS[band.measure])
    middle, low, high = (np.split(one, parts)[part] for one in (band.values, band.low, band.high))
    if band.measure == "ripley_l":
        x = EDGES_UM[1:]
        middle, low, high = middle - x, low - x, high - x
    elif band.measure == "pair_correlation":
        x = (EDGES_UM[1:] + EDGES_UM[:-1]) / 2
    elif band.measure == "topology":
        x = SCALES_UM
    else:
        shown = NEAREST_UM <= _NEAREST_SHOWN_UM
        x, middle, low, high = NEAREST_UM[shown], middle[shown], low[shown], high[shown]
    axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(x, middle, color=colour, linewidth=1.4, label=name)
