"""What a study of localisers leaves beside its trials: tables for people and for programs, and figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cellweave.core import InvalidInputError
from cellweave.localization.training import UNKNOWN_SCALE_UM_PER_PX
from cellweave.metrics import PROTOCOLS
from cellweave.workflows.studies.drawing import draw_study
from cellweave.workflows.studies.effective_recipe import RECIPE, with_effective_recipe
from cellweave.workflows.studies.files import StudyFiles, require_results, write_tables
from cellweave.workflows.studies.held_out import CALIBRATED
from cellweave.workflows.studies.locator_study import CLASS_READING, LocatorStudy
from cellweave.workflows.studies.markdown import markdown
from cellweave.workflows.studies.table_rows import machines_in_words, seeds_in_words
from cellweave.workflows.studies.tables import StudyTables

CLASSES_READ = (
    f"Classes of `{CALIBRATED}`: with the neighbours' say and factors between classes that were chosen, by the mean F1 "
    "of the classes, on the same other images as window and threshold; of recipes with calibration.class_reading "
    "false, the most probable ones."
)
CLASSES_MOST_PROBABLE = f"Classes of `{CALIBRATED}`: the most probable ones; the study is of a version without others."
OTHER_RECIPE = "The study was begun with another recipe than the one given now; summary.json has it."


def main_radius(study: LocatorStudy, radii_px: Sequence[float]) -> float:
    """Return the radius that overview and figures are of: that of the calibration where it is given, else the first."""
    recipe = study.recipes[study.arms[0].name]
    mpp = study.mpp(recipe)
    calibrated = recipe.calibration.radius_um / (UNKNOWN_SCALE_UM_PER_PX if mpp is None else mpp)
    return next((float(radius) for radius in radii_px if math.isclose(radius, calibrated)), float(radii_px[0]))


def write_study(
    study: LocatorStudy,
    tables: StudyTables,
    out: Path,
    *,
    settings: Mapping[str, Any],
    protocol: str,
    radius_px: float,
) -> StudyFiles:
    """Write tables and figures of what is there, and return where they are.

    Args:
        study: What is compared.
        tables: Its tables.
        out: Folder.
        settings: Identity that the study was begun with.
        protocol: Scoring protocol of Markdown and figures.
        radius_px: Radius of the overview.

    Raises:
        InvalidInputError: There is no such protocol, or no trial has ended.
        OutputError: A file cannot be written.
    """
    if protocol not in PROTOCOLS:
        raise InvalidInputError(f"--protocol is one of {', '.join(PROTOCOLS)}, got {protocol!r}.")
    require_results(tables.arms, out)
    radii = [radius.value for radius in study.radii]
    about = facts(study, tables, settings)
    text = markdown(study.design, tables, about=about, radii_px=radii, radius_px=radius_px, protocol=protocol)
    files = write_tables(
        out,
        text,
        study.design,
        settings=settings,
        about={
            "images": tables.images,
            "groups": tables.groups,
            "protocol": protocol,
            "radius_px": radius_px,
            "facts": list(about),
        },
        tables={"arms": tables.arms, "scores": tables.scores, "differences": tables.differences},
    )
    return replace(files, figures=draw_study(study.design, tables, out, protocol=protocol, radius_px=radius_px))


def facts(study: LocatorStudy, tables: StudyTables, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what was compared on what, one sentence each; arguments are those of :func:`write_study`."""
    data, budget = study.sources.data[0], study.budget
    return (
        f"Data: {data.name}, training split, {len(study.sources.real)} images; {tables.images} images of "
        f"{tables.groups} patients or slides held out, {budget.use_folds} of {budget.folds} folds.",
        f"{budget.steps} steps for every network; seeds {seeds_in_words(tables.arms)}.",
        f"Speeds: {machines_in_words(tables.arms)}, beside whatever else ran; medians.",
        *study.design.facts,
        CLASSES_READ if CLASS_READING in settings else CLASSES_MOST_PROBABLE,
        *([] if _recipe_of(settings) == _recipe_of(study.identity) else [OTHER_RECIPE]),
    )


def _recipe_of(settings: Mapping[str, Any]) -> Any:
    return with_effective_recipe(settings, LocatorStudy.recipe_type).get(RECIPE)
