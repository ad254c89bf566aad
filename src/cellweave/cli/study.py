"""``cellweave study``: the papers' comparisons, run on any data set and budget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cellweave.cli.score import Protocol
from cellweave.cli.study_command import filled_table, run_command
from cellweave.cli.study_images import guidance, magnification, samplers
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
    Plan,
    RecipeName,
    Seeds,
    numbers_in,
    training_options,
)

if TYPE_CHECKING:
    from rich.table import Table

    from cellweave.core.progress import Progress
    from cellweave.workflows.studies.locator_study import LocatorStudy
    from cellweave.workflows.studies.study import LocatorStudySummary

app = typer.Typer(
    name="study",
    help="Compare ways to make a localiser, a layout model or an image model, on the same seeds and images; the same "
    "command again goes on where it was stopped, and several at once share the work.",
    no_args_is_help=True,
)

Data = Annotated[Path, typer.Option(help="Data set; folds of its training split are learnt from and scored on.")]
Steps = Annotated[int, typer.Option(help="Steps of every network.")]
UseFolds = Annotated[int, typer.Option(help="Folds that are held out in turn, a network each.")]
RadiusPx = Annotated[str, typer.Option(help="Radii in pixels at the scale of the networks.")]
ProtocolName = Annotated[Protocol, typer.Option(help="Of the tables shown; the CSV files have both.")]

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
    """Compare the maps that a localiser can learn: EDT, its constants, FIDT, IDT, Gaussians, markers; one a class."""
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


@app.command()
def recipes(
    data: Data,
    out: Out,
    steps: Steps,
    arm: Annotated[
        list[str],
        typer.Option(
            help="NAME=CHANGE;CHANGE, as above; repeatable. The first is the one that all others are compared with."
        ),
    ],
    seeds: Seeds = _SEEDS,
    folds: Folds = 5,
    use_folds: Annotated[int | None, typer.Option(help="Folds that are held out in turn; all by default.")] = None,
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
    """Compare any changes of a recipe by F1 of all cells and of the classes.

    An arm is NAME=CHANGE;CHANGE, a change a.b=value with the value in YAML.
    A name alone changes nothing. In a shell an arm needs quotes:
    --arm plain --arm 'wide=network.widths=[64,128,256];turns=2'.
    Tables are of the arms given, so give all of them in every start.
    """
    from cellweave.workflows.studies.study import study_recipes

    given = locals() | {"arms": None, "use_folds": folds if use_folds is None else use_folds}
    _run(study_recipes, given, {"recipes": arm})


def _run(make: Callable[..., LocatorStudy], given: dict[str, Any], extra: dict[str, Any]) -> None:
    """Plan or run a study with the options of a command."""
    from cellweave.workflows.studies.options import LocatorStudyOptions
    from cellweave.workflows.studies.study import plan_locator_study, run_locator_study

    def study(progress: Progress) -> LocatorStudy:
        options = LocatorStudyOptions(
            **training_options(given, progress),
            radii_px=numbers_in(given["radius_px"], "--radius-px", float),
            protocol=given["protocol"].value,
        )
        return make(options, **extra)

    run_command(
        given,
        study,
        lambda one, only_tables: run_locator_study(one, only_tables=only_tables),
        lambda summary: _tables(summary, protocol=given["protocol"].value),
        plan=plan_locator_study,
        besides="predicting and scoring",
    )


def _tables(summary: LocatorStudySummary, *, protocol: str) -> list[Table]:
    """Return F1 of all arms, and what it says of the claims."""
    from cellweave.workflows.studies.markdown import (
        CLAIM_COLUMNS,
        claim_rows,
        overview_columns,
        overview_rows,
        overview_title,
        shown_decoders,
    )

    design, tables, radius = summary.design, summary.tables, summary.radius_px
    overview = overview_title(design, radius_px=radius)
    scores = filled_table(
        overview_columns(design, tables),
        overview_rows(design, tables, radius_px=radius, protocol=protocol),
        title=f"{overview}, {tables.images} images of {tables.groups} groups held out",
    )
    measures, decoders = design.measures, shown_decoders(design)
    claims = claim_rows(tables, protocol=protocol, radii_px=[radius], measures=measures, decoders=decoders)
    return [scores, filled_table(CLAIM_COLUMNS, claims, title=f"\nclaims, {overview}")]


for command in (densities, categories, bandwidth, components, guidance, magnification, samplers):
    app.command()(command)
