"""The studies of layout models, from a data set to tables and figures."""

from __future__ import annotations

from cellweave.workflows.studies.layout_output import write_layout_study
from cellweave.workflows.studies.layout_plan import make_layout_plan
from cellweave.workflows.studies.layout_study import LayoutStudy
from cellweave.workflows.studies.layout_tables import LayoutTables, make_layout_tables
from cellweave.workflows.studies.plan import StudyPlan
from cellweave.workflows.studies.runner import StudySummary, missing_trials, run_or_look


def run_layout_study(study: LayoutStudy, *, only_tables: bool = False) -> StudySummary[LayoutTables]:
    """Run what is missing of a study, or go on with it, and write tables and figures of all that is there.

    Args:
        study: A design of :mod:`cellweave.workflows.studies.layout_designs`, with its data, budget and folder.
        only_tables: Run nothing.

    Raises:
        CellweaveError: The folder is not this study's, or a trial fails for a reason other than that it does not learn.
    """
    folder, outcome = run_or_look(study, only_tables=only_tables)
    tables = make_layout_tables(study.design, folder.results())
    return StudySummary(study.design, tables, outcome, write_layout_study(study, tables, folder.folder))


def plan_layout_study(study: LayoutStudy) -> StudyPlan:
    """Measure the steps of every arm, and return how long the study takes; nothing is written.

    Raises:
        CellweaveError: The folder holds something else, or a model cannot be trained here.
    """
    return make_layout_plan(study, missing_trials(study))
