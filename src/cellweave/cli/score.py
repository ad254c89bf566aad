"""``cellweave score``: how good is what was found?"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from cellweave.core import Length
    from cellweave.metrics import CellScores, LayoutScores
    from cellweave.metrics.cell_scores import Interval

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
    mpp: Annotated[float | None, typer.Option(help="µm per pixel of the images of two tables.")] = None,
    intervals: Annotated[bool, typer.Option(help="Bootstrap 95 % intervals over patients, or images.")] = True,
    resamples: Annotated[int, typer.Option(min=1, max=100_000, help="Bootstrap resamples.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    out: Annotated[Path | None, typer.Option(help="JSON file to write as well.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output where it is there already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score predicted cells against annotated ones: precision, recall and F1 of all cells and of every class."""
    from cellweave.workflows.score import score_cells_files

    scores = score_cells_files(
        truth,
        pred,
        radii=[*_lengths(radius_px, "px"), *_lengths(radius_um, "um")],
        protocol=protocol.value,
        split=split,
        unseen_groups=unseen_groups,
        mpp=mpp,
        resamples=resamples if intervals else 0,
        seed=seed,
        out=out,
        overwrite=overwrite,
    )
    if as_json:
        typer.echo(json.dumps(scores.to_json(), indent=2, ensure_ascii=False))
    else:
        _print_scores(scores)
        if out is not None:
            typer.echo(f"written to {out}")


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


def _print_scores(scores: CellScores) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("radius", "class", box=None, pad_edge=False)
    for title in ("precision", "recall", "F1", "tp", "fp", "fn"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in scores.rows:
        rates = {"precision": row.precision, "recall": row.recall, "f1": row.f1}
        table.add_row(
            f"{row.radius.value:g} {'µm' if row.radius.unit == 'um' else 'px'}",
            row.label,
            *(_with_interval(value, (row.intervals or {}).get(name), digits=3) for name, value in rates.items()),
            *(f"{count:,}" for count in (row.tp, row.fp, row.fn)),
        )
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = 120  # a log or a file has no width; its lines are not to be cut at 80
    console.print(table)
    between = scores.intervals
    for key, value in scores.mean_class_f1.items():
        if value is not None:
            ends = None if between is None else between.mean_class_f1[key]
            typer.echo(f"mean class F1 at {key}  {_with_interval(value, ends, digits=3)}")
    mae, rmse = (None, None) if between is None else (between.mae, between.rmse)
    typer.echo(f"cells per image  MAE {_with_interval(scores.mae, mae)}  RMSE {_with_interval(scores.rmse, rmse)}")
    drawn = "" if between is None else f"; 95 % intervals of {between.resamples:,} resamples of the groups"
    typer.echo(f"{scores.images} images of {scores.groups} groups, protocol {scores.protocol}{drawn}")
    for note in scores.notes:
        typer.echo(f"note  {note}")


def _with_interval(value: float | None, ends: Interval = None, *, digits: int = 1) -> str:
    if value is None:
        return "–"
    return f"{value:.{digits}f}" + ("" if ends is None else f" [{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]")


@app.command()
def layouts(
    real: Annotated[Path, typer.Option(help="Data set of real images; its training split, unless --split is given.")],
    synthetic: Annotated[Path, typer.Option(help="Data set of synthetic layouts, with images or without.")],
    split: Annotated[str, typer.Option(help="Of the real data set.")] = "training",
    synthetic_split: Annotated[
        str | None, typer.Option(help="Of the synthetic data set; all of it by default.")
    ] = None,
    splits: Annotated[int, typer.Option(min=1, help="Random splits to average over.")] = 20,
    size: Annotated[int, typer.Option(min=1, help="Layouts on either side of a comparison.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Of the splits and of the random layouts.")] = 0,
    out: Annotated[Path | None, typer.Option(help="JSON file to write as well.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output where it is there already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score synthetic layouts against real ones: 0 is as near as other patients' layouts, 1 as far as random ones."""
    from cellweave.workflows.score_layouts import score_layout_datasets

    scores = score_layout_datasets(
        real,
        synthetic,
        split=split,
        synthetic_split=synthetic_split,
        splits=splits,
        size=size,
        seed=seed,
        out=out,
        overwrite=overwrite,
    )
    if as_json:
        typer.echo(json.dumps(scores.to_json(), indent=2, ensure_ascii=False))
    else:
        _print_layout_scores(scores)
        if out is not None:
            typer.echo(f"written to {out}")


def _print_layout_scores(scores: LayoutScores) -> None:
    from rich.console import Console
    from rich.table import Table

    arm = scores.arms[0]
    counts = Table("cells per layout", box=None, pad_edge=False)
    for title in ("real", "synthetic", "ratio"):
        counts.add_column(title, justify="right", no_wrap=True)
    for count in scores.counts:
        if count.arm == arm:
            made = f"{count.synthetic_mean:.1f} ± {count.synthetic_sd:.1f}"
            ratio = _with_interval(count.ratio, digits=2)
            counts.add_row(count.label, f"{count.real_mean:.1f} ± {count.real_sd:.1f}", made, ratio)
    distances = Table("measure", "of", box=None, pad_edge=False)
    for title in ("position", "distance", "floor", "ceiling"):
        distances.add_column(title, justify="right", no_wrap=True)
    for row in scores.rows:
        if row.arm == arm:
            levels = (row.distance, row.floor, row.ceiling)
            distances.add_row(
                row.measure.replace("_", " "),
                row.label,
                _with_interval(row.position, digits=2),
                *(f"{level.mean:.3f} ± {level.sd:.3f}" for level in levels),
            )
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = 120
    console.print(counts)
    console.print(distances)
    typer.echo(
        "position: 0 = as near as real layouts of other patients (floor), 1 = as far as random ones (ceiling); "
        "nearest neighbour in µm"
    )
    typer.echo(
        f"{scores.synthetic} synthetic against {scores.real} real layouts of {scores.groups} groups, "
        f"{scores.layouts_per_side} against {scores.layouts_per_side} in {scores.splits} splits, "
        f"frame {scores.frame_px[1]}×{scores.frame_px[0]} px"
    )
    for note in scores.notes:
        typer.echo(f"note  {note}")
