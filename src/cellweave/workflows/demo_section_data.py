"""Section of a demonstration's report: the annotated images that everything is learnt from."""

from __future__ import annotations

from cellweave.data import CellDataset
from cellweave.report import ImageGrid, Paragraph, Report, Table, draw_cells
from cellweave.report.blocks import Cell
from cellweave.workflows.demo_results import DemoResults

SHOWN = 3
"""Images shown."""


def add_data(report: Report, results: DemoResults) -> None:
    """Add source, splits, counts and a look at the training images."""
    real = results.real
    names = real.names("training")[:SHOWN]
    pictures = [draw_cells(real.read_image(name), real.read_cells(name), real.colours, legend=True) for name in names]
    kind = (
        "Phantom tissue: drawn by a program, so that every cell is known. Scores on it say that the path works, "
        "nothing about tissue. "
        if results.phantom
        else ""
    )
    report.add_section(
        "Data",
        Paragraph(f"{kind}{real.source}. Licence: {real.licence}."),
        _splits(real),
        ImageGrid(pictures, names, caption="Training images with their annotated cells."),
    )


def _splits(real: CellDataset) -> Table:
    rows: list[list[Cell]] = []
    for split, images in real.images.groupby("split", sort=False):
        labels = real.cells.loc[real.cells["image"].isin(images["image"]), "label"]
        counts = [int((labels == name).sum()) for name in real.class_names]
        rows.append([str(split), len(images), images["group"].nunique(), len(labels), *counts])
    header = ["split", "images", "groups", "cells", *real.class_names]
    caption = "Images and annotated cells; groups are patients or slides, and no group is in two splits."
    shared = int((real.images.groupby("group")["split"].nunique() > 1).sum())
    if shared:
        caption = f"Images and annotated cells; groups are patients or slides, {shared} of them in several splits."
    return Table(header, rows, caption)
