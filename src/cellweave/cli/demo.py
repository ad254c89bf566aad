"""``cellweave demo``: the whole path in one go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellweave.cli.progress import terminal_progress

if TYPE_CHECKING:
    from cellweave.workflows.demo import DemoSummary


def demo(
    data: Annotated[Path | None, typer.Option(help="Data set with classes; phantom tissue is made without.")] = None,
    out: Annotated[Path, typer.Option(help="Folder to work in.")] = Path("out/demo"),
    minutes: Annotated[float, typer.Option(help="Time for everything; more on a slow or busy machine.")] = 8.0,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew over another demonstration.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Walk the whole path: learn layouts and images, make synthetic tissue, train localisers, score, report."""
    from cellweave.workflows.demo import run_demo

    with terminal_progress() as progress:
        summary = run_demo(
            out, data=data, minutes=minutes, seed=seed, device=device, overwrite=overwrite, progress=progress
        )
    if as_json:
        typer.echo(json.dumps(summary.to_json()))
    else:
        print_summary(summary)


def print_summary(summary: DemoSummary) -> None:
    """Print the headline numbers, and where everything is."""
    made = summary.layout_scores
    if isinstance(made, str):
        typer.echo(f"synthetic layouts: not scored: {made}")
    else:
        row = made.row("pair_correlation")
        typer.echo(
            f"synthetic layouts: {_rounded(made.count_row().ratio)} times the cells of real ones; pair correlation at "
            f"{_rounded(row.position)} (0: like other patients, 1: like random)"
        )
    pairs = zip(summary.scores.rows, summary.scores_with_synthetic.rows, strict=True)
    for without, with_synthetic in pairs:
        both = f"{_rounded(without.f1)}, with synthetic images {_rounded(with_synthetic.f1)}"
        typer.echo(f"F1 of {without.label}: {both}")
    typer.echo(f"with synthetic images, {summary.comparison.all_cells.in_words('F1 of all cells')}")
    typer.echo(f"with synthetic images, {summary.comparison.mean_class.in_words('the mean F1 of the classes')}")
    typer.echo(f"time: {summary.seconds / 60:.1f} minutes")
    for path in summary.models.values():
        typer.echo(f"model: {path}")
    typer.echo(f"report: {summary.report}")


def _rounded(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
