"""What a study of image models leaves beside its trials: tables for people and for programs, and figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cellweave import __version__
from cellweave.core import InvalidInputError
from cellweave.data import RgbImage
from cellweave.data.images import read_image
from cellweave.metrics.rates import Floats
from cellweave.report.image_study_figures import cost_panels, example_strips, quantity_panels
from cellweave.report.study_figures import interval_panels
from cellweave.workflows.studies.design import Design
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
from cellweave.workflows.studies.folder import ARMS, Trial
from cellweave.workflows.studies.image_markdown import image_markdown
from cellweave.workflows.studies.image_measures import FID, FID_POSITION, IS, KID, KID_POSITION, SECONDS
from cellweave.workflows.studies.image_meters import StudyMeter
from cellweave.workflows.studies.image_painting import EXAMPLES
from cellweave.workflows.studies.image_tables import ImageTables, reference_of, titles_of

SCORES_FIGURE, DIFFERENCES_FIGURE = "scores.png", "differences.png"

_REAL = {KID: "learnt", FID: "learnt", IS: "real", "F1": "real", "mean class F1": "real"}
"""Which reference stands for real images, by measure."""


class ImageStudy(Protocol):
    """The trials of a study of image models, and what to say of them."""

    design: Design
    measured: StudyMeter
    units: str
    """What is drawn with replacement, in words."""

    @property
    def identity(self) -> dict[str, Any]:
        """What all trials depend on."""

    @property
    def facts(self) -> tuple[str, ...]:
        """What was compared on what, one sentence each."""

    def measure_references(self) -> None:
        """Measure the real patches; before any trial is run."""

    def real_examples(self) -> RgbImage | None:
        """Return real patches at the places of the examples; None where arms have different ones."""

    def trials(self, seeds: Sequence[int]) -> list[Trial]:
        """Return the trials of seeds."""


def write_image_study(study: ImageStudy, tables: ImageTables, out: Path) -> StudyFiles:
    """Write tables and figures of what is there, and return where they are.

    Raises:
        InvalidInputError: No trial has ended.
        OutputError: A file cannot be written.
    """
    if tables.arms.empty:
        raise InvalidInputError(f"no trial of {out} has ended yet; run the study without --tables-only.")
    about = (*study.facts, _machine(tables))
    encoder = study.measured.meter.encoder.name
    write_text(out / TABLES, image_markdown(study.design, tables, about=about, encoder=encoder, units=study.units))
    write_text(out / SCORES, tables.scores.to_csv(index=False))
    write_text(out / DIFFERENCES, tables.differences.to_csv(index=False))
    summary = {
        "study": study.design.name,
        "code_version": __version__,
        "settings": study.identity,
        "facts": list(about),
        "tiles": tables.tiles,
        "arms": records(tables.arms),
        "references": records(tables.references),
        "scores": records(tables.scores),
        "differences": records(tables.differences),
    }
    write_text(out / SUMMARY, json.dumps(summary, indent=1) + "\n")
    others = tuple(out / name for name in (SCORES, DIFFERENCES, SUMMARY))
    return StudyFiles(out / TABLES, others, draw_image_study(study, tables, out))


def draw_image_study(study: ImageStudy, tables: ImageTables, out: Path) -> tuple[Path, ...]:
    """Write the figures of a study as PNG files and return where they are; none where no arm has scores.

    ``scores.png``: measures along the scale of guidance, against time, or by arm. ``differences.png``: those of the
    pairs. ``examples.png``: what every arm painted of some scenes, and the real patches.

    Raises:
        OutputError: A file cannot be written.
    """
    if tables.scores.empty:
        return ()
    titles, design = titles_of(tables), study.design
    arms = [arm for arm in design.arms if tables.row(arm.name, KID) is not None]
    names = [arm.name for arm in arms]
    shown = [measure for measure in tables.measures() if measure not in (KID_POSITION, FID_POSITION, SECONDS)]
    if design.name == "magnification":
        shown = [measure for measure in tables.measures() if measure not in (KID, FID, IS, SECONDS)]
    values, ends = _arrays([[tables.row(name, measure) for measure in shown] for name in names])
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
        pairs = list(dict.fromkeys(zip(tables.differences["better"], tables.differences["other"], strict=True)))
        rows = tables.differences.set_index(["better", "other", "measure"]).to_dict("index")
        values, ends = _arrays([[rows[(*pair, measure)] for measure in shown] for pair in pairs])
        labels = [f"{titles[better]}\nminus {titles[other]}" for better, other in pairs]
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
            strips[titles_of(tables)[name]] = read_image(file)
    return strips


def _machine(tables: ImageTables) -> str:
    hardware = ", ".join(sorted(set(tables.arms["hardware"])))
    threads = ", ".join(sorted({str(count) for count in tables.arms["threads"]}))
    seeds = ", ".join(sorted({seed for one in tables.arms["seeds"] for seed in one.split(",")}, key=int))
    return f"Seeds {seeds}. Seconds: {hardware}, {threads} threads."


def _arrays(rows: Sequence[Sequence[Any]]) -> tuple[Floats, Floats]:
    """Return the means (rows, columns) and ends of intervals (rows, columns, 2) of rows of scores or differences."""
    values = np.array([[row["mean"] for row in line] for line in rows], np.float64)
    return values, np.array([[(row["low"], row["high"]) for row in line] for line in rows], np.float64)
