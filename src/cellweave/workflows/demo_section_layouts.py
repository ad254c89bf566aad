"""Section of a demonstration's report: synthetic layouts beside real ones, and how far apart they are."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from cellweave.metrics import ALL, LayoutScores
from cellweave.metrics.layout_arms import crop_to_centre, smallest_frame, throw_at_random
from cellweave.metrics.layout_statistics import EDGES_UM, Measure, layout_statistics
from cellweave.patterns import pool_pairs
from cellweave.report import (
    Heading,
    Paragraph,
    Picture,
    Report,
    Table,
    arrangement_curves,
    learning_curves,
    levels_chart,
    stack_rows,
)
from cellweave.report.blocks import Block, Cell
from cellweave.training import read_log
from cellweave.workflows.demo_overview import TILE_PX, real_and_synthetic
from cellweave.workflows.demo_results import DemoResults

DRAWN: tuple[Measure, ...] = ("nearest_neighbour", "pair_correlation")
"""Measures that have a chart of their own."""


def add_layouts(report: Report, results: DemoResults) -> None:
    """Add real and synthetic layouts, counts, distances with floor and ceiling, curves, and the losses."""
    training, counts = results.layouts.metrics["training"], results.layouts.metrics["counts"]
    decoder = results.layouts.metrics["decoder"]
    read = "" if decoder["f1"] is None else f" Restored training crops are read back with F1 {decoder['f1']:.3f}."
    log = read_log(results.layouts.model / "training" / "final" / "log.csv")
    report.add_section(
        "Layouts",
        Paragraph(
            f"A diffusion model of {training['parameters'] / 1e6:.1f} million weights learnt layouts in "
            f"{training['steps']:,} steps; its training windows hold {counts['training_crop_mean']:.1f} cells on "
            f"average.{read}"
        ),
        _side_by_side(results),
        *_scored(results),
        Heading("Training"),
        Picture(learning_curves(log, columns=["loss", "learning_rate"]), "Loss and learning rate of the layout model."),
    )


def _side_by_side(results: DemoResults) -> Picture:
    height, width = results.synthetic.read_cells(results.synthetic.names()[0]).shape
    return Picture(
        stack_rows(real_and_synthetic(results, "layouts"), tile_px=TILE_PX),
        f"Above the middle {width}×{height} px of training images, below the first synthetic layouts that were drawn, "
        "none left out; numbers are of the cells shown.",
    )


def _scored(results: DemoResults) -> list[Block]:
    scores = results.layout_scores
    if isinstance(scores, str):
        return [Paragraph(f"The layouts are not scored: {scores}")]
    arm = scores.arms[0]
    counts: list[list[Cell]] = [
        [row.label, row.real_mean, row.real_sd, row.synthetic_mean, row.synthetic_sd, row.ratio]
        for row in scores.counts
        if row.arm == arm
    ]
    distances: list[list[Cell]] = [
        [
            row.measure.replace("_", " "),
            row.label,
            row.distance.mean,
            row.floor.mean,
            row.ceiling.mean,
            row.position,
        ]
        for row in scores.rows
        if row.arm == arm
    ]
    return [
        Heading("Numbers of cells"),
        Table(["label", "real", "± sd", "synthetic", "± sd", "ratio"], counts, "Cells of a layout, mean over layouts."),
        Heading("How cells lie"),
        Paragraph(
            "Floor: real layouts against those of other patients. Ceiling: real layouts against random ones of the "
            "same counts. Position: 0 where synthetic layouts are as near to real ones as other patients' are, 1 where "
            "they are as far as random ones; a dash where floor and ceiling do not differ enough to tell."
        ),
        *(_levels(scores, measure) for measure in DRAWN),
        Picture(
            _curves(results),
            "All cells of the real (training), synthetic and random layouts, all in the same frame; random ones have "
            "the real ones' counts.",
        ),
        Table(
            ["measure", "of", "distance", "floor", "ceiling", "position"],
            distances,
            f"{scores.synthetic} synthetic against {scores.real} real layouts of {scores.groups} groups, "
            f"{scores.layouts_per_side} against {scores.layouts_per_side} in {scores.splits} random splits, in a frame "
            f"of {scores.frame_px[1]}×{scores.frame_px[0]} px; nearest neighbours in µm. All went through the raster "
            "of layout models.",
        ),
        *(Paragraph(note) for note in scores.notes),
    ]


def _levels(scores: LayoutScores, measure: str) -> Picture:
    shown = [
        (row.label, row.distance.mean, row.floor.mean, row.ceiling.mean, row.position)
        for row in scores.rows
        if (row.arm, row.measure) == (scores.arms[0], measure)
        and np.isfinite([row.distance.mean, row.floor.mean, row.ceiling.mean]).all()
    ]
    names = ("synthetic against real", "floor", "ceiling")
    unit = "Wasserstein distance, µm" if measure == "nearest_neighbour" else "mean difference of the pair correlation"
    return Picture(
        levels_chart(shown, names=names, xlabel=unit),
        f"{measure.replace('_', ' ').capitalize()}: distance between floor and ceiling, the position beside it.",
    )


def _curves(results: DemoResults) -> Figure:
    real = [results.real.read_cells(name) for name in results.real.names("training")]
    made = [results.synthetic.read_cells(name) for name in results.synthetic.names()]
    frame = smallest_frame([*real, *made])
    real, made = ([crop_to_centre(cells, frame) for cells in side] for side in (real, made))
    thrown = [throw_at_random(cells, seed=results.seed, index=i) for i, cells in enumerate(real)]
    measured = {
        name: [layout_statistics(cells, ()) for cells in side]
        for name, side in (("real", real), ("synthetic", made), ("random", thrown))
    }
    return arrangement_curves(
        {name: np.concatenate([one.nearest_um[ALL] for one in side]) for name, side in measured.items()},
        (EDGES_UM[1:] + EDGES_UM[:-1]) / 2,
        {name: pool_pairs(one.pairs[ALL] for one in side).pair_correlation() for name, side in measured.items()},
    )
