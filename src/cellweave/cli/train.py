"""``cellweave train``: models from data sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from cellweave.cli.progress import terminal_progress

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
    typer.echo(
        f"out of fold: F1 {validated['f1']:.3f} (precision {validated['precision']:.3f}, recall "
        f"{validated['recall']:.3f}) at {validated['radius_px']:g} px with window {validated['window_px']} px and "
        f"threshold {validated['threshold']:g}"
    )
    if "note" in validated:
        typer.echo(f"note: {validated['note']}")
    typer.echo(f"model: {summary.model}")


def _diffusion_command(train: str) -> Callable[..., None]:
    """Return the command of a function of the workflow; layouts and images are trained with the same options."""

    def command(
        data: Data,
        out: Out,
        steps: Annotated[int | None, typer.Option(help="Exact number of steps.")] = None,
        minutes: Minutes = None,
        recipe: RecipeName = "default",
        changes: Changes = None,
        seed: Seed = 0,
        device: Device = "auto",
        overwrite: Overwrite = False,
        as_json: AsJson = False,
    ) -> None:
        from cellweave.workflows import train as workflows

        with terminal_progress() as progress:
            summary = getattr(workflows, train)(
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
        typer.echo(f"{summary.metrics['training']['steps']} steps\nmodel: {summary.model}")

    return command


_DIFFUSION = {
    "layouts": "Train a diffusion model of cell layouts and their spatial densities.",
    "images": "Train a diffusion model of images of tissue, conditioned on layouts, or on masks by a recipe of masks.",
}
for name, what in _DIFFUSION.items():
    app.command(name, help=what)(_diffusion_command(f"train_{name}"))
