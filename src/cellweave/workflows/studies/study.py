"""The studies of localisers, from a data set to tables and figures."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellweave.core import InvalidInputError
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset
from cellweave.localization import LocatorRecipe
from cellweave.localization.training import working_scale
from cellweave.training import load_recipe
from cellweave.workflows.studies.budget import StudyBudget
from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.designs import maps_design, networks_design, recipes_design, theta_design
from cellweave.workflows.studies.files import StudyFiles
from cellweave.workflows.studies.folder import StudyFolder
from cellweave.workflows.studies.locator_study import AS_BEGUN, LocatorStudy
from cellweave.workflows.studies.output import main_radius, write_study
from cellweave.workflows.studies.plan import StudyPlan, make_plan
from cellweave.workflows.studies.reach import typical_reach_px
from cellweave.workflows.studies.runner import Outcome, look, look_by_name, run_trials
from cellweave.workflows.studies.seeds import require_seeds
from cellweave.workflows.studies.tables import StudyTables, make_tables

THETAS = tuple(round(number / 10, 1) for number in range(11))
NETWORK = "hrnet"


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """What is the same in all studies of localisers.

    Attributes:
        data: Data set; its training split is learnt from and scored on, by folds of whole patients or slides.
        out: Folder of the study.
        steps: Of every network.
        seeds: Of everything random; one network each, for every arm and fold used.
        folds: Into which the training split is divided.
        use_folds: Of which so many are held out in turn.
        arms: Names of the arms to run; all when None. Tables show all that have results.
        radii_px: Within which a cell counts as found, in pixels at the scale of the networks.
        protocol: Scoring protocol of the Markdown tables and figures; the other files have all.
        recipe: Shipped recipe, or path of a YAML file, that all arms start from.
        changes: Changes of the recipe for all arms, each ``a.b=value``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Throw away what is in ``out`` of another study, or of this one.
        progress: Called as work goes on.
    """

    data: str | os.PathLike[str]
    out: str | os.PathLike[str]
    steps: int
    seeds: Sequence[int] = (0, 1, 2)
    folds: int = 5
    use_folds: int = 1
    arms: Sequence[str] | None = None
    radii_px: Sequence[float] = (5, 6, 10)
    protocol: str = "matching"
    recipe: str = "default"
    changes: Sequence[str] = ()
    device: str = "auto"
    overwrite: bool = False
    progress: Progress = silent


@dataclass(frozen=True, slots=True, eq=False)
class StudySummary:
    """A study, as far as it is.

    Attributes:
        design: What is compared.
        tables: Of all arms and seeds that have results.
        outcome: Of the trials asked for.
        files: What was written.
        radius_px: Radius that the overview is of.
    """

    design: Design
    tables: StudyTables
    outcome: Outcome
    files: StudyFiles
    radius_px: float


def study_maps(options: StudyOptions) -> LocatorStudy:
    """Return the study of the maps that a localiser learns; see :func:`maps_design`."""
    dataset = CellDataset.open(options.data)
    scale = [change for change in options.changes if change.partition("=")[0].strip() == "mpp"]
    recipe = load_recipe(LocatorRecipe, "locator", options.recipe, scale)
    cells = [dataset.read_cells(name) for name in dataset.names("training")]
    return _study(lambda: maps_design(typical_reach_px(cells, working_scale(recipe, cells))), options)


def study_theta(options: StudyOptions, *, network: str = NETWORK, thetas: Sequence[float] = THETAS) -> LocatorStudy:
    """Return the study of the share of differences in the gradient aggregation module; see :func:`theta_design`."""
    return _study(lambda: theta_design(network, thetas), options)


def study_networks(options: StudyOptions) -> LocatorStudy:
    """Return the study of all networks; see :func:`networks_design`."""
    return _study(networks_design, options)


def study_recipes(options: StudyOptions, *, recipes: Sequence[str]) -> LocatorStudy:
    """Return the study of any recipes, the first the reference; see :func:`recipes_design`.

    Raises:
        InvalidInputError: Two arms are the same recipe.
    """
    study = _study(lambda: recipes_design(recipes), options)
    names: dict[str, str] = {}
    for name, recipe in study.recipes.items():
        same = names.setdefault(recipe.model_dump_json(), name)
        if same != name:
            raise InvalidInputError(f"the arms {same!r} and {name!r} are the same recipe; leave one out.")
    return study


def run_study(study: LocatorStudy, options: StudyOptions, *, only_tables: bool = False) -> StudySummary:
    """Run what is missing of a study, or go on with it, and write tables and figures of all that is there.

    The same command again goes on where it was stopped. Several processes with the same settings share the work: no
    two run the same arm and seed.

    Args:
        study: From :func:`study_maps` or its like, with the same options.
        options: What it was made with.
        only_tables: Run nothing; the recipe may be another than the study was begun with.

    Raises:
        CellweaveError: The folder is not this study's, or a trial fails for a reason other than that it does not learn.
    """
    folder = StudyFolder(Path(options.out), study.identity)
    trials = study.trials(require_seeds(options.seeds))
    if only_tables:
        folder = folder.as_begun(may_differ=AS_BEGUN)
        same = folder.identity == StudyFolder(folder.folder, study.identity).identity
        outcome = look(folder, trials) if same else look_by_name(folder, trials)
    else:
        if not options.overwrite:
            folder.require_same()
        study.require_images()
        folder.start(overwrite=options.overwrite)
        outcome = run_trials(folder, trials, progress=options.progress)
    tables = make_tables(study.design, options.radii_px, folder.results())
    radius = main_radius(study, options.radii_px)
    files = write_study(
        study, tables, Path(options.out), settings=folder.identity, protocol=options.protocol, radius_px=radius
    )
    return StudySummary(study.design, tables, outcome, files, radius)


def plan_study(study: LocatorStudy, options: StudyOptions) -> StudyPlan:
    """Measure the steps of every arm, and return how long the study takes; nothing is written.

    Raises:
        CellweaveError: The folder holds something else, or a network cannot be trained here.
    """
    folder = StudyFolder(Path(options.out), study.identity)
    folder.require_same()
    trials = study.trials(require_seeds(options.seeds))
    return make_plan(study, [trial for trial in trials if folder.result(trial) is None])


def _study(design: Callable[[], Design], options: StudyOptions) -> LocatorStudy:
    budget = StudyBudget(options.steps, options.folds, options.use_folds)
    return LocatorStudy(
        design(),
        CellDataset.open(options.data),
        budget,
        arms=options.arms,
        recipe=options.recipe,
        changes=options.changes,
        radii_px=options.radii_px,
        device=options.device,
        progress=options.progress,
    )
