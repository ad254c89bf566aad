"""Section of a demonstration's report: synthetic images beside real ones, and what a localiser finds in them."""

from __future__ import annotations

from cellweave.report import Heading, Paragraph, Picture, Report, Table, learning_curves, stack_rows
from cellweave.report.blocks import Block, Cell
from cellweave.training import read_log
from cellweave.workflows.demo_overview import TILE_PX, real_and_synthetic
from cellweave.workflows.demo_results import DemoResults


def add_images(report: Report, results: DemoResults) -> None:
    """Add real and synthetic images, bare and with their cells, what a localiser finds in them, and the losses."""
    training = results.images.metrics["training"]
    log = read_log(results.images.model / "training" / "final" / "log.csv")
    height, width = results.synthetic.read_cells(results.synthetic.names()[0]).shape
    report.add_section(
        "Images",
        Paragraph(
            f"A diffusion model of {training['parameters'] / 1e6:.1f} million weights learnt in {training['steps']:,} "
            f"steps to paint tissue around given cells; it painted {len(results.synthetic.images):,} synthetic layouts."
        ),
        Picture(
            stack_rows(real_and_synthetic(results, "tissue", "tissue with its cells"), tile_px=TILE_PX),
            f"Above the middle {width}×{height} px of training images, below the first images that were painted, none "
            "left out, with the cells they were painted around; numbers are of the cells shown.",
        ),
        *_scored(results),
        Heading("Training"),
        Picture(learning_curves(log, columns=["loss", "learning_rate"]), "Loss and learning rate of the image model."),
    )


def _scored(results: DemoResults) -> list[Block]:
    scores = results.image_scores
    fidelity = scores.fidelity
    found: list[list[Cell]] = [
        [label, f1, fidelity.chance_f1[label], scores.real_f1.get(label), scores.ratio.get(label)]
        for label, f1 in fidelity.f1.items()
    ]
    blocks: list[Block] = [
        Heading("Do the images show the cells they were painted around?"),
        Paragraph(
            "The localiser trained on real images only looks for cells in the synthetic ones. F1 against the layouts "
            f"that they were painted from, within {results.within}, stands beside F1 against layouts of other images "
            f"(chance) and F1 of the same localiser on real {results.split} images."
        ),
        Table(["of", "synthetic", "chance", "real", "synthetic / real"], found, f"F1 within {results.within}."),
    ]
    if scores.real_colours is not None:
        sides = (scores.real_colours, scores.colours)
        colours: list[list[Cell]] = [
            [name, *(float(value) for side in sides for value in (side.style.mean[i], side.style.spread[i]))]
            for i, name in enumerate(("L*", "a*", "b*"))
        ]
        blocks.append(
            Table(
                ["", "real", "spread", "synthetic", "spread"],
                colours,
                "Colours: mean over the images, and spread within an image. The image model paints in one common "
                "style, that of the average training image.",
            )
        )
    return [*blocks, *(Paragraph(note) for note in scores.notes)]
