"""What ``cellweave data`` prints: what was made, what is wrong with it, and how many cells there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellweave.data import CellStatistics, CheckReport
    from cellweave.workflows.export import ExportSummary
    from cellweave.workflows.patches import PatchSummary
    from cellweave.workflows.prepare import ImportSummary

TABLE_WIDTH = 110
"""A narrower terminal, or a file, gets whole lines all the same: a number cut short is worse than a wrapped line."""


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_summary(summary: ImportSummary) -> None:
    """Print what a data set that was made holds."""
    from cellweave.data import counted

    images = ", ".join(f"{count} {split}" for split, count in summary.images.items())
    cells = ", ".join(f"{count:,} {label}" for label, count in summary.cells.items())
    total = sum(summary.cells.values()) + summary.unlabelled
    typer.echo(f"images  {sum(summary.images.values()):,} ({images}) of {counted(summary.groups, 'group')}")
    unlabelled = f", {summary.unlabelled:,} without a class" if summary.unlabelled else ""
    typer.echo(f"cells   {total:,} ({cells}{unlabelled})" if cells else f"cells   {total:,} without classes")
    if summary.clipped:
        clipped = counted(summary.clipped, "cell")
        typer.echo(f"note    Moved into the image, because they lay a little outside it: {clipped}.")
    for note in summary.notes:
        typer.echo(f"note    {note}")
    typer.echo(f"written to {summary.path}")


def print_export(summary: ExportSummary) -> None:
    """Print what was written for other programs."""
    from cellweave.data import counted

    total = sum(summary.cells.values()) + summary.unlabelled
    typer.echo(f"{counted(total, 'cell')} of {counted(summary.images, 'image')}")
    for note in summary.notes:
        typer.echo(f"note    {note}")
    typer.echo(f"written to {summary.path}")


def print_patches(summary: PatchSummary) -> None:
    """Print how many patches were cut, and why others were left out."""
    from cellweave.data import counted

    kept = ", ".join(f"{count:,} {split}" for split, count in summary.patches.items())
    typer.echo(f"patches  {sum(summary.patches.values()):,} ({kept})")
    places = sum(summary.patches.values()) + summary.unknown + summary.shared
    for count, reason in ((summary.unknown, "too many unknown pixels"), (summary.shared, "reach into a held-out area")):
        typer.echo(f"left out {count:,} of {places:,} places ({count / places:.1%}): {reason}")
    for count, reason in (
        (summary.without_mask, "without a mask"),
        (summary.too_small, "smaller than a patch"),
        (summary.untested, "whose held-out area holds no patch"),
    ):
        if count:
            typer.echo(f"note     {counted(count, 'image')} {reason}")
    typer.echo(f"written to {summary.path}")


def print_report(report: CheckReport) -> None:
    """Print what is wrong with a data set, and its size."""
    from cellweave.data import counted

    for finding in report.findings:
        typer.echo(f"{finding.severity:<7}  {finding.file}: {finding.text}")
    errors = len(report.errors)
    warnings = len(report.findings) - errors
    nouns = {"image": report.images, "cell": report.cells, "error": errors, "warning": warnings}
    typer.echo(f"{report.path}: {', '.join(counted(count, noun) for noun, count in nouns.items())}")


def print_statistics(rows: Sequence[CellStatistics]) -> None:
    """Print the table of a data set's cells, split by split and class by class."""
    from rich.console import Console
    from rich.table import Table

    table = Table("split", "class", box=None, pad_edge=False)
    for title in ("images", "groups", "cells", "per image", "min", "max", "per mm²", "nearest px", "nearest µm"):
        table.add_column(title, justify="right")
    for row in rows:
        counts = (row.images, row.groups, row.cells)
        table.add_row(
            row.split,
            row.label,
            *(f"{count:,}" for count in counts),
            f"{row.cells_per_image_mean:.1f}",
            str(row.cells_per_image_min),
            str(row.cells_per_image_max),
            *(
                "–" if value is None else f"{value:,.1f}"
                for value in (row.density_per_mm2, row.nearest_px, row.nearest_um)
            ),
        )
    Console(width=max(Console().width, TABLE_WIDTH)).print(table)
