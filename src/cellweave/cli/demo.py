"""``cellweave demo``: the whole path in one go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cellweave.cli.progress import terminal_progress


def demo(
    data: Annotated[Path | None, typer.Option(help="Data set; phantom tissue is made without.")] = None,
    out: Annotated[Path, typer.Option(help="Folder to work in.")] = Path("out/demo"),
    minutes: Annotated[float, typer.Option(help="Time for the training.")] = 3.0,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Train anew over other settings.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Train a localiser on phantom tissue or your data, find cells, score them, write a report."""
    from cellweave.workflows.demo import run_demo

    with terminal_progress() as progress:
        summary = run_demo(
            out, data=data, minutes=minutes, seed=seed, device=device, overwrite=overwrite, progress=progress
        )
    if as_json:
        typer.echo(json.dumps({"report": str(summary.report), "scores": summary.scores.to_json()}))
        return
    for row in summary.scores.rows:
        f1 = "–" if row.f1 is None else f"{row.f1:.3f}"
        typer.echo(f"{row.label}: F1 {f1}, {row.tp} found, {row.fp} false alarms, {row.fn} missed")
    typer.echo(f"model: {summary.model}\nreport: {summary.report}")
