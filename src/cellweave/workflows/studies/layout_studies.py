"""The studies of layout models, from a data set to tables and figures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset
from cellweave.workflows.studies.budget import StudyBudget
from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.files import StudyFiles
from cellweave.workflows.studies.folder import StudyFolder
from cellweave.workflows.studies.layout_output import write_layout_study
from cellweave.workflows.studies.layout_plan import make_layout_plan
from cellweave.workflows.studies.layout_study import LayoutStudy
from cellweave.workflows.studies.layout_tables import LayoutTables, make_layout_tables
from cellweave.workflows.studies.plan import StudyPlan
from cellweave.workflows.studies.runner import Outcome, look, run_trials
from cellweave.workflows.studies.seeds import require_seeds


@dataclass(frozen=True, slots=True)
class LayoutStudyOptions:
    """What is the same in all studies of layout models.

    Attributes:
        data: Data set; its training split is learnt from and compared with, by folds of whole patients or slides.
        out: Folder of the study.
        steps: Of every model.
        seeds: Of everything random; one model each, for every arm and fold used.
        folds: Into which the training split is divided; two give both sides of every comparison equally many layouts.
        use_folds: Of which so many are held out in turn.
        count: Layouts that every model draws; a multiple of the counting categories of all arms.
        arms: Names of the arms to run; all when None. Tables show all that have results.
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
    folds: int = 2
    use_folds: int = 1
    count: int = 40
    arms: Sequence[str] | None = None
    recipe: str = "default"
    changes: Sequence[str] = ()
    device: str = "auto"
    overwrite: bool = False
    progress: Progress = silent


@dataclass(frozen=True, slots=True, eq=False)
class LayoutStudySummary:
    """A study, as far as it is.

    Attributes:
        design: What is compared.
        tables: Of all arms and seeds that have results.
        outcome: Of the trials asked for.
        files: What was written.
    """

    design: Design
    tables: LayoutTables
    outcome: Outcome
    files: StudyFiles


def run_layout_study(design: Design, options: LayoutStudyOptions, *, only_tables: bool = False) -> LayoutStudySummary:
    """Run what is missing of a study, or go on with it, and write tables and figures of all that is there.

    The same command again goes on where it was stopped. Several processes with the same settings share the work: no
    two run the same arm and seed.

    Args:
        design: What is compared; see :mod:`cellweave.workflows.studies.layout_designs`.
        options: Data, budget and folder.
        only_tables: Run nothing.

    Raises:
        CellweaveError: The options make no sense, the folder is not this study's, or a trial fails for a reason other
            than that it does not learn.
    """
    seeds = require_seeds(options.seeds)
    study = _study(design, options)
    folder = StudyFolder(Path(options.out), study.identity)
    trials = study.trials(seeds)
    if only_tables:
        folder.require_same()
        outcome = look(folder, trials)
    else:
        if not options.overwrite:
            folder.require_same()
        if options.overwrite or look(folder, trials).missing:
            study.measure_references()
        folder.start(overwrite=options.overwrite)
        outcome = run_trials(folder, trials, progress=options.progress)
    tables = make_layout_tables(design, folder.results())
    return LayoutStudySummary(design, tables, outcome, write_layout_study(study, tables, Path(options.out)))


def plan_layout_study(design: Design, options: LayoutStudyOptions) -> StudyPlan:
    """Measure the steps of every arm, and return how long the study takes; nothing is written.

    Raises:
        CellweaveError: The options make no sense, the folder holds something else, or a model cannot be trained here.
    """
    seeds = require_seeds(options.seeds)
    study = _study(design, options)
    folder = StudyFolder(Path(options.out), study.identity)
    folder.require_same()
    return make_layout_plan(study, [trial for trial in study.trials(seeds) if folder.result(trial) is None])


def _study(design: Design, options: LayoutStudyOptions) -> LayoutStudy:
    return LayoutStudy(
        design,
        CellDataset.open(options.data),
        StudyBudget(options.steps, options.folds, options.use_folds),
        count=options.count,
        arms=options.arms,
        recipe=options.recipe,
        changes=options.changes,
        device=options.device,
        progress=options.progress,
    )
