"""``cellweave train``: models from data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cellweave.cli.progress import terminal_progress

app = typer.Typer(
    name="train", help="Train models; the same command again resumes a run that was stopped.", no_args_is_help=True
)


@app.command()
def locator(
    data: Annotated[Path, typer.Option(help="Data set; its training split is learnt from.")],
    out: Annotated[Path, typer.Option(help="Folder of the run, which becomes the model folder.")],
    steps: Annotated[int | None, typer.Option(help="Exact number of steps of the final network.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Time for everything, cross-validation included.")] = None,
    recipe: Annotated[str, typer.Option(help="Shipped recipe, or a YAML file.")] = "default",
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="Change of the recipe, a.b=value; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    device: Annotated[str, typer.Option(help="auto or cpu.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Throw away another run's state in --out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
) -> None:
    """Train a cell localiser and calibrate it by patient-grouped cross-validation."""
    from cellweave.workflows.train import train_locator

    with terminal_progress() as progress:
        summary = train_locator(
            data,
            out,
            steps=steps,
            minutes=minutes,
            recipe=recipe,
            changes=changes or (),
            seed=seed,
            device=device,
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps({"model": str(summary.model), **summary.metrics}))
        return
    validated = summary.metrics["cross_validation"]
    typer.echo(
        f"out of fold: F1 {validated['f1']:.3f} (precision {validated['precision']:.3f}, recall "
        f"{validated['recall']:.3f}) at {validated['radius_px']:g} px with window {validated['window_px']} px and "
        f"threshold {validated['threshold']:g}\nmodel: {summary.model}"
    )
