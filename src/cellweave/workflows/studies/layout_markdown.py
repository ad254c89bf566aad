"""The tables of a study of layout models, written in Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.layout_tables import LayoutTables
from cellweave.workflows.studies.layout_values import MEAN, Measured
from cellweave.workflows.studies.markdown_parts import (
    CLAIMS_IN_WORDS,
    cell_text,
    claim_text,
    failed_section,
    markdown_table,
    plain,
)
from cellweave.workflows.studies.table_rows import titles_of

HOW_TO_READ = (
    "Mean over seeds ± their standard deviation; in brackets its 95 % bootstrap interval, for which patients (or "
    "slides), generated layouts and seeds are drawn with replacement. With few of either it is too narrow."
)
POSITIONS_IN_WORDS = (
    "Distance from layouts of patients held out, as a position: 0 is that of real layouts of other patients, those "
    "that the models learnt from; 1 is that of layouts with the counts of these and cells anywhere. Every side has "
    "equally many layouts, and all went through the same raster and back. `mean` is the mean over the measures."
)
CELLS_IN_WORDS = (
    "Cells a layout, as a multiple of the layouts learnt from; `as asked`: the share of layouts with a number of cells "
    "in the category, or of the counts, that was asked for."
)
CLAIM_COLUMNS = ("claim", "measure", "difference", "verdict")


def layout_markdown(design: Design, tables: LayoutTables, *, about: Sequence[str]) -> str:
    """Return all tables of a study as one Markdown text.

    Args:
        design: Of the study.
        tables: Its tables.
        about: Facts to begin with, one sentence each.
    """
    parts = [f"# {design.title}", "\n".join(f"- {fact}" for fact in (*about, HOW_TO_READ))]
    if not tables.scores.empty:
        parts += ["## Positions", POSITIONS_IN_WORDS, markdown_table(position_columns(tables), position_rows(tables))]
    if not tables.differences.empty:
        parts += [
            "## Claims",
            CLAIMS_IN_WORDS.format(units="patients"),
            markdown_table(CLAIM_COLUMNS, claim_rows(tables)),
        ]
    if not tables.scores.empty:
        parts += [
            "## Distances from held-out layouts",
            markdown_table(("arm", *tables.columns("distance")), _distance_rows(tables)),
            "## Numbers of cells",
            CELLS_IN_WORDS,
            markdown_table(("arm", *tables.labels, "as asked"), _number_rows(tables)),
        ]
    parts += ["## Cost", markdown_table(("arm", "parameters", "s a step", "s a layout"), _cost_rows(tables))]
    return "\n\n".join([*parts, *failed_section(tables.arms)]) + "\n"


def position_columns(tables: LayoutTables) -> tuple[str, ...]:
    """Return the names of the columns of :func:`position_rows`."""
    return ("arm", "seeds", *(title.partition(",")[0] for title in tables.columns("position")))


def position_rows(tables: LayoutTables) -> list[tuple[str, ...]]:
    """Return the positions of every arm, then those of the fitted cluster process, as text."""
    columns = tables.columns("position")
    rows = []
    for one in tables.arms.to_dict("records"):
        cells = (cell_text(tables.row(one["arm"], "position", of)) for of in columns)
        rows.append((str(one["title"]), str(one["seeds"]), *cells))
    fitted = dict(zip(tables.references["of"], tables.references["fitted_position"], strict=True))
    fitted[MEAN] = sum(fitted.values()) / len(fitted)
    rows.append(("cluster process fitted to the layouts learnt from", "", *(plain(fitted[of], 3) for of in columns)))
    return rows


def claim_rows(tables: LayoutTables, measures: Sequence[str] | None = None) -> list[tuple[str, ...]]:
    """Return the differences of all pairs in position, in distance, and in the share as asked, as text.

    Args:
        tables: Of the study.
        measures: Titles of the measures whose positions are wanted; all, and all else, when None.
    """
    titles = titles_of(tables.arms)
    rows: list[tuple[str, ...]] = []
    for one in tables.differences.to_dict("records"):
        shown: tuple[Measured, ...] = ("position", "distance", "met")
        if one["measured"] not in shown or math.isnan(one["mean"]):
            continue
        if measures is not None and (one["measured"] != "position" or one["of"] not in measures):
            continue
        what = "as asked" if one["measured"] == "met" else f"{one['measured']}, {str(one['of']).partition(',')[0]}"
        claim = claim_text(one, titles)
        rows.append((claim, what, cell_text(one, signed=True), str(one["verdict"])))
    return rows


def _distance_rows(tables: LayoutTables) -> list[tuple[str, ...]]:
    columns = tables.columns("distance")
    rows = [
        (str(one["title"]), *(cell_text(tables.row(one["arm"], "distance", of)) for of in columns))
        for one in tables.arms.to_dict("records")
    ]
    by_title = tables.references.set_index("of").to_dict("index")
    for kind, words in (
        ("real", "real, of the patients learnt from"),
        ("fitted", "cluster process"),
        ("random", "random"),
    ):
        rows.append((words, *(plain(float(by_title[of][kind]), 3) for of in columns)))
    return rows


def _number_rows(tables: LayoutTables) -> list[tuple[str, ...]]:
    return [
        (
            str(one["title"]),
            *(cell_text(tables.row(one["arm"], "cells", label), digits=2) for label in tables.labels),
            cell_text(tables.row(one["arm"], "met", ""), digits=2),
        )
        for one in tables.arms.to_dict("records")
    ]


def _cost_rows(tables: LayoutTables) -> list[tuple[str, ...]]:
    return [
        (
            str(one["title"]),
            "–" if one["parameters"] is None or math.isnan(one["parameters"]) else f"{one['parameters'] / 1e6:.2f} M",
            plain(one["seconds_per_step"], 3),
            plain(one["seconds_per_layout"], 2),
        )
        for one in tables.arms.to_dict("records")
    ]
