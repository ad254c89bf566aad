"""The studies of image models, from a model or a data set to tables and figures."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cellweave.workflows.studies.budget import StudyBudget
from cellweave.workflows.studies.image_designs import (
    REDUCTIONS,
    REFERENCE,
    SAMPLERS,
    SCALES,
    guidance_design,
    magnification_design,
    samplers_design,
)
from cellweave.workflows.studies.image_magnification import MagnificationStudy
from cellweave.workflows.studies.image_output import ImageStudy, write_image_study
from cellweave.workflows.studies.image_sampling_study import ImageSamplingStudy
from cellweave.workflows.studies.image_tables import ImageTables, make_image_tables
from cellweave.workflows.studies.options import ImageStudyOptions
from cellweave.workflows.studies.runner import StudySummary, run_or_look


def study_guidance(
    options: ImageStudyOptions,
    model: str | os.PathLike[str],
    *,
    scales: Sequence[float] = SCALES,
    sampler: str | None = None,
    split: str | None = None,
    batch_size: int = 8,
) -> ImageSamplingStudy:
    """Return the study of the scale of guidance of a model.

    Args:
        options: Data, budget and folder.
        model: Image model that was trained with its condition dropped.
        scales: s of NASDM's Eq. 7; 0 is no guidance.
        sampler: ``NAME:STEPS``; the model's own when None.
        split: Of the data; validation when None, or test where there is none.
        batch_size: Patches that are painted at once.

    Raises:
        CellweaveError: The model cannot be guided, or the data or an option is not usable.
    """
    return ImageSamplingStudy(
        model,
        options,
        lambda generator: guidance_design(generator, scales, sampler),
        split=split,
        batch_size=batch_size,
    )


def study_samplers(
    options: ImageStudyOptions,
    model: str | os.PathLike[str],
    *,
    samplers: Sequence[str] = SAMPLERS,
    reference: str = REFERENCE,
    guidance: float | None = None,
    split: str | None = None,
    batch_size: int = 8,
) -> ImageSamplingStudy:
    """Return the study of the samplers of a model; arguments as for :func:`study_guidance`.

    Args:
        options: Data, budget and folder.
        model: Image model.
        samplers: ``NAME:STEPS`` each.
        reference: The one of these that the others are compared with.
        guidance: s for all; the model's own when None.
        split: Of the data.
        batch_size: Patches that are painted at once.

    Raises:
        CellweaveError: There is no such sampler, or the model, the data or an option is not usable.
    """
    return ImageSamplingStudy(
        model,
        options,
        lambda generator: samplers_design(generator, samplers, reference, guidance),
        split=split,
        batch_size=batch_size,
    )


def study_magnification(
    options: ImageStudyOptions,
    steps: int,
    *,
    reductions: Sequence[int] = REDUCTIONS,
    folds: int = 5,
    use_folds: int = 1,
    recipe: str = "default",
    changes: Sequence[str] = (),
) -> MagnificationStudy:
    """Return the study of the magnification that a model learns.

    Args:
        options: Data, budget and folder.
        steps: Of every model.
        reductions: How many times smaller images become.
        folds: Into which the groups of the training split are divided.
        use_folds: Of which so many are held out in turn, a model each.
        recipe: Shipped recipe, or path of a YAML file.
        changes: Of the recipe, each ``a.b=value``.

    Raises:
        CellweaveError: The data, the recipe or an option is not usable.
    """
    budget = StudyBudget(steps, folds, use_folds)
    return MagnificationStudy(magnification_design(reductions), budget, options, recipe=recipe, changes=changes)


def run_image_study(study: ImageStudy, *, only_tables: bool = False) -> StudySummary[ImageTables]:
    """Run what is missing of a study, or go on with it, and write tables and figures of all that is there.

    Args:
        study: From :func:`study_guidance` or another function of this module.
        only_tables: Run nothing.

    Raises:
        CellweaveError: The folder is not this study's, or a trial fails for a reason other than that it does not learn.
    """
    folder, outcome = run_or_look(study, only_tables=only_tables)
    tables = make_image_tables(study.design, folder.results())
    return StudySummary(study.design, tables, outcome, write_image_study(study, tables, folder.folder))
