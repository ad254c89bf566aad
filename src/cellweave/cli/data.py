"""``cellweave data``: annotated images in, checked, counted and looked at.

Exit codes: 0 when all is well, 1 when ``check`` finds errors, 2 (and one line) when the input cannot be used at all.
"""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cellweave.cli.data_tables import (
    print_export,
    print_json,
    print_patches,
    print_report,
    print_statistics,
    print_summary,
)
from cellweave.cli.progress import terminal_progress

app = typer.Typer(name="data", help="Import, check, count and look at annotated images.", no_args_is_help=True)


class Kind(StrEnum):
    """The kinds of sources that can be imported."""

    bcdata = "bcdata"
    brca_m2c = "brca-m2c"
    ccrcc = "ccrcc"
    coco = "coco"
    conic = "conic"
    consep = "consep"
    crchistophenotypes = "crchistophenotypes"
    deepliif = "deepliif"
    lizard = "lizard"
    masks = "masks"
    nucls = "nucls"
    pannuke = "pannuke"
    points_csv = "points-csv"
    psu = "psu"
    qupath_geojson = "qupath-geojson"


class Coordinates(StrEnum):
    """How a table of points counts pixels."""

    continuous = "continuous"
    zero_based = "zero-based"
    one_based = "one-based"


class Level(StrEnum):
    """Which classification of NuCLS."""

    super = "super"
    main = "main"


class Format(StrEnum):
    """What a data set can be exported to."""

    geojson = "geojson"
    coco = "coco"
    csv = "csv"
    anndata = "anndata"


class Split(StrEnum):
    """The splits of a data set."""

    training = "training"
    validation = "validation"
    test = "test"


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output where it is there already.")]
Dataset = Annotated[Path, typer.Argument(help="Data set, as made by `cellweave data import`.")]


