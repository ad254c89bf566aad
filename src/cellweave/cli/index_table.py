"""The table of positive indices that ``cellweave locate --index`` and ``cellweave score index`` print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cellweave.cli.printing import print_notes, print_tables, table_of

if TYPE_CHECKING:
    from cellweave.metrics.index_scores import IndexRow, IndexScores
    from cellweave.metrics.positive_index import PositiveIndex

SHOWN = 30
"""So many images and regions, and so many groups, are printed; the files have all."""


def print_index(scores: IndexScores) -> None:
    """Print the index of every image, region and group, and of all, beside that of the annotations, in per cent."""
    from cellweave.data import counted

    compared = any(row.truth is not None for row in scores.rows)
    further = ("true index %", "difference") if compared else ()
    table = table_of("", "of", numbers=(scores.classes.positive, scores.classes.negative, "index %", *further))
    table.add_column("interval over")
    single = [row for row in scores.rows if row.scope in ("image", "region")]
    groups = [row for row in scores.rows if row.scope == "group"]
    if all(row.index.units == "cells" for row in groups):
        groups = []  # one image each: their rows would say the same again
    for row in (*single[:SHOWN], *groups[:SHOWN], scores.row("all")):
        truth = () if row.truth is None else (_per_cent(row.truth), _points(row.difference_points))
        counts = (f"{count:,}" for count in (row.index.positive, row.index.negative))
        table.add_row(row.scope, _name(row), *counts, _per_cent(row.index), *truth, row.index.units)
    print_tables(table)
    more = max(len(single) - SHOWN, 0) + max(len(groups) - SHOWN, 0)
    if more:
        typer.echo(f"and {more} more rows, which the files and --json have")
    agreement = scores.agreement
    if agreement is not None:
        typer.echo(
            f"index of {counted(int(agreement['images']), 'image')} against annotations: mean absolute difference "
            f"{agreement['mean_absolute_points']:.1f} points, mean difference {agreement['mean_points']:+.1f} points"
        )
    print_notes(scores.notes)


def _name(row: IndexRow) -> str:
    if row.scope == "region":
        return f"{row.image}: {row.region}"
    return row.image or row.group or ""


def _per_cent(index: PositiveIndex) -> str:
    if index.value is None:
        return "–"
    ends = "" if index.interval is None else f" [{100 * index.interval[0]:.1f}, {100 * index.interval[1]:.1f}]"
    return f"{100 * index.value:.1f}{ends}"


def _points(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f}"
