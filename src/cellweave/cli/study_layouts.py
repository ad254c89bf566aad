"""``cellweave study densities``, ``categories``, ``bandwidth`` and ``components``: ways to make a layout model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cellweave.cli.study_command import filled_table, run_command, without_intervals
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
    Steps,
    UseFolds,
    names_in,
    numbers_in,
    training_options,
)

if TYPE_CHECKING:
    from rich.table import Table

    from cellweave.workflows.studies.design import Design
    from cellweave.workflows.studies.layout_tables import LayoutTables
    from cellweave.workflows.studies.runner import StudySummary

Data = Annotated[Path, typer.Option(help="Data set; folds of its training split are learnt from and compared with.")]
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

    ways = () if channels is None else names_in(channels)
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
    from cellweave.workflows.studies.layout_studies import plan_layout_study, run_layout_study
    from cellweave.workflows.studies.layout_study import LayoutStudy
    from cellweave.workflows.studies.options import LayoutStudyOptions

    run_command(
        given,
        lambda progress: LayoutStudy(
            design, LayoutStudyOptions(**training_options(given, progress), count=given["count"])
        ),
        lambda study, only_tables: run_layout_study(study, only_tables=only_tables),
        _tables,
        plan=plan_layout_study,
        besides="choosing decoders and measuring layouts",
    )


def _tables(summary: StudySummary[LayoutTables]) -> list[Table]:
    """Return the positions of all arms, and what they say of the claims."""
    from cellweave.workflows.studies.layout_markdown import CLAIM_COLUMNS, claim_rows, position_columns, position_rows
    from cellweave.workflows.studies.layout_values import MEAN

    tables = summary.tables
    if tables.scores.empty:
        return []
    title = f"position between real (0) and random (1), {tables.held_out} images held out"
    positions = filled_table(position_columns(tables), without_intervals(position_rows(tables)), title=title)
    claims = claim_rows(tables, ["spatial-FID", MEAN])
    return [positions, filled_table(CLAIM_COLUMNS, claims, title="\nclaims, position")]