@app.command("import")
def import_source(
    kind: Annotated[Kind, typer.Argument(help="What the source is.")],
    source: Annotated[Path, typer.Argument(help="Folder of the release, or table (points-csv), or JSON file (coco).")],
    out: Annotated[Path, typer.Argument(help="Data set to make.")],
    images: Annotated[Path | None, typer.Option(help="Folder of the images, where it is not the source's.")] = None,
    image_table: Annotated[
        Path | None, typer.Option(help="CSV or Parquet with the columns image and any of split, group, mpp.")
    ] = None,
    classes: Annotated[str | None, typer.Option(help="The classes to expect, in order: tumor,stromal.")] = None,
    mpp: Annotated[float | None, typer.Option(help="µm per pixel of images that have none in a table.")] = None,
    coordinates: Annotated[
        Coordinates | None,
        typer.Option(help="points-csv: (0, 0) is the image's corner, or pixels are counted from 0 or from 1."),
    ] = None,
    unlisted_are_empty: Annotated[
        bool, typer.Option("--unlisted-are-empty", help="points-csv: images without a row are images without cells.")
    ] = False,
    level: Annotated[Level | None, typer.Option(help="nucls: classification to read; super where not given.")] = None,
    fold: Annotated[int | None, typer.Option(help="nucls: fold of the release whose test slides are to test.")] = None,
    all_classes: Annotated[
        bool, typer.Option("--all-classes", help="consep: keep seven classes, which are merged to four otherwise.")
    ] = False,
    class_table: Annotated[
        Path | None, typer.Option(help="masks: CSV with the columns image, instance and class.")
    ] = None,
    class_codes: Annotated[
        str | None, typer.Option(help="masks: what the codes in the masks of classes/ mean: 1=tumor,2=stromal.")
    ] = None,
    align_masks: Annotated[
        bool, typer.Option("--align-masks", help="deepliif: move masks that stand beside their nuclei onto them.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Name of the data set.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the images and annotations.")] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Turn annotated images into a data set."""
    from cellweave.workflows.prepare import import_dataset

    options: dict[str, Any] = {
        "images": images,
        "image_table": image_table,
        "classes": None if classes is None else [one.strip() for one in classes.split(",")],
        "mpp": mpp,
        "coordinates": None if coordinates is None else coordinates.value,
        "unlisted_are_empty": unlisted_are_empty or None,
        "all_classes": all_classes or None,
        "class_table": class_table,
        "class_codes": None if class_codes is None else [one.strip() for one in class_codes.split(",")],
        "level": None if level is None else level.value,
        "fold": fold,
        "align_masks": align_masks or None,
    }
    given = {key: value for key, value in options.items() if value is not None}
    with terminal_progress() as progress:
        summary = import_dataset(
            kind.value, source, out, name=name, licence=licence, overwrite=overwrite, progress=progress, **given
        )
    print_json(asdict(summary)) if as_json else print_summary(summary)


@app.command()
def check(dataset: Dataset, as_json: Json = False) -> None:
    """Check every file and row of a data set; exit with 1 when it has errors."""
    from cellweave.workflows.prepare import check_dataset

    with terminal_progress() as progress:
        report = check_dataset(dataset, progress=progress)
    print_json(asdict(report)) if as_json else print_report(report)
    raise typer.Exit(1 if report.errors else 0)


@app.command()
def stats(dataset: Dataset, as_json: Json = False) -> None:
    """Count the cells of every split and class, and say how dense and how close together they are."""
    from cellweave.workflows.prepare import dataset_statistics

    rows = dataset_statistics(dataset)
    print_json([asdict(row) for row in rows]) if as_json else print_statistics(rows)


@app.command()
def show(
    dataset: Dataset,
    out: Annotated[Path, typer.Option(help="PNG to write.")],
    split: Annotated[Split | None, typer.Option(help="Images of this split only.")] = None,
    images: Annotated[int, typer.Option(min=1, help="Number of images, spread evenly over all.")] = 12,
    rich: Annotated[
        bool,
        typer.Option("--rich", help="Those with most cells of each class in turn, instead; fewer where they run out."),
    ] = False,
    columns: Annotated[int, typer.Option(min=1, help="Images side by side.")] = 4,
    cells: Annotated[bool, typer.Option(help="Draw the cells on the images.")] = True,
    beside: Annotated[
        Path | None,
        typer.Option(
            help="Data set whose layouts or masks the images were painted from: shows real image, condition and "
            "synthetic image one above the other. With --layouts, data set of real images."
        ),
    ] = None,
    layouts: Annotated[
        bool,
        typer.Option("--layouts", help="Draw cells alone, beside real layouts of the same size from --beside."),
    ] = False,
    blind: Annotated[
        bool,
        typer.Option("--blind", help="Mix real and synthetic layouts; which is which is in a CSV beside the picture."),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the real layouts that are shown, and of their mixing.")] = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Draw a contact sheet: images with their cells, layouts alone, or synthetic images or layouts below real ones."""
    from cellweave.workflows.prepare import show_dataset

    chosen = None if split is None else split.value
    names = show_dataset(
        dataset,
        out,
        split=chosen,
        images=images,
        rich=rich,
        columns=columns,
        draw=cells,
        beside=beside,
        layouts=layouts,
        blind=blind,
        seed=seed,
        overwrite=overwrite,
    )
    if as_json:
        print_json({"path": str(out), "images": names})
    elif layouts:
        key = f"; which is which: {out.with_suffix('.csv')}" if blind else ""
        typer.echo(f"{len(names)} layouts and as many real ones drawn in {out}{key}")
    else:
        typer.echo(f"{len(names)} images drawn in {out}")


@app.command()
def export(
    dataset: Dataset,
    out: Annotated[Path, typer.Argument(help="File to write (.json, .csv, .parquet, .h5ad); a folder for geojson.")],
    to: Annotated[Format, typer.Option("--format", help="geojson is for QuPath, anndata for scanpy and squidpy.")],
    split: Annotated[Split | None, typer.Option(help="Images of this split only.")] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write the cells of a data set for other programs."""
    from cellweave.workflows.export import export_dataset

    chosen = None if split is None else split.value
    with terminal_progress() as progress:
        summary = export_dataset(dataset, out, to=to.value, split=chosen, overwrite=overwrite, progress=progress)
    print_json(asdict(summary)) if as_json else print_export(summary)


@app.command()
def phantom(
    out: Annotated[Path, typer.Argument(help="Data set to make.")],
    images: Annotated[int, typer.Option(help="Number of images of all splits together, 6 or more.")] = 24,
    size: Annotated[int, typer.Option(help="Height and width of an image, in pixels.")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal images.")] = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Make a data set of phantom tissue: H&E-like images whose every cell is known."""
    from cellweave.workflows.prepare import make_phantom

    with terminal_progress() as progress:
        summary = make_phantom(out, images=images, size=size, seed=seed, overwrite=overwrite, progress=progress)
    print_json(asdict(summary)) if as_json else print_summary(summary)


@app.command()
def patches(
    dataset: Dataset,
    out: Annotated[Path, typer.Argument(help="Data set to make.")],
    size: Annotated[int, typer.Option(help="Height and width of the patches made, in pixels.")] = 128,
    overlap: Annotated[float, typer.Option(help="Share of its side that a patch shares with the next one.")] = 0.5,
    reduce: Annotated[int, typer.Option(help="How many times smaller patches become; 2 makes 10x of 20x.")] = 1,
    unknown: Annotated[float, typer.Option(help="Largest share of unknown pixels in a patch.")] = 0.0,
    held_out: Annotated[
        float, typer.Option(help="Share of the area of every training image kept for testing.")
    ] = 0.075,
    seed: Annotated[int, typer.Option(min=0, help="Of the held-out areas.")] = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Cut images with masks into overlapping patches; a random area of each training image becomes the test split."""
    from cellweave.workflows.patches import cut_patches

    with terminal_progress() as progress:
        summary = cut_patches(
            dataset,
            out,
            side=size,
            overlap=overlap,
            reduce=reduce,
            unknown_share=unknown,
            held_out=held_out,
            seed=seed,
            overwrite=overwrite,
            progress=progress,
        )
    print_json(asdict(summary)) if as_json else print_patches(summary)
