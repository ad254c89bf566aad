"""Section of a demonstration's report: a localiser without and one with synthetic images, side by side."""

from __future__ import annotations

import numpy as np

from cellweave.data import counted
from cellweave.metrics import ALL, CellScores, ScoreRow
from cellweave.metrics.cell_scores import Interval
from cellweave.report import (
    Heading,
    ImageGrid,
    Paragraph,
    Picture,
    Report,
    Table,
    count_scatter,
    learning_curves,
    score_bars,
    threshold_curves,
)
from cellweave.report.blocks import Block, Cell
from cellweave.training import read_log
from cellweave.workflows.demo_results import DemoResults, LocatorArm

SHOWN = 3
"""Images shown of each localiser."""

MEAN = "mean of classes"
ARM_COLOURS = ("#6f7b88", "#0072b2")
"""Of the localiser without and of that with synthetic images."""


def add_locators(report: Report, results: DemoResults) -> None:
    """Add what synthetic images changed, both localisers' scores, what they found, and their trainings."""
    first, second = results.arms
    report.add_section(
        "Localisers",
        Paragraph(
            f"Two localisers took the same {first.steps:,} steps from the same seed: one on real images only, one with "
            f"{results.plan.synthetic_share:.0%} of its crops from the {len(results.synthetic.images):,} synthetic "
            f"images. Both are scored on the {counted(first.scores.images, f'{results.split} image')}, of "
            f"{counted(first.scores.groups, 'group')}, which nothing was trained on; a cell within {results.within} of "
            "an annotated one is found."
        ),
        *(Paragraph(sentence) for sentence in verdict(results)),
        _f1(results),
        _bars(results),
        _rates(results),
        Heading("Cells found"),
        *_found(results),
        Heading("Training and calibration"),
        *_training(first),
        *_training(second),
    )


def verdict(results: DemoResults) -> tuple[str, str]:
    """Return what synthetic images changed, in a sentence on all cells and one on the classes."""
    comparison = results.comparison
    return (
        "With synthetic images, " + comparison.all_cells.in_words("F1 of all cells"),
        "With synthetic images, " + comparison.mean_class.in_words("the mean F1 of the classes"),
    )


def f1_by_label(scores: CellScores) -> dict[str, tuple[float | None, Interval]]:
    """Return F1 and its interval of all cells, of every class and of their mean, of scores at one radius."""
    rows = {row.label: (row.f1, _ends(row, "f1")) for row in scores.rows}
    [(key, mean)] = scores.mean_class_f1.items()
    return rows | {MEAN: (mean, None if scores.intervals is None else scores.intervals.mean_class_f1[key])}


def _ends(row: ScoreRow, rate: str) -> Interval:
    return None if row.intervals is None else row.intervals[rate]


def _f1(results: DemoResults) -> Table:
    sides = [f1_by_label(arm.scores) for arm in results.arms]
    rows: list[list[Cell]] = []
    for label in sides[0]:
        row: list[Cell] = [label]
        for side in sides:
            f1, ends = side[label]
            row += [f1, None if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"]
        rows.append(row)
    scores = results.arms[0].scores
    groups = counted(scores.groups, "group")
    drawn = f"no intervals, as the images are of {groups}"
    if scores.intervals is not None:
        drawn = f"intervals by bootstrap over {groups}"
    header = ["F1 of", *(word for arm in results.arms for word in (arm.short, "95 % interval"))]
    return Table(header, rows, f"F1 within {results.within}, protocol {scores.protocol}; {drawn}.")


def _rates(results: DemoResults) -> Table:
    rows: list[list[Cell]] = []
    for label in [row.label for row in results.arms[0].scores.rows]:
        for arm in results.arms:
            row = arm.scores.row(label, results.radius)
            rows.append([label, arm.short, row.precision, row.recall, row.tp, row.fp, row.fn])
    header = ["cells", "trained on", "precision", "recall", "found", "false alarms", "missed"]
    return Table(header, rows, " ".join(note for arm in results.arms for note in arm.scores.notes))


def _bars(results: DemoResults) -> Picture:
    sides = [f1_by_label(arm.scores) for arm in results.arms]
    labels = list(sides[0])
    values = np.array([[side[label][0] for label in labels] for side in sides], dtype=float)  # None becomes NaN
    ends = [[side[label][1] or (np.nan, np.nan) for label in labels] for side in sides]
    names = [arm.name for arm in results.arms]
    figure = score_bars(
        names,
        values,
        intervals=ends,
        colours=dict(zip(names, ARM_COLOURS, strict=True)),
        measures=[label if label != ALL else "all cells" for label in labels],
    )
    return Picture(figure, f"F1 within {results.within}, with 95 % intervals.")


def _found(results: DemoResults) -> list[Block]:
    blocks: list[Block] = [
        ImageGrid(
            [one.compared(results.radius) for one in arm.images[:SHOWN]],
            [one.name for one in arm.images[:SHOWN]],
            caption=f"Trained on {arm.name}. Rings are annotated cells of the {results.split} split, dots predicted.",
        )
        for arm in results.arms
    ]
    for arm in results.arms:
        seen = arm.images
        counts = {ALL: ([len(one.truth) for one in seen], [len(one.predicted) for one in seen])} | {
            name: ([one.truth.counts()[name] for one in seen], [one.predicted.counts()[name] for one in seen])
            for name in results.real.class_names
        }
        figure = count_scatter(counts, colours=results.real.colours)
        blocks.append(Picture(figure, f"Numbers of cells, true and predicted, an image each; trained on {arm.name}."))
    return blocks


def _training(arm: LocatorArm) -> list[Block]:
    validated = arm.trained.metrics["cross_validation"]
    log = read_log(arm.trained.model / "training" / "final" / "log.csv")
    table = np.array(validated["f1_by_window_and_threshold"])
    curves = {f"{window} px": values for window, values in zip(validated["windows_px"], table, strict=True)}
    chosen = (f"{validated['window_px']} px", float(validated["threshold"]))
    return [
        Paragraph(
            f"Trained on {arm.name}: window and threshold are chosen by {validated['folds']}-fold cross-validation "
            f"over {validated['groups']} groups, with networks of {validated['steps_per_fold']:,} steps: out of fold "
            f"F1 {validated['f1']:.3f} within {validated['radius_px']:g} px."
            + (f" Note: {validated['note']}" if "note" in validated else "")
        ),
        Picture(
            learning_curves(log, columns=[name for name in ("map", "classes") if name in log.columns]),
            f"Losses of the final network; trained on {arm.name}.",
        ),
        Picture(
            threshold_curves(validated["thresholds"], curves, ylabel="F1", chosen=chosen, ordered=True),
            f"F1 out of fold for every window and threshold tried; trained on {arm.name}.",
        ),
    ]
