"""What a study of layout models leaves beside its trials: tables for people and for programs, and figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cellweave.report.study_figures import interval_panels
from cellweave.workflows.studies.figure_rows import means_and_ends, rows_of_pairs
from cellweave.workflows.studies.files import StudyFiles, require_results, write_figure, write_tables
from cellweave.workflows.studies.layout_markdown import layout_markdown
from cellweave.workflows.studies.layout_study import LayoutStudy
from cellweave.workflows.studies.layout_tables import LayoutTables
from cellweave.workflows.studies.table_rows import machines_in_words, seeds_in_words, titles_of

POSITIONS_FIGURE = "positions.png"
DIFFERENCES_FIGURE = "differences.png"


def write_layout_study(study: LayoutStudy, tables: LayoutTables, out: Path) -> StudyFiles:
    """Write tables and figures of what is there, and return where they are.

    Raises:
        InvalidInputError: No trial has ended.
        OutputError: A file cannot be written.
    """
    require_results(tables.arms, out)
    about = layout_facts(study, tables)
    files = write_tables(
        out,
        layout_markdown(study.design, tables, about=about),
        study.design,
        settings=study.identity,
        about={"facts": list(about), "held_out": tables.held_out, "layouts_per_side": list(tables.sizes)},
        tables={
            "arms": tables.arms,
            "references": tables.references,
            "scores": tables.scores,
            "differences": tables.differences,
        },
    )
    return replace(files, figures=draw_layout_study(tables, out))


def layout_facts(study: LayoutStudy, tables: LayoutTables) -> tuple[str, ...]:
    """Return what was compared on what, one sentence each."""
    budget = study.budget
    sides = " and ".join(f"{size} against {size}" for size in tables.sizes) or "no"
    seeds = seeds_in_words(tables.arms)
    return (
        f"Data: {study.dataset.name}, training split, {len(study.names)} images; {tables.held_out} held out, by whole "
        f"patients or slides, {budget.use_folds} of {budget.folds} folds.",
        f"{budget.steps} steps for every model; seeds {seeds}; {study.count} layouts of {study.frame[1]}×"
        f"{study.frame[0]} px by every model, compared {sides}.",
        f"Seconds: {machines_in_words(tables.arms)}, beside whatever else ran; medians.",
    )


def draw_layout_study(tables: LayoutTables, out: Path) -> tuple[Path, ...]:
    """Write the figures of a study as PNG files and return where they are; none where no arm has positions.

    ``positions.png``: a panel a measure, a row an arm. ``differences.png``: the same of the pairs.

    Raises:
        OutputError: A file cannot be written.
    """
    if tables.scores.empty:
        return ()
    titles = titles_of(tables.arms)
    columns = tables.columns("position")
    panels = [title.partition(",")[0] for title in columns]
    arms = list(dict.fromkeys(tables.scores["arm"]))
    values, ends = means_and_ends([[tables.row(arm, "position", of) for of in columns] for arm in arms])
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
        positions = tables.differences[tables.differences["measured"] == "position"]
        names, rows = rows_of_pairs(positions, titles, column="of", columns=columns)
        values, ends = means_and_ends(rows)
        figure = interval_panels(names, panels, values, ends, marks={0.0: ""}, xlabel="difference in position")
        written.append(write_figure(figure, out / DIFFERENCES_FIGURE))
    return tuple(written)
