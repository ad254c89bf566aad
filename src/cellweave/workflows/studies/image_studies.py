"""The studies of image models, from a model or a data set to tables and figures."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset
from cellweave.images import ImageGenerator
from cellweave.workflows.studies.budget import StudyBudget
from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.files import StudyFiles
from cellweave.workflows.studies.folder import StudyFolder
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
from cellweave.workflows.studies.image_painting import Way
from cellweave.workflows.studies.image_sampling_study import ImageSamplingStudy
from cellweave.workflows.studies.image_tables import ImageTables, make_image_tables
from cellweave.workflows.studies.runner import Outcome, look, run_trials
from cellweave.workflows.studies.seeds import require_seeds


@dataclass(frozen=True, slots=True)
class ImageStudyOptions:
    """What is the same in all studies of image models.

    Attributes:
        data: Data set whose layouts or masks are painted, and whose images are compared with.
        out: Folder of the study.
        seeds: Of everything random; every arm is run with each.
        count: Patches that every arm paints, or areas of a fold of the study of magnification; None takes as many as
            there are, up to 256, or 64.
        side: Of a patch, in pixels; None: a training crop rounded up to whole squares of 32 µm.
        encoder: What KID, FID and IS are measured with: ``in-domain``, a folder, or a TorchScript file.
        locator: What F1 is measured with; None: the shipped one, if it finds the classes of the data; ``none``: not.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Throw away what is in ``out`` of another study, or of this one.
        progress: Called as work goes on.
    """

    data: str | os.PathLike[str]
    out: str | os.PathLike[str]
    seeds: Sequence[int] = (0, 1, 2)
    count: int | None = None
    side: int | None = None
    encoder: str | os.PathLike[str] = "in-domain"
    locator: str | None = None
    device: str = "auto"
    overwrite: bool = False
    progress: Progress = silent


@dataclass(frozen=True, slots=True, eq=False)
class ImageStudySummary:
    """A study, as far as it is.

    Attributes:
        design: What is compared.
        tables: Of all arms and seeds that have results.
        outcome: Of the trials asked for.
        files: What was written.
    """

    design: Design
    tables: ImageTables
    outcome: Outcome
    files: StudyFiles


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
    return _sampling(options, model, split, batch_size, lambda one: guidance_design(one, scales, sampler))


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
    return _sampling(options, model, split, batch_size, lambda one: samplers_design(one, samplers, reference, guidance))


def _sampling(
    options: ImageStudyOptions,
    model: str | os.PathLike[str],
    split: str | None,
    batch_size: int,
    design: Callable[[ImageGenerator], tuple[Design, list[Way]]],
) -> ImageSamplingStudy:
    return ImageSamplingStudy(
        model,
        CellDataset.open(options.data),
        design,
        split=split,
        count=options.count,
        side=options.side,
        encoder=options.encoder,
        locator=options.locator,
        batch_size=batch_size,
        device=options.device,
        progress=options.progress,
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
    return MagnificationStudy(
        magnification_design(reductions),
        CellDataset.open(options.data),
        StudyBudget(steps, folds, use_folds),
        count=options.count,
        side=options.side,
        recipe=recipe,
        changes=changes,
        encoder=options.encoder,
        locator=options.locator,
        device=options.device,
        progress=options.progress,
    )


def run_image_study(study: ImageStudy, options: ImageStudyOptions, *, only_tables: bool = False) -> ImageStudySummary:
    """Run what is missing of a study, or go on with it, and write tables and figures of all that is there.

    The same command again goes on where it was stopped. Several processes with the same settings share the work: no
    two run the same arm and seed.

    Args:
        study: What is compared.
        options: Those that the study was made with.
        only_tables: Run nothing.

    Raises:
        CellweaveError: The folder is not this study's, or a trial fails for a reason other than that it does not learn.
    """
    folder = StudyFolder(Path(options.out), study.identity)
    trials = study.trials(require_seeds(options.seeds))
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
    tables = make_image_tables(study.design, folder.results())
    return ImageStudySummary(study.design, tables, outcome, write_image_study(study, tables, Path(options.out)))
