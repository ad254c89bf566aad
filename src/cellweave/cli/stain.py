"""``cellweave stain``: give images the colours of one target."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cellweave.cli.progress import terminal_progress

app = typer.Typer(
    name="stain",
    help="Give images the colours of one target, so that laboratories and scanners look alike.",
    no_args_is_help=True,
)

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is in --out.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")]
_METHODS = "vahadane, macenko or reinhard"


@app.command()
def fit(
    image: Annotated[Path, typer.Argument(help="Target image: typical tissue with nuclei and stroma.")],
    out: Annotated[Path, typer.Option(help="JSON file to write.")],
    method: Annotated[str, typer.Option(help=f"{_METHODS}.")] = "vahadane",
    seed: Annotated[int, typer.Option(min=0, help="Of the sample of its tissue.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Learn the colours of a target image and store them."""
    from cellweave.workflows.stain_target import fit_target

    fit_target(image, out, method=method, seed=seed, overwrite=overwrite)
    typer.echo(f"target: {out}")


@app.command()
def normalise(
    source: Annotated[Path, typer.Argument(help="Image, whole slide, folder of either, or data set.")],
    target: Annotated[Path, typer.Option(help="Target image, or JSON of `cellweave stain fit`.")],
    out: Annotated[Path, typer.Option(help="PNG for an image, TIFF for a slide; else folder or data set to make.")],
    method: Annotated[
        str | None, typer.Option(help=f"{_METHODS}; vahadane where neither this nor the JSON says.")
    ] = None,
    together: Annotated[
        bool,
        typer.Option("--together", help="The images are tiles of one slide: learn their colours from all at once."),
    ] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the samples of tissue; the target's without.")] = None,
    level: Annotated[int | None, typer.Option(min=0, help="Of slides: the finest level to write; 0 without.")] = None,
    compression: Annotated[
        str | None, typer.Option(help="Of slides: jpeg, or deflate, which loses nothing; jpeg without.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="PNG to write, with images before and after.")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Give an image, a slide, a folder of either or a data set the colours of a target."""
    from cellweave.data import counted
    from cellweave.workflows.normalise import normalise as run

    with terminal_progress() as progress:
        summary = run(
            source,
            out,
            target,
            method=method,
            together=together,
            seed=seed,
            level=level,
            compression=compression,
            picture=picture,
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps(asdict(summary) | {"out": str(summary.out)}))
        return
    noun = "slide" if summary.slides else "image"
    for names, found in (
        (summary.without_tissue, "without tissue, left as it was"),
        (summary.one_stain, "with one stain only"),
        (summary.without_mpp, "whose µm per pixel are unknown, in the result too"),
    ):
        if names:
            typer.echo(f"note  {counted(len(names), noun)} {found}: {', '.join(names[:5])}{', …' * (len(names) > 5)}")
    typer.echo(f"{counted(summary.images, noun)} normalised ({summary.method})\nresults: {summary.out}")
