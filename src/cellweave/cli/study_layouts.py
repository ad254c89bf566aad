"""``cellweave study densities``, ``categories``, ``bandwidth`` and ``components``: ways to make a layout model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cellweave.cli.printing import print_notes, print_tables, table_of
from cellweave.cli.progress import terminal_progress
from cellweave.cli.study_options import (
    Arms,
    AsJson,
    Changes,
    Device,
    Folds,
    OnlyTables,
    Out,
    Overwrite,
    Plan,
    RecipeName,
    Seeds,
    numbers_in,
    print_plan,
    state_notes,
)

if TYPE_CHECKING:
    from cellweave.workflows.studies.design import Design
    from cellweave.workflows.studies.layout_studies import LayoutStudySummary

Data = Annotated[Path, typer.Option(help="Data set; folds of its training split are learnt from and compared with.")]
Steps = Annotated[int, typer.Option(help="Steps of every model.")]
UseFolds = Annotated[int, typer.Option(help="Folds that are held out in turn, a model each.")]
Count = Annotated[int, typer.Option(help="Layouts that every model draws.")]


def densities(
    data: Data,
    out: Out,
    steps: Steps,
    channels: Annotated[
        str | None, typer.Option(help="Ways to draw cells, of shared, edt and marker: every density with each.")
    ] = None,
    seeds: Seeds = "0,1,2",
    folds: Folds = 2,
    use_folds: UseFolds = 1,
    count: Count = 40,
    arms: Arms = None,
    recipe: RecipeName = "default",
    changes: Changes = None,
    device: Device = "auto",
    plan: Plan = False,
    tables_only: OnlyTables = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare spatial densities beside the cells of a layout: none, KDE, GMM and GMCM."""
    from cellweave.workflows.studies.layout_designs import densities_design

    ways = () if channels is None else [name.strip() for name in channels.split(",")]
    _run(densities_design(ways), locals())


def categories(
    data: Data,
    out: Out,
    steps: Steps,
    numbers: Annotated[str, typer.Option(help="Numbers of categories; 0: none.")] = "0,5,10,20",
    counts: Annotated[
        bool, typer.Option("--counts", help="Add a model that is told the count of every class.")
    ] = False,
    seeds: Seeds = "0,1,2",
    folds: Folds = 2,
    use_folds: UseFolds = 1,
    count: Count = 40,
    arms: Arms = None,
    recipe: RecipeName = "default",
    changes: Changes = None,
    device: Device = "auto",
    plan: Plan = False,
    tables_only: OnlyTables = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare numbers of counting categories."""
    from cellweave.workflows.studies.layout_designs import categories_design

    _run(categories_design(numbers_in(numbers, "--numbers", int), counts=counts), locals())


def bandwidth(
    data: Data,
    out: Out,
    steps: Steps,
    factors: Annotated[str, typer.Option(help="Factors, as in scipy, beside Scott's rule.")] = "0.05,0.1,0.5,1",
    seeds: Seeds = "0,1,2",
    folds: Folds = 2,
    use_folds: UseFolds = 1,
    count: Count = 40,
    arms: Arms = None,
    recipe: RecipeName = "default",
    changes: Changes = None,
    device: Device = "auto",
    plan: Plan = False,
    tables_only: OnlyTables = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare bandwidths of kernel density estimates."""
    from cellweave.workflows.studies.layout_designs import bandwidth_design

    _run(bandwidth_design(numbers_in(factors, "--factors", float)), locals())


def components(
    data: Data,
    out: Out,
    steps: Steps,
    density: Annotated[str, typer.Option(help="gmm or gmcm.")] = "gmm",
    numbers: Annotated[str, typer.Option(help="Numbers of components, beside that chosen by BIC.")] = "4,6,8,10",
    seeds: Seeds = "0,1,2",
    folds: Folds = 2,
    use_folds: UseFolds = 1,
    count: Count = 40,
    arms: Arms = None,
    recipe: RecipeName = "default",
    changes: Changes = None,
    device: Device = "auto",
    plan: Plan = False,
    tables_only: OnlyTables = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare numbers of components of Gaussian mixtures, or of the copulas of GMCM."""
    from cellweave.workflows.studies.layout_designs import components_design

    _run(components_design(density, numbers_in(numbers, "--numbers", int)), locals())


def _run(design: Design, given: dict[str, Any]) -> None:
    """Plan or run a study with the options of a command."""
    from cellweave.workflows.studies.layout_studies import LayoutStudyOptions, plan_layout_study, run_layout_study

    with terminal_progress() as progress:
        options = LayoutStudyOptions(
            data=given["data"],
            out=given["out"],
            steps=given["steps"],
            seeds=numbers_in(given["seeds"], "--seeds", int),
            folds=given["folds"],
            use_folds=given["use_folds"],
            count=given["count"],
            arms=None if given["arms"] is None else [name.strip() for name in given["arms"].split(",")],
            recipe=given["recipe"],
            changes=given["changes"] or (),
            device=given["device"],
            overwrite=given["overwrite"],
            progress=progress,
        )
        planned = plan_layout_study(design, options) if given["plan"] else None
        summary = run_layout_study(design, options, only_tables=given["tables_only"]) if planned is None else None
    if planned is not None:
        print_plan(planned, besides="choosing decoders and measuring layouts", as_json=given["as_json"])
    if summary is not None:
        _print(summary, as_json=given["as_json"])


def _print(summary: LayoutStudySummary, *, as_json: bool) -> None:
    """Print the positions of all arms, what they say of the claims, and where everything is."""
    from cellweave.workflows.studies.layout_markdown import CLAIM_COLUMNS, claim_rows, position_columns, position_rows
    from cellweave.workflows.studies.layout_values import MEAN

    if as_json:
        typer.echo((summary.files.others[-1]).read_text(encoding="utf-8").strip())
        return
    tables = summary.tables
    if not tables.scores.empty:
        columns = position_columns(tables)
        title = f"position between real (0) and random (1), {tables.held_out} images held out"
        positions = table_of(columns[0], numbers=columns[1:], title=title)
        for row in position_rows(tables):
            positions.add_row(row[0], *(one.partition(" [")[0] for one in row[1:]))
        claims = table_of(CLAIM_COLUMNS[0], numbers=CLAIM_COLUMNS[1:], title="\nclaims, position")
        for row in claim_rows(tables, ["spatial-FID", MEAN]):
            claims.add_row(*row)
        print_tables(positions, *([claims] if claims.row_count else []))
    print_notes(state_notes(summary.outcome, tables.arms, summary.files.tables))
    for path in (summary.files.tables, *summary.files.others, *summary.files.figures):
        typer.echo(f"written to {path}")
