"""``cellweave generate``: synthetic layouts, images and data sets."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellweave.cli.printing import print_notes
from cellweave.cli.progress import terminal_progress

if TYPE_CHECKING:
    from cellweave.workflows.generate import GenerateSummary

app = typer.Typer(
    name="generate",
    help="Generate synthetic data sets; the same command again goes on with one that was stopped.",
    no_args_is_help=True,
)

Model = Annotated[str, typer.Option(help="Model folder, shipped model, or owner/name on the hub.")]
Out = Annotated[Path, typer.Option(help="Data set to make.")]
Count = Annotated[int, typer.Option(help="How many.")]
Seed = Annotated[int, typer.Option(min=0, help="Sample i depends on the seed and i alone.")]
Category = Annotated[
    int | None,
    typer.Option(help="Counting category of all, of a model that is told categories; they take turns without."),
]
Counts = Annotated[
    str | None, typer.Option(help="Cells a class, as in tumor=20,stromal=15, of a model that is told counts.")
]
Size = Annotated[str | None, typer.Option(help="WIDTHxHEIGHT in pixels; the model's own crop without.")]
Correct = Annotated[
    str | None, typer.Option(help="trim: drop the lowest of too many cells; reject: draw again what misses.")
]
HoldCounts = Annotated[
    bool, typer.Option(help="Hold layouts to their counts while they are made, by a model that is told counts.")
]
Sampler = Annotated[str | None, typer.Option(help="ddpm, ddim, dpm-solver++ or unipc; the model's own without.")]
Steps = Annotated[int | None, typer.Option(help="Steps of the sampler; the model's own without.")]
Reuse = Annotated[
    bool,
    typer.Option(help="Let coarse levels of the network answer for several steps, where the model's own sampler does."),
]
BatchSize = Annotated[int, typer.Option(help="Samples at a time; changes the speed, not the result.")]
Revision = Annotated[str | None, typer.Option(help="Commit of a model on the hub.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Compile = Annotated[
    bool,
    typer.Option(
        "--compile/--no-compile",
        help="Compile the image model's network: a minute or so once, then faster; the same images but for rounding.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is in --out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")]


@app.command()
def layouts(
    out: Out = Path("layouts"),
    model: Model = "layouts-brca-m2c",
    count: Count = 50,
    seed: Seed = 0,
    category: Category = None,
    counts: Counts = None,
    size: Size = None,
    correct: Correct = None,
    hold_counts: HoldCounts = True,
    sampler: Sampler = None,
    steps: Steps = None,
    reuse: Reuse = True,
    batch_size: BatchSize = 16,
    revision: Revision = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Generate layouts of cells: a data set without images."""
    from cellweave.workflows.generate import generate_layouts

    asked, shape = _parsed_counts(counts), _parsed_size(size)
    with terminal_progress() as progress:
        summary = generate_layouts(
            model,
            out,
            count=count,
            seed=seed,
            category=category,
            counts=asked,
            size=shape,
            correct=correct,
            hold_counts=hold_counts,
            sampler=sampler,
            steps=steps,
            reuse=reuse,
            batch_size=batch_size,
            revision=revision,
            device=device,
            overwrite=overwrite,
            progress=progress,
        )
    _print(summary, as_json=as_json)


@app.command()
def images(
    out: Out,
    model: Model = "images-brca-m2c",
    layouts: Annotated[Path | None, typer.Option(help="Data set whose cells are painted.")] = None,
    masks: Annotated[Path | None, typer.Option(help="Data set whose masks are painted, by a model of masks.")] = None,
    split: Annotated[str | None, typer.Option(help="Only the images of this split.")] = None,
    seed: Seed = 0,
    sampler: Sampler = None,
    steps: Steps = None,
    guidance: Annotated[
        float | None, typer.Option(help="Scale of classifier-free guidance, 0 for none; the model's own without.")
    ] = None,
    batch_size: BatchSize = 4,
    revision: Revision = None,
    device: Device = "auto",
    compile_network: Compile = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Generate an image of every layout, or of every mask, of a data set."""
    from cellweave.core import InvalidInputError
    from cellweave.workflows.generate import generate_images

    source = layouts or masks
    if source is None or (layouts and masks):
        raise InvalidInputError("images are painted of --layouts or of --masks; give one of them.")
    with terminal_progress() as progress:
        summary = generate_images(
            model,
            source,
            out,
            masks=masks is not None,
            split=split,
            seed=seed,
            sampler=sampler,
            steps=steps,
            guidance=guidance,
            batch_size=batch_size,
            revision=revision,
            device=device,
            compile_network=compile_network,
            overwrite=overwrite,
            progress=progress,
        )
    _print(summary, as_json=as_json)


@app.command()
def dataset(
    out: Out,
    layouts: Annotated[str, typer.Option(help="Layout model.")] = "layouts-brca-m2c",
    images: Annotated[str, typer.Option(help="Image model.")] = "images-brca-m2c",
    count: Count = 50,
    seed: Seed = 0,
    category: Category = None,
    counts: Counts = None,
    size: Size = None,
    correct: Correct = None,
    hold_counts: HoldCounts = True,
    batch_size: BatchSize = 4,
    device: Device = "auto",
    compile_network: Compile = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Generate layouts and their images in one go."""
    from cellweave.workflows.generate import generate_dataset

    asked, shape = _parsed_counts(counts), _parsed_size(size)
    with terminal_progress() as progress:
        summary = generate_dataset(
            layouts,
            images,
            out,
            count=count,
            seed=seed,
            category=category,
            counts=asked,
            size=shape,
            correct=correct,
            hold_counts=hold_counts,
            batch_size=batch_size,
            device=device,
            compile_network=compile_network,
            overwrite=overwrite,
            progress=progress,
        )
    _print(summary, as_json=as_json)


def _print(summary: GenerateSummary, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(summary) | {"out": str(summary.out)}))
        return
    typer.echo(f"{summary.images} samples, {summary.mean_cells:.1f} cells on average")
    if summary.counts is not None:
        from cellweave.layouts import count_line

        typer.echo(count_line(summary.counts))
        print_notes(tuple(summary.counts["notes"]))
    typer.echo(f"data set: {summary.out}")


def _parsed_counts(text: str | None) -> dict[str, int] | None:
    from cellweave.layouts import parse_counts

    return None if text is None else parse_counts(text)


def _parsed_size(text: str | None) -> tuple[int, int] | None:
    """Return height and width of a text such as 1024x768, which says the width first."""
    from cellweave.core import InvalidInputError

    if text is None:
        return None
    sides = text.lower().replace("×", "x").split("x")
    if len(sides) != 2 or not all(side.isascii() and side.isdigit() and len(side) < 10 for side in sides):
        raise InvalidInputError(f"a size is WIDTHxHEIGHT in pixels, as in 1024x768; got {text!r}.")
    return int(sides[1]), int(sides[0])
