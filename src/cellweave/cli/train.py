"""``cellweave train``: models from data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellweave.cli.progress import terminal_progress

if TYPE_CHECKING:
    from cellweave.workflows.train import TrainingSummary

app = typer.Typer(
    name="train", help="Train models; the same command again resumes a run that was stopped.", no_args_is_help=True
)


Data = Annotated[Path, typer.Option(help="Data set; its training split is learnt from.")]
Out = Annotated[Path, typer.Option(help="Folder of the run, which becomes the model folder.")]
Minutes = Annotated[float | None, typer.Option(help="Time for everything; the steps are planned from the first ones.")]
RecipeName = Annotated[str, typer.Option(help="Shipped recipe, or a YAML file.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="Change of the recipe, a.b=value; repeatable.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Throw away another run's state in --out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")]


@app.command()
def locator(
    data: Annotated[
        list[Path],
        typer.Option(help="Data set whose training split is learnt from and calibrated on; repeatable, same classes."),
    ],
    out: Out,
    synthetic: Annotated[
        list[Path] | None,
        typer.Option(help="Generated data set to train on as well, never to calibrate on; repeatable."),
    ] = None,
    synthetic_share: Annotated[
        float | None,
        typer.Option(help="Share of the training crops that are synthetic, between 0 and 1; 0.5 where not given."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Exact number of steps of the final network.")] = None,
    minutes: Minutes = None,
    recipe: RecipeName = "default",
    changes: Changes = None,
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Train a cell localiser and calibrate it by patient-grouped cross-validation."""
    from cellweave.workflows.train import train_locator

    with terminal_progress() as progress:
        summary = train_locator(
            data,
            out,
            synthetic=synthetic or (),
            synthetic_share=synthetic_share,
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
    reading = f"window {validated['window_px']} px and threshold {validated['threshold']:g}"
    if "decoder" in validated:
        reading = f"{validated['decoder']}, whose settings are those of its source"
    typer.echo(
        f"out of fold: F1 {validated['f1']:.3f} (precision {validated['precision']:.3f}, recall "
        f"{validated['recall']:.3f}) at {validated['radius_px']:g} px with {reading}"
    )
    if "note" in validated:
        typer.echo(f"note: {validated['note']}")
    typer.echo(f"model: {summary.model}")


Steps = Annotated[int | None, typer.Option(help="Exact number of steps.")]
StartFrom = Annotated[
    str | None,
    typer.Option(
        help="Model of the same kind, a folder or a shipped name, to start from: its weights, and what was fitted to "
        "its data; the optimiser is new. Classes and network must be the same."
    ),
]


@app.command()
def layouts(
    data: Data,
    out: Out,
    steps: Steps = None,
    minutes: Minutes = None,
    recipe: RecipeName = "default",
    changes: Changes = None,
    start_from: StartFrom = None,
    density_cache: Annotated[
        Path | None,
        typer.Option(
            help="Folder that keeps the densities of images for other runs; the model is the same, and with the "
            "densities gmcm and kde its trainings start sooner."
        ),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Train a diffusion model of cell layouts, with their spatial densities where the recipe has them."""
    from cellweave.workflows.train import train_layouts

    with terminal_progress() as progress:
        summary = train_layouts(
            data,
            out,
            steps=steps,
            minutes=minutes,
            recipe=recipe,
            changes=changes or (),
            start_from=start_from,
            density_cache=density_cache,
            seed=seed,
            device=device,
            overwrite=overwrite,
            progress=progress,
        )
    _print_diffusion(summary, as_json=as_json)


@app.command()
def images(
    data: Data,
    out: Out,
    steps: Steps = None,
    minutes: Minutes = None,
    recipe: RecipeName = "default",
    changes: Changes = None,
    start_from: StartFrom = None,
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Train a diffusion model of images of tissue, conditioned on layouts, or on masks by a recipe of masks."""
    from cellweave.workflows.train import train_images

    with terminal_progress() as progress:
        summary = train_images(
            data,
            out,
            steps=steps,
            minutes=minutes,
            recipe=recipe,
            changes=changes or (),
            start_from=start_from,
            seed=seed,
            device=device,
            overwrite=overwrite,
            progress=progress,
        )
    _print_diffusion(summary, as_json=as_json)


def _print_diffusion(summary: TrainingSummary, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"model": str(summary.model), **summary.metrics}))
        return
    typer.echo(f"{summary.metrics['training']['steps']} steps\nmodel: {summary.model}")
