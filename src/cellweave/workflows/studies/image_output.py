"""What a study of image models leaves beside its trials: tables for people and for programs, and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from cellweave.data import RgbImage
from cellweave.data.images import read_image
from cellweave.report.image_study_figures import cost_panels, example_strips, quantity_panels
from cellweave.report.study_figures import interval_panels
from cellweave.workflows.studies.figure_rows import means_and_ends, rows_of_pairs
from cellweave.workflows.studies.files import StudyFiles, require_results, write_figure, write_tables
from cellweave.workflows.studies.folder import ARMS
from cellweave.workflows.studies.image_markdown import image_markdown
from cellweave.workflows.studies.image_measures import FID, FID_POSITION, IS, KID, KID_POSITION, SECONDS
from cellweave.workflows.studies.image_meters import StudyMeter
from cellweave.workflows.studies.image_painting import EXAMPLES
from cellweave.workflows.studies.image_tables import ImageTables, reference_of
from cellweave.workflows.studies.runner import Study
from cellweave.workflows.studies.table_rows import machines_in_words, seeds_in_words, titles_of

SCORES_FIGURE, DIFFERENCES_FIGURE = "scores.png", "differences.png"

_REAL = {KID: "learnt", FID: "learnt", IS: "real", "F1": "real", "mean class F1": "real"}
"""Which reference stands for real images, by measure."""


class ImageStudy(Study, Protocol):
    """A study of image models, and what to say of it."""

    measured: StudyMeter

    @property
    def facts(self) -> tuple[str, ...]:
        """What was compared on what, one sentence each."""

    def real_examples(self) -> RgbImage | None:
        """Return real patches at the places of the examples; None where arms have different ones."""


def write_image_study(study: ImageStudy, tables: ImageTables, out: Path) -> StudyFiles:
    """Write tables and figures of what is there, and return where they are.

    Raises:
        InvalidInputError: No trial has ended.
        OutputError: A file cannot be written.
    """
    require_results(tables.arms, out)
    machine = f"Seeds {seeds_in_words(tables.arms)}. Seconds: {machines_in_words(tables.arms)}."
    about = (*study.facts, machine)
    measured = study.measured
    files = write_tables(
        out,
        image_markdown(
            study.design,
            tables,
            about=about,
            encoder=measured.meter.encoder.name,
            fidelity=measured.fidelity,
        ),
        study.design,
        settings=study.identity,
        about={"facts": list(about), "tiles": tables.tiles, "units": tables.groups},
        tables={
            "arms": tables.arms,
            "references": tables.references,
            "scores": tables.scores,
            "differences": tables.differences,
        },
    )
    return replace(files, figures=draw_image_study(study, tables, out))


def draw_image_study(study: ImageStudy, tables: ImageTables, out: Path) -> tuple[Path, ...]:
    """Write the figures of a study as PNG files and return where they are; none where no arm has scores.

    ``scores.png``: measures along the scale of guidance, against time, or by arm. ``differences.png``: those of the
    pairs. ``examples.png``: what every arm painted of some scenes, and the real patches.

    Raises:
        OutputError: A file cannot be written.
    """
    if tables.scores.empty:
        return ()
    titles, design = titles_of(tables.arms), study.design
    arms = [arm for arm in design.arms if tables.row(arm.name, KID) is not None]
    names = [arm.name for arm in arms]
    shown = [measure for measure in tables.measures() if measure not in (KID_POSITION, FID_POSITION, SECONDS)]
    if design.name == "magnification":
        shown = [measure for measure in tables.measures() if measure not in (KID, FID, IS, SECONDS)]
    values, ends = means_and_ends([[tables.row(name, measure) for measure in shown] for name in names])
    marks = {measure: reference_of(tables, _REAL[measure], measure, names) for measure in shown if measure in _REAL}
    if design.name == "guidance":
        scales = [float(arm.value or 0) for arm in arms]
        figure = quantity_panels(scales, shown, values, ends, marks=marks, xlabel=design.axis or "")
    elif design.name == "samplers":
        seconds = [float(row["mean"]) for row in (tables.row(name, SECONDS) for name in names) if row is not None]
        points = ([titles[name] for name in names], seconds, shown, values, ends)
        figure = cost_panels(*points, marks=marks, xlabel="seconds an image")
    else:
        lines = {0.0: "real", 1.0: "dots"} if all(measure.endswith("position") for measure in shown) else {}
        figure = interval_panels([titles[one] for one in names], shown, values, ends, marks=lines, xlabel="score")
    written = [write_figure(figure, out / SCORES_FIGURE)]
    if not tables.differences.empty:
        labels, rows = rows_of_pairs(tables.differences, titles, column="measure", columns=shown)
        values, ends = means_and_ends(rows)
        figure = interval_panels(labels, shown, values, ends, marks={0.0: ""}, xlabel="difference")
        written.append(write_figure(figure, out / DIFFERENCES_FIGURE))
    strips = _strips(study, tables, out, names)
    if strips:
        figure = example_strips(list(strips), list(strips.values()))
        written.append(write_figure(figure, out / EXAMPLES))
    return tuple(written)


def _strips(study: ImageStudy, tables: ImageTables, out: Path, names: Sequence[str]) -> dict[str, RgbImage]:
    """Return what every arm painted of some scenes under its first seed, the real patches before them."""
    seeds = dict(zip(tables.arms["arm"], tables.arms["seeds"], strict=True))
    real = study.real_examples()
    strips = {} if real is None else {"real": real}
    for name in names:
        first = seeds[name].partition(",")[0]
        file = out / ARMS / name / f"seed-{first}" / EXAMPLES
        if file.is_file():
            strips[titles_of(tables.arms)[name]] = read_image(file)
    return strips
