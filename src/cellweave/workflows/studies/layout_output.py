"""What a study of layout models leaves beside its trials: tables for people and for programs, and figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cellweave import __version__
from cellweave.core import InvalidInputError
from cellweave.report.study_figures import interval_panels
from cellweave.workflows.studies.files import (
    DIFFERENCES,
    SCORES,
    SUMMARY,
    TABLES,
    StudyFiles,
    records,
    write_figure,
    write_text,
)
from cellweave.workflows.studies.layout_markdown import layout_markdown
from cellweave.workflows.studies.layout_study import LayoutStudy
from cellweave.workflows.studies.layout_tables import LayoutTables

POSITIONS_FIGURE = "positions.png"
DIFFERENCES_FIGURE = "differences.png"


def write_layout_study(study: LayoutStudy, tables: LayoutTables, out: Path) -> StudyFiles:
    """Write tables and figures of what is there, and return where they are.

    Raises:
        InvalidInputError: No trial has ended.
        OutputError: A file cannot be written.
    """
    if tables.arms.empty:
        raise InvalidInputError(f"no trial of {out} has ended yet; run the study without --tables-only.")
    about = layout_facts(study, tables)
    write_text(out / TABLES, layout_markdown(study.design, tables, about=about))
    write_text(out / SCORES, tables.scores.to_csv(index=False))
    write_text(out / DIFFERENCES, tables.differences.to_csv(index=False))
    summary = {
        "study": study.design.name,
        "code_version": __version__,
        "settings": study.identity,
        "facts": list(about),
        "held_out": tables.held_out,
        "layouts_per_side": list(tables.sizes),
        "arms": records(tables.arms),
        "references": records(tables.references),
        "scores": records(tables.scores),
        "differences": records(tables.differences),
    }
    write_text(out / SUMMARY, json.dumps(summary, indent=1) + "\n")
    others = tuple(out / name for name in (SCORES, DIFFERENCES, SUMMARY))
    return StudyFiles(out / TABLES, others, draw_layout_study(tables, out))


def layout_facts(study: LayoutStudy, tables: LayoutTables) -> tuple[str, ...]:
    """Return what was compared on what, one sentence each."""
    budget = study.budget
    seeds = ", ".join(sorted({seed for one in tables.arms["seeds"] for seed in one.split(",")}, key=int))
    hardware = ", ".join(sorted(set(tables.arms["hardware"])))
    threads = ", ".join(sorted({str(count) for count in tables.arms["threads"]}))
    sides = " and ".join(f"{size} against {size}" for size in tables.sizes) or "no"
    return (
        f"Data: {study.dataset.name}, training split, {len(study.names)} images; {tables.held_out} held out, by whole "
        f"patients or slides, {budget.use_folds} of {budget.folds} folds.",
        f"{budget.steps} steps for every model; seeds {seeds}; {study.count} layouts of {study.frame[1]}×"
        f"{study.frame[0]} px by every model, compared {sides}.",
        f"Seconds: {hardware}, {threads} threads, beside whatever else ran; medians.",
    )


def draw_layout_study(tables: LayoutTables, out: Path) -> tuple[Path, ...]:
    """Write the figures of a study as PNG files and return where they are; none where no arm has positions.

    ``positions.png``: a panel a measure, a row an arm. ``differences.png``: the same of the pairs.

    Raises:
        OutputError: A file cannot be written.
    """
    if tables.scores.empty:
        return ()
    titles = dict(zip(tables.arms["arm"], tables.arms["title"], strict=True))
    columns = tables.columns("position")
    panels = [title.partition(",")[0] for title in columns]
    scores = tables.scores[tables.scores["measured"] == "position"]
    arms = list(dict.fromkeys(scores["arm"]))
    values, ends = _arrays(scores.set_index(["arm", "of"]), [(arm,) for arm in arms], columns)
    figure = interval_panels(
        [titles[arm] for arm in arms],
        panels,
        values,
        ends,
        marks={0.0: "real", 1.0: "random"},
        xlabel="position",
    )
    written = [write_figure(figure, out / POSITIONS_FIGURE)]
    if not tables.differences.empty:
        rows = tables.differences[tables.differences["measured"] == "position"].set_index(["better", "other", "of"])
        pairs = list(dict.fromkeys((better, other) for better, other, _ in rows.index))
        values, ends = _arrays(rows, pairs, columns)
        names = [f"{titles[better]}\nminus {titles[other]}" for better, other in pairs]
        figure = interval_panels(names, panels, values, ends, marks={0.0: ""}, xlabel="difference in position")
        written.append(write_figure(figure, out / DIFFERENCES_FIGURE))
    return tuple(written)


def _arrays(
    rows: pd.DataFrame, keys: Sequence[tuple[str, ...]], columns: Sequence[str]
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Return the means (keys, columns) and ends of intervals (keys, columns, 2) of rows by key and column."""
    by_key = rows.to_dict("index")
    picked = [[by_key[(*key, of)] for of in columns] for key in keys]
    values = np.array([[row["mean"] for row in of_key] for of_key in picked], np.float64)
    return values, np.array([[(row["low"], row["high"]) for row in of_key] for of_key in picked], np.float64)
