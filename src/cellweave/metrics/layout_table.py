"""Scores of layouts as a CSV file: one line for every measure, label and kind of layouts."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pandas as pd

from cellweave.core import atomic_file
from cellweave.metrics.layout_curves import MEASURES
from cellweave.metrics.layout_scores import KINDS, LayoutScores
from cellweave.metrics.layout_set_scores import LayoutSetScores

COLUMNS = (
    "arm",
    "measure",
    "unit",
    "of",
    "layouts",
    "distance",
    "distance_sd",
    "position",
    "position_low",
    "position_high",
)


def layout_table(scores: LayoutScores) -> pd.DataFrame:
    """Return the distance of every kind of layouts from real ones, and its position with the ends of its interval."""
    lines: list[tuple[object, ...]] = []
    for row in scores.rows:
        places = {
            "synthetic": (row.position, row.interval),
            "fitted": (row.fitted_position, row.fitted_interval),
            "random": (None if row.position is None else 1.0, None),
            "real": (None if row.position is None else 0.0, None),
        }
        for kind in KINDS:
            level, (place, interval) = row.level(kind), places[kind]
            ends = (None, None) if interval is None else interval
            lines.append(
                (row.arm, row.measure, MEASURES[row.measure], row.label, kind, level.mean, level.sd, place, *ends)
            )
    for count in scores.counts:
        means = {
            "synthetic": (count.synthetic_mean, count.synthetic_sd),
            "random": (count.random_mean, None),
            "fitted": (count.fitted_mean, None),
            "real": (count.real_mean, count.real_sd),
        }
        lines += [
            (count.arm, "cells per layout", "1", count.label, kind, *means[kind], None, None, None) for kind in KINDS
        ]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def layout_set_table(scores: LayoutSetScores) -> pd.DataFrame:
    """Return the lines of all sets, those of random, fitted and real layouts once, then means and differences.

    ``set`` is the set, empty for layouts of no set. ``mean`` has the mean over the sets, the smallest and the largest;
    ``difference`` the set less the first one, with the ends of its interval.
    """
    parts = []
    for i, (name, one) in enumerate(zip(scores.names, scores.scores, strict=True)):
        table = layout_table(one)
        own = table["layouts"] == "synthetic"
        table = table[own | (i == 0)]
        names = [name if kind == "synthetic" else None for kind in table["layouts"]]
        parts.append(table.assign(set=pd.Series(names, index=table.index, dtype=object)))
    arm = scores.scores[0].arms[0]
    lines: list[dict[str, object]] = []
    for row in scores.scores[0].rows:
        if row.arm == arm:
            about = {"arm": arm, "measure": row.measure, "unit": MEASURES[row.measure], "of": row.label}
            spreads = (scores.distance(row.measure, row.label), scores.position(row.measure, row.label))
            lines.append({**about, "layouts": "mean", **_ends("distance", spreads[0]), **_ends("position", spreads[1])})
    for difference in scores.differences:
        for change in difference.rows:
            about = {"arm": arm, "measure": change.measure, "unit": MEASURES[change.measure], "of": change.label}
            sides = {"distance": change.distance, "position": change.position}
            ends = [_ends(side, (one.value, *(one.interval or (None, None)))) for side, one in sides.items()]
            lines.append({"set": difference.name, **about, "layouts": "difference", **ends[0], **ends[1]})
    columns = ["set", *COLUMNS[:7], "distance_low", "distance_high", *COLUMNS[7:]]
    rows = [row for part in parts for row in part.to_dict("records")]
    return pd.DataFrame([*rows, *lines], columns=columns)


def _ends(side: str, values: Sequence[float | None] | None) -> dict[str, float | None]:
    """Return a number with the ends of its range, under the names of their columns."""
    return dict(zip((side, f"{side}_low", f"{side}_high"), values or (None,) * 3, strict=True))


def write_layout_table(scores: LayoutScores | LayoutSetScores, out: str | os.PathLike[str]) -> None:
    """Write the table as CSV, whole or not at all.

    Raises:
        OutputError: The place cannot be written.
    """
    table = layout_table(scores) if isinstance(scores, LayoutScores) else layout_set_table(scores)
    with atomic_file(out) as partial:
        table.to_csv(partial, index=False)
