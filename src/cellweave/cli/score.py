"""``cellweave score``: how good is what was found?"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cellweave.cli.image_likeness_table import print_image_likeness
from cellweave.cli.progress import terminal_progress
from cellweave.cli.score_index import index
from cellweave.cli.score_layout_tables import print_layout_scores
from cellweave.cli.score_tables import print_cell_scores, print_image_scores

if TYPE_CHECKING:
    from cellweave.core import Length
    from cellweave.metrics import FrameRadius, LayoutScores, LayoutSetScores

app = typer.Typer(name="score", help="Score what was found or made against the real thing.", no_args_is_help=True)


class Protocol(StrEnum):
    """How true and predicted cells are paired."""

    matching = "matching"
    greedy = "greedy"


@app.callback()
def _score() -> None:
    """Score what was found or made against the real thing."""


@app.command()
def cells(
    truth: Annotated[Path, typer.Option(help="Data set, or CSV or Parquet with the columns image, x, y[, label].")],
    pred: Annotated[Path, typer.Option(help="Output of `cellweave locate`, or CSV or Parquet with the same columns.")],
    split: Annotated[str | None, typer.Option(help="Images of this split of the data set only.")] = None,
    unseen_groups: Annotated[
        bool, typer.Option("--unseen-groups", help="Leave out patients or slides that have training images, too.")
    ] = False,
    protocol: Annotated[
        Protocol, typer.Option(help="Maximum matching within the radius, or row by row, nearest first, below it.")
    ] = Protocol.matching,
    radius_px: Annotated[str | None, typer.Option(help="Radii in pixels: 5,10.")] = None,
    radius_um: Annotated[str | None, typer.Option(help="Radii in µm: 3.")] = None,
    radius_512: Annotated[
        str | None,
        typer.Option(
            "--radius-512",
            help="Radii in pixels of the image resized to 512×512, as some papers do: 5,10. In an image of side S "
            "that is r · S / 512; where width and height differ, distances are measured after resizing.",
        ),
    ] = None,
    mpp: Annotated[float | None, typer.Option(help="µm per pixel of the images of two tables.")] = None,
    intervals: Annotated[bool, typer.Option(help="Bootstrap 95 % intervals over patients, or images.")] = True,
    resamples: Annotated[int, typer.Option(min=1, max=100_000, help="Bootstrap resamples.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    per_image: Annotated[
        bool, typer.Option("--per-image", help="Print the scores of every image, too; JSON always has them.")
    ] = False,
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep",
            help="Score over thresholds of the predictions' scores, too. The best threshold is chosen on the images "
            "scored, so what it promises is optimistic.",
        ),
    ] = False,
    figure: Annotated[
        Path | None,
        typer.Option(help="PNG file to draw the sweep in; without it beside --out, with the ending .png."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="JSON file to write as well.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the outputs where they are there already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score predicted cells against annotated ones: precision, recall and F1 of all cells and of every class."""
    from cellweave.workflows.score import figure_place, score_cells_files

    scores = score_cells_files(
        truth,
        pred,
        radii=[*_lengths(radius_px, "px"), *_lengths(radius_um, "um"), *_frame_radii(radius_512)],
        protocol=protocol.value,
        split=split,
        unseen_groups=unseen_groups,
        mpp=mpp,
        resamples=resamples if intervals else 0,
        seed=seed,
        sweep=sweep,
        figure=figure,
        out=out,
        overwrite=overwrite,
    )
    if as_json:
        typer.echo(json.dumps(scores.to_json(per_image=True), indent=2, ensure_ascii=False))
        return
    print_cell_scores(scores, per_image=per_image)
    for place in (figure_place(figure, out, sweep=sweep), out):
        if place is not None:
            typer.echo(f"written to {place}")


def _lengths(text: str | None, unit: Literal["px", "um"]) -> list[Length]:
    from cellweave.core import InvalidInputError, Length

    if text is None:
        return []
    option = f"--radius-{unit}"
    try:
        return [Length(float(one), unit) for one in text.split(",")]
    except InvalidInputError as error:
        raise InvalidInputError(f"{option} {text}: {error}") from error
    except ValueError as error:
        raise InvalidInputError(f"{option} is {text!r}; give numbers separated by commas, such as 5,10.") from error


def _frame_radii(text: str | None) -> list[FrameRadius]:
    from cellweave.core import InvalidInputError
    from cellweave.metrics import FrameRadius

    try:
        return [] if text is None else [FrameRadius(float(one)) for one in text.split(",")]
    except InvalidInputError as error:
        raise InvalidInputError(f"--radius-512 {text}: {error}") from error
    except ValueError as error:
        raise InvalidInputError(f"--radius-512 is {text!r}; give numbers separated by commas, such as 5,10.") from error


app.command()(index)


