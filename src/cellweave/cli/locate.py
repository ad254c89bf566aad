"""``cellweave locate``: from images to cells."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cellweave.cli.index_table import print_index
from cellweave.cli.progress import terminal_progress


def locate(
    source: Annotated[Path | None, typer.Argument(help="Image file, or folder of image files.")] = None,
    model: Annotated[
        str, typer.Option(help="Model folder, shipped model, or owner/name on the hub.")
    ] = "locator-brca-m2c",
    out: Annotated[Path, typer.Option(help="Folder to make.")] = Path("cells"),
    data: Annotated[Path | None, typer.Option(help="Data set, in place of an image or folder.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of the data set; all of it without.")] = None,
    mpp: Annotated[float | None, typer.Option(help="µm per pixel of the images; the model's where not given.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit of a model on the hub.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    turns: Annotated[
        int | None,
        typer.Option(
            help="Orientations of an image to average over, 1, 2, 4 or 8: slower, a little better; as many as the "
            "model was calibrated with where not given."
        ),
    ] = None,
    overlays: Annotated[bool, typer.Option("--overlays/--no-overlays", help="Draw the cells of many images.")] = True,
    index: Annotated[
        str | None,
        typer.Option(
            help="Two classes, POSITIVE:NEGATIVE: print and write the share of positive cells (as of Ki-67) of every "
            "image, patient or slide, and all."
        ),
    ] = None,
    regions: Annotated[
        Path | None,
        typer.Option(help="With --index: QuPath GeoJSON of named areas, or a folder with IMAGE.geojson of each image."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in --out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print counts and speed as JSON.")] = False,
) -> None:
    """Find and classify the cells of an image, a folder of images or a data set."""
    from cellweave.core import InvalidInputError
    from cellweave.data import counted
    from cellweave.workflows.locate import locate_image, locate_images

    if (source is None) == (data is None):
        raise InvalidInputError("give an image or a folder of images, or a data set with --data, one of the two.")
    with terminal_progress() as progress:
        if source is not None and not source.is_dir():
            if split is not None:
                raise InvalidInputError(f"--split {split} needs a data set; give it with --data.")
            summary = locate_image(
                source,
                model,
                out,
                mpp=mpp,
                revision=revision,
                device=device,
                precision=precision,
                turns=turns,
                index=index,
                regions=regions,
                overwrite=overwrite,
                progress=progress,
            )
        else:
            summary = locate_images(
                data or source,  # type: ignore[arg-type]
                model,
                out,
                split=split,
                mpp=mpp,
                revision=revision,
                device=device,
                precision=precision,
                turns=turns,
                index=index,
                regions=regions,
                overlays=overlays,
                overwrite=overwrite,
                progress=progress,
            )
    if as_json:
        shown = asdict(summary) | {"out": str(summary.out)}
        del shown["index"]
        if summary.index is not None:
            shown["index"] = summary.index.to_json()
        typer.echo(json.dumps(shown))
        return
    if summary.assumed_mpp is not None:
        typer.echo(f"scale not given: taken to be the model's, {summary.assumed_mpp:g} µm per pixel (--mpp changes it)")
    if summary.index is not None:
        print_index(summary.index)
    rate = summary.megapixels / summary.seconds if summary.seconds else float("nan")
    found = f"{counted(summary.cells, 'cell')} in {counted(len(summary.counts), 'image')}"
    typer.echo(f"{found}, {rate:.1f} megapixels a second\nresults: {summary.out}")
