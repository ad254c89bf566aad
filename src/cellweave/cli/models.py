"""``cellweave models``: which models there are, what they are, whether they are whole, and how good they are.

Exit codes: 0 when all is well, 1 when ``check`` finds errors, 2 (and one line) when the input cannot be used at all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cellweave.cli.printing import print_notes, print_tables, table_of
from cellweave.cli.progress import terminal_progress
from cellweave.cli.score import Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cellweave.workflows.check_model import ModelCheck
    from cellweave.workflows.models import ModelDetails, ModelSummary
    from cellweave.workflows.validate_model import ValidationSummary

CARD_WIDTH = 120
"""In columns, of a card in a log or a file, which have no width."""

app = typer.Typer(name="models", help="List, show, check and validate models.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Revision = Annotated[str | None, typer.Option(help="Commit of a model on the hub.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]
Model = Annotated[str, typer.Argument(help="Model folder, shipped model, or owner/name on the hub.")]


@app.callback()
def _models() -> None:
    """List, show, check and validate models."""


@app.command("list")
def list_shipped(as_json: Json = False) -> None:
    """List the models that come with the package."""
    from cellweave.workflows.models import list_models

    found = list_models()
    if as_json:
        _print_json([one.to_json() for one in found])
    else:
        _print_list(found)


@app.command()
def show(model: Model, revision: Revision = None, as_json: Json = False) -> None:
    """Show the card of a model, and its key numbers."""
    from cellweave.workflows.models import show_model

    details = show_model(model, revision=revision)
    if as_json:
        _print_json(details.to_json())
    else:
        _print_details(details)


@app.command()
def check(model: Model, revision: Revision = None, device: Device = "auto", as_json: Json = False) -> None:
    """Check the files of a model and run it once; exit with 1 when there are errors."""
    from cellweave.workflows.check_model import check_model

    report = check_model(model, revision=revision, device=device)
    if as_json:
        _print_json(report.to_json())
    else:
        _print_check(report)
    raise typer.Exit(1 if report.errors else 0)


@app.command()
def validate(
    folder: Annotated[Path, typer.Argument(help="Model folder of a localiser; the result is written into it.")],
    data: Annotated[Path, typer.Option(help="Data set.")],
    split: Annotated[str, typer.Option(help="Split whose images are scored.")] = "validation",
    protocol: Annotated[
        Protocol, typer.Option(help="Maximum matching within the radius, or row by row, nearest first, below it.")
    ] = Protocol.greedy,
    radius_px: Annotated[float | None, typer.Option(help="Radius in pixels; 6 where none is given.")] = None,
    radius_um: Annotated[float | None, typer.Option(help="Radius in µm, in place of pixels.")] = None,
    intervals: Annotated[bool, typer.Option(help="Bootstrap 95 % intervals over patients, or images.")] = True,
    resamples: Annotated[int, typer.Option(min=1, max=100_000, help="Bootstrap resamples.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    pictures: Annotated[bool, typer.Option(help="Draw failures.png: regions of images of the data set.")] = True,
    device: Device = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    as_json: Json = False,
) -> None:
    """Score a localiser on a split, and write scores, speed and known failures into its folder and its model card."""
    from cellweave.core import InvalidInputError, Length
    from cellweave.workflows.validate_model import DEFAULT_RADIUS, validate_model

    if radius_px is not None and radius_um is not None:
        raise InvalidInputError(f"--radius-px {radius_px:g} and --radius-um {radius_um:g} are both given; give one.")
    radius = DEFAULT_RADIUS if radius_px is None else Length(radius_px)
    radius = radius if radius_um is None else Length(radius_um, "um")
    with terminal_progress() as progress:
        summary = validate_model(
            folder,
            data,
            split=split,
            protocol=protocol.value,
            radius=radius,
            resamples=resamples if intervals else 0,
            seed=seed,
            device=device,
            precision=precision,
            pictures=pictures,
            progress=progress,
        )
    if as_json:
        _print_json(summary.record)
    else:
        _print_validation(summary)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _print_list(models: Sequence[ModelSummary]) -> None:
    table = table_of("model", "kind", "trained on", "licence", "classes", "quality", numbers=("µm/px", "MB"))
    for one in models:
        table.add_row(
            one.name,
            one.kind,
            ", ".join(one.data),
            ", ".join(one.licences),
            ", ".join(one.classes) or "none",
            _headline(one),
            "unknown" if one.mpp is None else f"{one.mpp:g}",
            f"{one.size_mb:.1f}",
        )
    print_tables(table)


_HEADLINES = {
    "validation_f1": "F1 {:.3f} on validation",
    "validation_mean_class_f1": "mean class F1 {:.3f}",
    "megapixels_per_second": "{:.1f} megapixels a second",
    "out_of_fold_f1": "F1 {:.3f} out of fold",
    "decoder_f1": "cells read back with F1 {:.3f}",
    "decoder_count_ratio": "count ratio {:.2f}",
    "kept_variance": "{:.3f} of the variance kept by its basis",
}
"""Numbers worth a place in the list, the first that say how good a model is first."""


def _headline(model: ModelSummary) -> str:
    validated = "validation_f1" in model.numbers
    return ", ".join(
        text.format(model.numbers[name])
        for name, text in _HEADLINES.items()
        if name in model.numbers and not (validated and name == "out_of_fold_f1")
    )


def _print_details(details: ModelDetails) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    summary = details.summary
    facts = {
        "model": f"{summary.name} ({summary.kind}, cellweave {summary.code_version})",
        "folder": str(summary.folder),
        "classes": ", ".join(summary.classes) or "none",
        "scale": "unknown" if summary.mpp is None else f"{summary.mpp:g} µm per pixel",
        "trained on": f"{', '.join(summary.data) or 'nothing'} ({', '.join(summary.licences)})",
        "weights": f"{summary.size_mb:.1f} MB",
        **{name.replace("_", " "): _number(value) for name, value in summary.numbers.items()},
    }
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"{name:<{width}}  {value}")
    print_notes(summary.notes)
    typer.echo()
    console = Console(emoji=False)
    if not console.is_terminal:
        console.width = CARD_WIDTH
    console.print(Markdown(details.card))


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _print_check(report: ModelCheck) -> None:
    from cellweave.data import counted

    for finding in report.findings:
        typer.echo(f"{finding.severity:<7}  {finding.file}: {finding.text}")
    for line in report.passed:
        typer.echo(f"{'ok':<7}  {line}")
    errors = len(report.errors)
    warnings = len(report.findings) - errors
    typer.echo(f"{report.path} ({report.kind}): {counted(errors, 'error')}, {counted(warnings, 'warning')}")


def _print_validation(summary: ValidationSummary) -> None:
    from cellweave.cli.score_tables import print_cell_scores
    from cellweave.data import counted

    print_cell_scores(summary.scores)
    if summary.unseen is not None:
        typer.echo(f"\nwithout groups that have training images, too ({', '.join(summary.left_out)}):")
        print_cell_scores(summary.unseen)
    speed = summary.record["speed"]
    typer.echo(
        f"\n{speed['megapixels_per_second']:.2f} megapixels a second (median of {speed['repeats']}, "
        f"{speed['lowest']:.2f} to {speed['highest']:.2f}) on {speed['hardware']}, "
        f"{counted(speed['threads'], 'thread')}, {speed['precision']}"
    )
    typer.echo(f"written into {summary.folder}: {', '.join(summary.written)}")