@app.command()
def layouts(
    real: Annotated[Path, typer.Option(help="Data set of real images; its training split, unless --split is given.")],
    synthetic: Annotated[
        list[Path],
        typer.Option(
            help="Data set of synthetic layouts, with images or without. Give it several times to compare sets, each "
            "with the first."
        ),
    ],
    split: Annotated[str, typer.Option(help="Of the real data set: what the layout model learnt from.")] = "training",
    synthetic_split: Annotated[
        str | None, typer.Option(help="Of the synthetic data set; all of it by default.")
    ] = None,
    held_out: Annotated[
        str, typer.Option(help="Split of the real data set that no model learnt from, to tell copies from likeness.")
    ] = "validation",
    splits: Annotated[int, typer.Option(min=1, max=10_000, help="Random splits to average over.")] = 20,
    size: Annotated[int, typer.Option(min=1, help="Layouts on either side of a comparison.")] = 40,
    intervals: Annotated[bool, typer.Option(help="Bootstrap 95 % intervals over patients, or images.")] = True,
    resamples: Annotated[int, typer.Option(min=1, max=10_000, help="Bootstrap resamples.")] = 200,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the splits, of random and fitted layouts, and of the bootstrap.")
    ] = 0,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="Print classes and pairs of classes, too; JSON always has them.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="JSON file to write as well; every row as .csv and the curves as .png go beside it."),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(help="PNG file to draw the curves in; beside --out, with the ending .png, without it."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the outputs where they are there already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score synthetic layouts against real ones: 0 is as near as other patients' layouts, 1 as far as random ones."""
    from cellweave.workflows.score_layouts import beside, compare_layout_datasets, score_layout_datasets

    table, figure = beside(out, ".csv"), figure or beside(out, ".png")
    options: dict[str, Any] = {
        "split": split,
        "synthetic_split": synthetic_split,
        "held_out": held_out,
        "splits": splits,
        "size": size,
        "resamples": resamples if intervals else 0,
        "seed": seed,
        "out": out,
        "table": table,
        "figure": figure,
        "overwrite": overwrite,
    }
    scores: LayoutScores | LayoutSetScores
    with terminal_progress() as progress:
        if len(synthetic) == 1:
            scores = score_layout_datasets(real, synthetic[0], progress=progress, **options)
        else:
            scores = compare_layout_datasets(real, synthetic, progress=progress, **options)
    if as_json:
        typer.echo(json.dumps(scores.to_json(), indent=2, ensure_ascii=False))
        return
    print_layout_scores(scores, per_class=per_class)
    for place in (out, table, figure):
        if place is not None:
            typer.echo(f"written to {place}")


@app.command()
def images(
    synthetic: Annotated[
        Path, typer.Option(help="Data set of synthetic images; its cells are what they were made from.")
    ],
    model: Annotated[
        str, typer.Option(help="Localiser: model folder, shipped model, or owner/name on the hub.")
    ] = "locator-brca-m2c",
    real: Annotated[Path | None, typer.Option(help="Data set of real images to compare with.")] = None,
    real_split: Annotated[str, typer.Option(help="Of the real data set.")] = "validation",
    synthetic_split: Annotated[
        str | None, typer.Option(help="Of the synthetic data set; all of it by default.")
    ] = None,
    radius_px: Annotated[float | None, typer.Option(help="Radius in pixels; 6 where none is given.")] = None,
    radius_um: Annotated[float | None, typer.Option(help="Radius in µm, in place of pixels.")] = None,
    protocol: Annotated[
        Protocol, typer.Option(help="Maximum matching within the radius, or row by row, nearest first, below it.")
    ] = Protocol.greedy,
    encoder: Annotated[
        str,
        typer.Option(
            help="What KID, FID, IS and copies are measured with, beside real images: in-domain (shipped), a folder "
            "made by tools/train_image_encoder.py, a TorchScript file, or the weights of Inception, "
            ".pth or .safetensors (with the extra inception); none to leave them out."
        ),
    ] = "in-domain",
    likeness_split: Annotated[
        str | None, typer.Option(help="Of the real data set, for KID, FID, IS and nuclei; all of it by default.")
    ] = None,
    splits: Annotated[int, typer.Option(min=2, max=1000, help="Random divisions of the patients, for those.")] = 40,
    memorisation: Annotated[
        bool, typer.Option(help="Look for copies of places in the training split of the real data set.")
    ] = True,
    intervals: Annotated[bool, typer.Option(help="Bootstrap 95 % intervals over patients, or images.")] = True,
    resamples: Annotated[int, typer.Option(min=1, max=100_000, help="Bootstrap resamples.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap, and of the layouts for chance.")] = 0,
    revision: Annotated[str | None, typer.Option(help="Commit of a model on the hub.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    out: Annotated[Path | None, typer.Option(help="JSON file to write as well.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output where it is there already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score synthetic images: the cells that a localiser finds in them, how like real images they are, and copies."""
    from cellweave.workflows.score_images import score_image_datasets

    with terminal_progress() as progress:
        scores = score_image_datasets(
            synthetic,
            model,
            synthetic_split=synthetic_split,
            real=real,
            real_split=real_split,
            radius=_one_length(radius_px, radius_um),
            protocol=protocol.value,
            encoder=None if encoder == "none" else encoder,
            likeness_split=likeness_split,
            splits=splits,
            memorisation=memorisation,
            resamples=resamples if intervals else 0,
            seed=seed,
            revision=revision,
            device=device,
            precision=precision,
            out=out,
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps(scores.to_json(), indent=2, ensure_ascii=False))
    else:
        print_image_scores(scores)
        print_image_likeness(scores)
        if out is not None:
            typer.echo(f"written to {out}")


def _one_length(in_px: float | None, in_um: float | None) -> Length:
    from cellweave.core import InvalidInputError
    from cellweave.workflows.score_images import DEFAULT_RADIUS

    if in_px is not None and in_um is not None:
        raise InvalidInputError(f"--radius-px {in_px:g} and --radius-um {in_um:g} are both given; give one of the two.")
    given = _lengths(None if in_px is None else str(in_px), "px") + _lengths(
        None if in_um is None else str(in_um), "um"
    )
    return given[0] if given else DEFAULT_RADIUS
