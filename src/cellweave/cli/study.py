"""``cellweave study``: the papers' comparisons, run on any data set and budget."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cellweave.cli.printing import print_notes, print_tables, table_of
from cellweave.cli.progress import terminal_progress
from cellweave.cli.score import Protocol
from cellweave.cli.study_layouts import bandwidth, categories, components, densities
from cellweave.cli.study_options import (
    Arms,
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
    from cellweave.workflows.studies.locator_study import LocatorStudy
    from cellweave.workflows.studies.plan import StudyPlan
    from cellweave.workflows.studies.study import StudySummary

app = typer.Typer(
    name="study",
    help="Compare ways to make a localiser or a layout model, on the same seeds and images; the same command again "
    "goes on where it was stopped, and several at once share the work.",
    no_args_is_help=True,
)

Data = Annotated[Path, typer.Option(help="Data set; folds of its training split are learnt from and scored on.")]
Steps = Annotated[int, typer.Option(help="Steps of every network.")]
UseFolds = Annotated[int, typer.Option(help="Folds that are held out in turn, a network each.")]
RadiusPx = Annotated[str, typer.Option(help="Radii in pixels at the scale of the networks.")]
ProtocolName = Annotated[Protocol, typer.Option(help="Of the tables shown; the CSV files have both.")]
Plan = Annotated[bool, typer.Option("--plan", help="Measure the steps of every arm, say how long it takes, and end.")]

_SEEDS, _RADII = "0,1,2", "5,6,10"


@app.command()
def maps(
    data: Data,
    out: Out,
    steps: Steps,
    seeds: Seeds = _SEEDS,
    folds: Folds = 5,
    use_folds: UseFolds = 1,
    arms: Arms = None,
    radius_px: RadiusPx = _RADII,
    protocol: ProtocolName = Protocol.matching,
    recipe: RecipeName = "default",
    changes: Changes = None,
    device: Device = "auto",
    plan: Plan = False,
    tables_only: OnlyTables = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare the maps that a localiser can learn: EDT and its constants, FIDT, IDT, Gaussians, markers, peaks."""
    from cellweave.workflows.studies.study import study_maps

    _run(study_maps, locals(), {})


@app.command()
def theta(
    data: Data,
    out: Out,
    steps: Steps,
    network: Annotated[str, typer.Option(help="Network with a gradient aggregation module.")] = "hrnet",
    thetas: Annotated[str, typer.Option(help="Values, 0 to 1.")] = "0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1",
    seeds: Seeds = _SEEDS,
    folds: Folds = 5,
    use_folds: UseFolds = 1,
    arms: Arms = None,
    radius_px: RadiusPx = _RADII,
    protocol: ProtocolName = Protocol.matching,
    recipe: RecipeName = "default",
    changes: Changes = None,
    device: Device = "auto",
    plan: Plan = False,
    tables_only: OnlyTables = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare shares of differences in the convolutions of the gradient aggregation module."""
    from cellweave.workflows.studies.study import study_theta

    values = numbers_in(thetas, "--thetas", float)
    _run(study_theta, locals(), {"network": network, "thetas": values})


@app.command()
def networks(
    data: Data,
    out: Out,
    steps: Steps,
    seeds: Seeds = _SEEDS,
    folds: Folds = 5,
    use_folds: UseFolds = 1,
    arms: Arms = None,
    radius_px: RadiusPx = _RADII,
    protocol: ProtocolName = Protocol.matching,
    recipe: RecipeName = "default",
    changes: Changes = None,
    device: Device = "auto",
    plan: Plan = False,
    tables_only: OnlyTables = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare all networks, and those that can have the gradient aggregation module (M_) with it, too."""
    from cellweave.workflows.studies.study import study_networks

    _run(study_networks, locals(), {})


def _run(make: Callable[..., LocatorStudy], given: dict[str, Any], extra: dict[str, Any]) -> None:
    """Plan or run a study with the options of a command."""
    from cellweave.workflows.studies.study import StudyOptions, plan_study, run_study

    with terminal_progress() as progress:
        options = StudyOptions(
            data=given["data"],
            out=given["out"],
            steps=given["steps"],
            seeds=numbers_in(given["seeds"], "--seeds", int),
            folds=given["folds"],
            use_folds=given["use_folds"],
            arms=None if given["arms"] is None else [name.strip() for name in given["arms"].split(",")],
            radii_px=numbers_in(given["radius_px"], "--radius-px", float),
            protocol=given["protocol"].value,
            recipe=given["recipe"],
            changes=given["changes"] or (),
            device=given["device"],
            overwrite=given["overwrite"],
            progress=progress,
        )
        study = make(options, **extra)
        planned = plan_study(study, options) if given["plan"] else None
        summary = run_study(study, options, only_tables=given["tables_only"]) if planned is None else None
    if planned is not None:
        print_plan(planned, as_json=given["as_json"])
    if summary is not None:
        print_study(summary, protocol=given["protocol"].value, as_json=given["as_json"])


def print_plan(plan: StudyPlan, *, as_json: bool) -> None:
    """Print what every arm costs, and the time of all that is missing."""
    if as_json:
        typer.echo(json.dumps(plan.to_json()))
        return
    table = table_of("arm", numbers=("parameters", "s a step", "hours a seed", "seeds missing"))
    for arm in plan.arms:
        parameters = f"{arm.parameters / 1e6:.2f} M"
        table.add_row(arm.arm, parameters, f"{arm.seconds_per_step:.3f}", f"{arm.hours_per_seed:.2f}", str(arm.missing))
    print_tables(table)
    typer.echo(f"about {plan.hours:.1f} hours in one process, besides predicting and scoring")


def print_study(summary: StudySummary, *, protocol: str, as_json: bool) -> None:
    """Print F1 of all arms, what it says of the claims, and where everything is."""
    from cellweave.workflows.studies.markdown import CLAIM_COLUMNS, claim_rows, overview_columns, overview_rows

    if as_json:
        typer.echo((summary.files.others[-1]).read_text(encoding="utf-8").strip())
        return
    tables, radius = summary.tables, summary.radius_px
    columns = overview_columns(tables)
    title = f"F1 of all cells within {radius:g} px, {tables.images} images of {tables.groups} groups held out"
    scores = table_of(columns[0], numbers=columns[1:], title=title)
    for row in overview_rows(tables, radius_px=radius, protocol=protocol):
        scores.add_row(*row)
    claims = table_of(CLAIM_COLUMNS[0], numbers=CLAIM_COLUMNS[1:], title="\nclaims, F1 of all cells")
    for row in claim_rows(tables, protocol=protocol, radii_px=[radius], measures=["f1"]):
        claims.add_row(*row)
    print_tables(scores, *([claims] if claims.row_count else []))
    print_notes(state_notes(summary.outcome, summary.tables.arms, summary.files.tables))
    for path in (summary.files.tables, *summary.files.others, *summary.files.figures):
        typer.echo(f"written to {path}")


for command in (densities, categories, bandwidth, components):
    app.command()(command)
