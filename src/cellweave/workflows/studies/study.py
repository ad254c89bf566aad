"""The studies of localisers, from a data set to tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellweave.core import InvalidInputError
from cellweave.data import CellDataset
from cellweave.localization import LocatorRecipe
from cellweave.localization.training import working_scale
from cellweave.training import load_recipe
from cellweave.workflows.studies.designs import maps_design, networks_design, recipes_design, theta_design
from cellweave.workflows.studies.locator_study import AS_BEGUN, LocatorStudy
from cellweave.workflows.studies.options import LocatorStudyOptions
from cellweave.workflows.studies.output import main_radius, write_study
from cellweave.workflows.studies.plan import StudyPlan, make_plan
from cellweave.workflows.studies.reach import typical_reach_px
from cellweave.workflows.studies.runner import StudySummary, missing_trials, run_or_look
from cellweave.workflows.studies.tables import StudyTables, make_tables

THETAS = tuple(round(number / 10, 1) for number in range(11))
NETWORK = "hrnet"


@dataclass(frozen=True, slots=True, eq=False)
class LocatorStudySummary(StudySummary[StudyTables]):
    """A study, as far as it is.

    Attributes:
        radius_px: Radius that the overview is of.
    """

    radius_px: float


def study_maps(options: LocatorStudyOptions) -> LocatorStudy:
    """Return the study of the maps that a localiser learns; see :func:`maps_design`.

    Maps for each class are part of it where cells have classes and the recipe learns one map of all of them.
    """
    dataset = CellDataset.open(options.data)
    recipe = load_recipe(LocatorRecipe, "locator", options.recipe, options.changes)
    cells = [dataset.read_cells(name) for name in dataset.names("training")]
    reach_px = typical_reach_px(cells, working_scale(recipe, cells))
    separate = bool(dataset.classes) and recipe.target.mode == "classes"
    return LocatorStudy(maps_design(reach_px, separate=separate), options)


def study_theta(
    options: LocatorStudyOptions, *, network: str = NETWORK, thetas: Sequence[float] = THETAS
) -> LocatorStudy:
    """Return the study of the share of differences in the gradient aggregation module; see :func:`theta_design`."""
    return LocatorStudy(theta_design(network, thetas), options)


def study_networks(options: LocatorStudyOptions) -> LocatorStudy:
    """Return the study of all networks; see :func:`networks_design`."""
    return LocatorStudy(networks_design(), options)


def study_recipes(options: LocatorStudyOptions, *, recipes: Sequence[str]) -> LocatorStudy:
    """Return the study of any recipes, the first the reference; see :func:`recipes_design`.

    Raises:
        InvalidInputError: Two arms are the same recipe.
    """
    study = LocatorStudy(recipes_design(recipes), options)
    names: dict[str, str] = {}
    for name, recipe in study.recipes.items():
        same = names.setdefault(recipe.model_dump_json(), name)
        if same != name:
            raise InvalidInputError(f"the arms {same!r} and {name!r} are the same recipe; leave one out.")
    return study


def run_locator_study(study: LocatorStudy, *, only_tables: bool = False) -> LocatorStudySummary:
    """Run what is missing of a study, or go on with it, and write tables and figures of all that is there.

    Args:
        study: From :func:`study_maps` or another function of this module.
        only_tables: Run nothing; the recipe may be another than the study was begun with.

    Raises:
        CellweaveError: The folder is not this study's, or a trial fails for a reason other than that it does not learn.
    """
    options = study.options
    folder, outcome = run_or_look(study, only_tables=only_tables, may_differ=AS_BEGUN)
    tables = make_tables(study.design, options.radii_px, folder.results())
    radius = main_radius(study, options.radii_px)
    files = write_study(
        study, tables, folder.folder, settings=folder.identity, protocol=options.protocol, radius_px=radius
    )
    return LocatorStudySummary(study.design, tables, outcome, files, radius)


def plan_locator_study(study: LocatorStudy) -> StudyPlan:
    """Measure the steps of every arm, and return how long the study takes; nothing is written.

    Raises:
        CellweaveError: The folder holds something else, or a network cannot be trained here.
    """
    return make_plan(study, missing_trials(study))
