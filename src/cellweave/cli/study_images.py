"""``cellweave study guidance``, ``samplers`` and ``magnification``: ways to make and to sample an image model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellweave.cli.printing import print_notes, print_tables, table_of
from cellweave.cli.progress import terminal_progress
from cellweave.cli.study_options import (
    AsJson,
    Changes,
    Device,
    Folds,
    OnlyTables,
    Out,
    Overwrite,
    RecipeName,
    Seeds,
    numbers_in,
    state_notes,
)

if TYPE_CHECKING:
    from cellweave.workflows.studies.image_studies import ImageStudySummary

Model = Annotated[str, typer.Option(help="Image model: model folder, shipped model, or owner/name on the hub.")]
Data = Annotated[Path, typer.Option(help="Data set whose layouts or masks are painted; its images are compared with.")]
Split = Annotated[str | None, typer.Option(help="Of the data; validation by default, or test where there is none.")]
Count = Annotated[
    int | None, typer.Option(help="Patches that every arm paints; by default as many as there are, up to 256.")
]
Size = Annotated[
    int | None,
    typer.Option(help="Side of a patch, in pixels; a training crop rounded up to whole squares of 32 µm by default."),
]
Encoder = Annotated[
    str,
    typer.Option(
        help="What KID, FID and IS are measured with: in-domain (shipped), a folder made by "
        "tools/train_image_encoder.py, or Inception as a TorchScript file."
    ),
]
LocatorName = Annotated[
    str | None,
    typer.Option(
        help="Localiser for F1; the shipped one by default, where it finds the classes of the data; none: no F1."
    ),
]
BatchSize = Annotated[int, typer.Option(help="Patches that are painted at once.")]


def guidance(
    model: Model,
    data: Data,
    out: Out,
    scales: Annotated[str, typer.Option(help="Scales of guidance s; 0 is none.")] = "0,0.5,1,1.5,2,3",
    sampler: Annotated[str | None, typer.Option(help="NAME:STEPS; the model's own by default.")] = None,
    count: Count = None,
    size: Size = None,
    split: Split = None,
    seeds: Seeds = "0,1,2",
    encoder: Encoder = "in-domain",
    locator: LocatorName = None,
    batch_size: BatchSize = 8,
    device: Device = "auto",
    tables_only: OnlyTables = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare scales of classifier-free guidance of an image model on the same scenes and noise."""
    from cellweave.workflows.studies.image_studies import ImageStudyOptions, run_image_study, study_guidance

    with terminal_progress() as progress:
        options = ImageStudyOptions(
            data,
            out,
            seeds=numbers_in(seeds, "--seeds", int),
            count=count,
            side=size,
            encoder=encoder,
            locator=locator,
            device=device,
            overwrite=overwrite,
            progress=progress,
        )
        values = numbers_in(scales, "--scales", float)
        study = study_guidance(options, model, scales=values, sampler=sampler, split=split, batch_size=batch_size)
        summary = run_image_study(study, options, only_tables=tables_only)
    _print(summary, as_json=as_json)


def samplers(
    model: Model,
    data: Data,
    out: Out,
    samplers: Annotated[
        str, typer.Option(help="NAME:STEPS of every sampler; names are ddpm, ddim, dpm-solver++ and unipc.")
    ] = "ddpm:250,ddim:100,ddim:50,dpm-solver++:10,dpm-solver++:20,dpm-solver++:30,unipc:10,unipc:20",
    reference: Annotated[str, typer.Option(help="The one that the others are compared with.")] = "ddpm:250",
    guidance: Annotated[float | None, typer.Option(help="Scale of guidance; the model's own by default.")] = None,
    count: Count = None,
    size: Size = None,
    split: Split = None,
    seeds: Seeds = "0",
    encoder: Encoder = "in-domain",
    locator: LocatorName = None,
    batch_size: BatchSize = 8,
    device: Device = "auto",
    tables_only: OnlyTables = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare samplers of an image model, and their steps, on the same scenes and sample numbers."""
    from cellweave.workflows.studies.image_studies import ImageStudyOptions, run_image_study, study_samplers

    with terminal_progress() as progress:
        options = ImageStudyOptions(
            data,
            out,
            seeds=numbers_in(seeds, "--seeds", int),
            count=count,
            side=size,
            encoder=encoder,
            locator=locator,
            device=device,
            overwrite=overwrite,
            progress=progress,
        )
        study = study_samplers(
            options,
            model,
            samplers=[name.strip() for name in samplers.split(",")],
            reference=reference.strip(),
            guidance=guidance,
            split=split,
            batch_size=batch_size,
        )
        summary = run_image_study(study, options, only_tables=tables_only)
    _print(summary, as_json=as_json)


def magnification(
    data: Annotated[Path, typer.Option(help="Data set; folds of its training split are learnt from and held out.")],
    out: Out,
    steps: Annotated[int, typer.Option(help="Steps of every model.")],
    reduce: Annotated[str, typer.Option(help="How many times smaller images become; 2 makes 10x of 20x.")] = "1,2",
    seeds: Seeds = "0,1,2",
    folds: Folds = 5,
    use_folds: Annotated[int, typer.Option(help="Folds that are held out in turn, a model each.")] = 1,
    count: Annotated[
        int | None,
        typer.Option(help="Areas of a fold that every arm paints; by default as many as there are, up to 64."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Side of a patch in pixels of the arm's images; a training crop, rounded up, by default."),
    ] = None,
    encoder: Encoder = "in-domain",
    locator: LocatorName = None,
    recipe: RecipeName = "default",
    changes: Changes = None,
    device: Device = "auto",
    tables_only: OnlyTables = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare image models of images as they are and of reduced ones, each beside real images of its own scale."""
    from cellweave.workflows.studies.image_studies import ImageStudyOptions, run_image_study, study_magnification

    with terminal_progress() as progress:
        options = ImageStudyOptions(
            data,
            out,
            seeds=numbers_in(seeds, "--seeds", int),
            count=count,
            side=size,
            encoder=encoder,
            locator=locator,
            device=device,
            overwrite=overwrite,
            progress=progress,
        )
        study = study_magnification(
            options,
            steps,
            reductions=numbers_in(reduce, "--reduce", int),
            folds=folds,
            use_folds=use_folds,
            recipe=recipe,
            changes=changes or (),
        )
        summary = run_image_study(study, options, only_tables=tables_only)
    _print(summary, as_json=as_json)


def _print(summary: ImageStudySummary, *, as_json: bool) -> None:
    """Print the scores of all arms, their differences, and where everything is."""
    from cellweave.workflows.studies.image_markdown import CLAIM_COLUMNS, claim_rows, score_columns, score_rows

    if as_json:
        typer.echo((summary.files.others[-1]).read_text(encoding="utf-8").strip())
        return
    tables = summary.tables
    if not tables.scores.empty:
        columns = score_columns(tables)
        scores = table_of(columns[0], numbers=columns[1:], title=summary.design.title)
        for row in score_rows(tables):
            scores.add_row(row[0], *(one.partition(" [")[0] for one in row[1:]))
        claims = table_of(CLAIM_COLUMNS[0], numbers=CLAIM_COLUMNS[1:], title="\ndifferences")
        for row in claim_rows(tables, ["KID", "FID"] if tables.alike else ["KID position", "FID position"]):
            claims.add_row(*row)
        print_tables(scores, *([claims] if claims.row_count else []))
    print_notes(state_notes(summary.outcome, tables.arms, summary.files.tables))
    for path in (summary.files.tables, *summary.files.others, *summary.files.figures):
        typer.echo(f"written to {path}")
