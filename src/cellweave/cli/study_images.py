"""``cellweave study guidance``, ``samplers`` and ``magnification``: ways to make and to sample an image model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cellweave.cli.study_command import filled_table, run_command, without_intervals
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
    Steps,
    UseFolds,
    names_in,
    numbers_in,
    study_options,
)

if TYPE_CHECKING:
    from rich.table import Table

    from cellweave.core.progress import Progress
    from cellweave.workflows.studies.image_output import ImageStudy
    from cellweave.workflows.studies.image_tables import ImageTables
    from cellweave.workflows.studies.options import ImageStudyOptions
    from cellweave.workflows.studies.runner import StudySummary

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
        "tools/train_image_encoder.py, a TorchScript file, or the weights of Inception, .pth or .safetensors."
    ),
]
LocatorName = Annotated[
    str | None,
    typer.Option(
        help="Localiser for F1, with the classes of the data: model folder, shipped model, or owner/name on the hub; "
        "the shipped one by default, where it finds these classes; none: no F1."
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
    from cellweave.workflows.studies.image_studies import study_guidance

    def study(options: ImageStudyOptions) -> ImageStudy:
        values = numbers_in(scales, "--scales", float)
        return study_guidance(options, model, scales=values, sampler=sampler, split=split, batch_size=batch_size)

    _run(study, locals())


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
    from cellweave.workflows.studies.image_studies import study_samplers

    def study(options: ImageStudyOptions) -> ImageStudy:
        return study_samplers(
            options,
            model,
            samplers=names_in(samplers),
            reference=reference.strip(),
            guidance=guidance,
            split=split,
            batch_size=batch_size,
        )

    _run(study, locals())


def magnification(
    data: Annotated[Path, typer.Option(help="Data set; folds of its training split are learnt from and held out.")],
    out: Out,
    steps: Steps,
    reduce: Annotated[str, typer.Option(help="How many times smaller images become; 2 makes 10x of 20x.")] = "1,2",
    seeds: Seeds = "0,1,2",
    folds: Folds = 5,
    use_folds: UseFolds = 1,
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
    from cellweave.workflows.studies.image_studies import study_magnification

    def study(options: ImageStudyOptions) -> ImageStudy:
        return study_magnification(
            options,
            steps,
            reductions=numbers_in(reduce, "--reduce", int),
            folds=folds,
            use_folds=use_folds,
            recipe=recipe,
            changes=changes or (),
        )

    _run(study, locals())


def _run(make: Callable[[ImageStudyOptions], ImageStudy], given: dict[str, Any]) -> None:
    """Run a study with the options of a command."""
    from cellweave.workflows.studies.image_studies import run_image_study
    from cellweave.workflows.studies.options import ImageStudyOptions

    def study(progress: Progress) -> ImageStudy:
        own = {name: given[name] for name in ("count", "encoder", "locator")}
        return make(ImageStudyOptions(**study_options(given, progress), **own, side=given["size"]))

    run_command(given, study, lambda one, only_tables: run_image_study(one, only_tables=only_tables), _tables)


def _tables(summary: StudySummary[ImageTables]) -> list[Table]:
    """Return the scores of all arms, and their differences."""
    from cellweave.workflows.studies.image_markdown import (
        CLAIM_COLUMNS,
        claim_rows,
        missing,
        score_columns,
        score_rows,
    )
    from cellweave.workflows.studies.image_units import groups_in_words

    tables = summary.tables
    if tables.scores.empty:
        return []
    drawn = groups_in_words(tables.group_counts())
    scores = without_intervals(score_rows(tables))
    claims = claim_rows(tables, ["KID", "FID"] if tables.alike else ["KID position", "FID position"])
    printed = [
        filled_table(score_columns(tables), scores, title=summary.design.title),
        filled_table(CLAIM_COLUMNS, claims, title="\ndifferences"),
    ]
    feet = (
        missing(tables),
        f"in brackets 95 % intervals, for which {drawn} and the seeds are drawn with replacement",
    )
    for table, foot in zip(printed, feet, strict=True):
        table.caption, table.caption_justify, table.caption_style = foot or None, "left", ""
    return printed
