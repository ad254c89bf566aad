"""Scores of layouts as a CSV file: one line for every measure, label and kind of layouts."""

from __future__ import annotations

import os

import pandas as pd

from cellweave.core import atomic_file
from cellweave.metrics.layout_curves import MEASURES
from cellweave.metrics.layout_scores import KINDS, LayoutScores

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


def write_layout_table(scores: LayoutScores, out: str | os.PathLike[str]) -> None:
    """Write the table as CSV, whole or not at all.

    Raises:
        OutputError: The place cannot be written.
    """
    with atomic_file(out) as partial:
        layout_table(scores).to_csv(partial, index=False)
