"""The whole path in one go: data, generators, synthetic tissue, two localisers, their scores, a report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellweave.core import DatasetError, InvalidInputError, Length
from cellweave.core.devices import choose_device
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset, write_png
from cellweave.data.phantom import write_phantom_dataset
from cellweave.data.tables import PointTable, cells_by_image
from cellweave.metrics import CellScores, LayoutScores
from cellweave.training import Budget
from cellweave.workflows.demo_comparison import Comparison, compare_located
from cellweave.workflows.demo_overview import overview
from cellweave.workflows.demo_plan import DemoPlan
from cellweave.workflows.demo_record import DemoRecord
from cellweave.workflows.demo_report import demo_report
from cellweave.workflows.demo_results import DemoResults, LocatedImage, LocatorArm
from cellweave.workflows.generate import generate_dataset
from cellweave.workflows.locate import locate_images
from cellweave.workflows.score import score_cells_files
from cellweave.workflows.score_images import score_image_datasets
from cellweave.workflows.score_layouts import score_layout_datasets
from cellweave.workflows.train import TrainingSummary, train_images, train_layouts, train_locator

MINUTES = 8.0
"""For everything, on two idle cores."""

RADIUS_UM = 3.0
"""Radius of the scores: 6 px at 20x."""

REAL_ONLY = ("real images only", "real only")
WITH_SYNTHETIC = ("real and synthetic images", "with synthetic")
"""What the two localisers have learnt from, in words and in short."""


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What a demonstration made.

    Attributes:
        report: The report, one HTML file.
        models: Model folders: ``layouts``, ``images``, ``locator``, ``locator-synthetic``.
        scores: Of the localiser trained on real images only, on images that nothing was trained on.
        scores_with_synthetic: Of the one trained on synthetic images as well.
        comparison: Of the two.
        layout_scores: Of the synthetic layouts; in words why there are none, where they cannot be scored.
        seconds: Time that all parts took, earlier starts included.
    """

    report: Path
    models: Mapping[str, Path]
    scores: CellScores
    scores_with_synthetic: CellScores
    comparison: Comparison
    layout_scores: LayoutScores | str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the summary as JSON."""
        made = self.layout_scores
        return {
            "report": str(self.report),
            "models": {name: str(path) for name, path in self.models.items()},
            "scores": self.scores.to_json(),
            "scores_with_synthetic": self.scores_with_synthetic.to_json(),
            "comparison": self.comparison.to_json(),
            "layouts": made if isinstance(made, str) else made.to_json(),
            "seconds": round(self.seconds, 1),
        }


def run_demo(
    out: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    minutes: float = MINUTES,
    seed: int = 0,
    plan: DemoPlan | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = silent,
) -> DemoSummary:
    """Walk the whole path from annotated images to a localiser trained with synthetic ones, and write ``report.html``.

    Data; a layout model and an image model; synthetic images; their scores; a localiser trained on the real images, one
    trained for as many steps on synthetic images as well; their scores on images that nothing was trained on.

    Given again, the same demonstration goes on where it was stopped: data, trainings and the generation are not
    repeated, what takes seconds (locating, scores, report) is.

    Args:
        out: Folder to work in.
        data: Data set with classes, training images, and validation or test images; None makes phantom tissue.
        minutes: Time for everything, on the machine as busy as it is when the steps are planned.
        seed: Of everything random.
        plan: How the minutes are divided; :class:`DemoPlan` as it is when None.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Begin anew where ``out`` holds a demonstration, of whatever settings.
        progress: Called as work goes on.

    Raises:
        InvalidInputError: The data set has no images to score on, or no classes.
        OutputError: ``out`` holds a demonstration with other settings.
        CellweaveError: The data or the folder cannot be used.
    """
    out, plan = Path(out), plan or DemoPlan()
    budgets = plan.budgets(minutes)  # what is asked for is refused before anything is written
    choose_device(device)
    given = None if data is None else CellDataset.open(data)
    if given is not None:
        _require_classes(given)
        _split_to_score(given)
        plan.changes(given)
    checksum = None if given is None else given.checksum
    identity = {"seed": seed, "minutes": minutes, "plan": asdict(plan), "data": checksum}
    record = DemoRecord(out, identity, overwrite=overwrite)
    settings: dict[str, Any] = {"device": device, "progress": progress}
    common: dict[str, Any] = {**settings, "overwrite": overwrite, "seed": seed}

    real = given or _phantom(
        out / "data", record, images=plan.patches, seed=seed, overwrite=overwrite, progress=progress
    )
    split, changes = _split_to_score(real), plan.changes(real)
    radius = _radius(real, split)
    with record.part("layouts"):
        layouts = train_layouts(
            real.root, out / "layouts", **_one(budgets["layouts"]), changes=changes["layouts"], **common
        )
    with record.part("images"):
        images = train_images(real.root, out / "images", **_one(budgets["images"]), changes=changes["images"], **common)
    with record.part("synthetic"):
        made = out / "synthetic"
        if not (record.done("synthetic") and (made / "dataset.json").is_file()):
            generate_dataset(layouts.model, images.model, made, count=plan.synthetic, batch_size=8, **common)
        synthetic = CellDataset.open(made)
    with record.part("layout scores"):
        layout_scores = _layout_scores(real, synthetic, out / "layout-scores.json", seed=seed)
    with record.part("locator"):
        first = train_locator(
            real.root, out / "locator", **_one(budgets["locator"]), changes=changes["locator"], **common
        )
    with record.part("locator-synthetic"):
        second = train_locator(
            real.root,
            out / "locator-synthetic",
            synthetic=made,
            synthetic_share=plan.synthetic_share,
            steps=first.metrics["training"]["steps"],
            changes=changes["locator"],
            **common,
        )
    with record.part("locating and scores"):
        arms = (
            _arm(REAL_ONLY, first, real, split, radius, **settings),
            _arm(WITH_SYNTHETIC, second, real, split, radius, **settings),
        )
        comparison = _compared(arms, real, radius, seed)
        image_scores = score_image_datasets(
            made, first.model, real=real.root, real_split=split, radius=radius, seed=seed, **settings
        )
    with record.part("report"):
        results = DemoResults(
            out=out,
            real=real,
            phantom=given is None,
            split=split,
            radius=radius,
            seed=seed,
            minutes=minutes,
            plan=plan,
            changes=changes,
            record=record,
            layouts=layouts,
            images=images,
            synthetic=synthetic,
            layout_scores=layout_scores,
            image_scores=image_scores,
            arms=arms,
            comparison=comparison,
        )
        write_png(out / "overview.png", overview(results))
        report = demo_report(results).write(out / "report.html")
    return DemoSummary(
        report=report,
        models={one.model.name: one.model for one in (layouts, images, first, second)},
        scores=arms[0].scores,
        scores_with_synthetic=arms[1].scores,
        comparison=comparison,
        layout_scores=layout_scores,
        seconds=record.seconds,
    )


def _one(budget: Budget) -> dict[str, Any]:
    return {"steps": budget.steps, "minutes": budget.minutes}


def _phantom(
    place: Path, record: DemoRecord, *, images: int, seed: int, overwrite: bool, progress: Progress
) -> CellDataset:
    with record.part("data"):
        if not (record.done("data") and (place / "dataset.json").is_file()):
            write_phantom_dataset(place, images=images, seed=seed, overwrite=overwrite, progress=progress)
    return CellDataset.open(place)


def _require_classes(dataset: CellDataset) -> None:
    if not dataset.classes:
        raise InvalidInputError(
            f"{dataset.root} has no classes, and synthetic layouts and images are made of classes; import it with the "
            "class of every cell, or train a localiser alone with `cellweave train locator`."
        )


def _split_to_score(dataset: CellDataset) -> str:
    for split in ("validation", "test"):
        if (dataset.images["split"] == split).any():
            return split
    raise InvalidInputError(
        f"{dataset.root} has neither validation nor test images, so there is nothing to score on; "
        "give some images another split and import the data again."
    )


def _radius(dataset: CellDataset, split: str) -> Length:
    scales = dataset.images.loc[dataset.images["split"] == split, "mpp"]
    return Length(RADIUS_UM, "um") if np.isfinite(scales).all() else Length(2 * RADIUS_UM)


def _layout_scores(real: CellDataset, synthetic: CellDataset, place: Path, *, seed: int) -> LayoutScores | str:
    """Return the scores, or in words why these data sets cannot be scored: of unknown scale, or in too small frames."""
    try:
        return score_layout_datasets(real.root, synthetic.root, seed=seed, out=place, overwrite=True)
    except DatasetError as error:
        return str(error)


def _arm(
    words: tuple[str, str], trained: TrainingSummary, real: CellDataset, split: str, radius: Length, **settings: Any
) -> LocatorArm:
    found = trained.model.with_name(f"found-by-{trained.model.name}")
    located = locate_images(real.root, trained.model, found, split=split, overwrite=True, **settings)
    scores = score_cells_files(
        real.root,
        found,
        split=split,
        protocol="greedy",
        radii=[radius],
        out=found.with_name(f"{trained.model.name}-scores.json"),
        overwrite=True,
    )
    truth = {image: real.read_cells(image) for image in real.names(split)}
    predicted = cells_by_image(
        PointTable.read(found / "cells.parquet"),
        shapes={image: cells.shape for image, cells in truth.items()},
        classes=real.class_names,
        mpp={image: cells.mpp for image, cells in truth.items()},
    )
    seen = [LocatedImage(real, image, cells, predicted[image]) for image, cells in truth.items()]
    return LocatorArm(*words, trained, located, scores, seen)


def _compared(arms: tuple[LocatorArm, LocatorArm], real: CellDataset, radius: Length, seed: int) -> Comparison:
    truth = {one.name: one.truth for one in arms[0].images}
    first, second = ({one.name: one.predicted for one in arm.images} for arm in arms)
    return compare_located(truth, first, second, radius=radius, groups=real.groups(), seed=seed)
