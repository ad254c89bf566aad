"""The whole path in one go: a data set, a localiser trained on it, its cells, its scores, a report."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellweave.core import InvalidInputError, Length
from cellweave.core.devices import choose_device
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset, write_png
from cellweave.data.phantom import write_phantom_dataset
from cellweave.data.tables import PointTable, cells_by_image
from cellweave.metrics import CellScores
from cellweave.training import Budget
from cellweave.workflows.demo_report import LocatedImage, localisation_report, overview
from cellweave.workflows.locate import locate_images
from cellweave.workflows.score import score_cells_files
from cellweave.workflows.train import train_locator

RADIUS_UM = 3.0
"""Radius of the scores: 6 px at 20x."""


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What a demonstration made.

    Attributes:
        report: The report, one HTML file.
        model: The trained localiser.
        scores: Its scores on images that it was not trained on.
    """

    report: Path
    model: Path
    scores: CellScores


def run_demo(
    out: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    minutes: float = 3.0,
    images: int = 36,
    seed: int = 0,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = silent,
) -> DemoSummary:
    """Train a localiser, find the cells of images that it has not seen, score them, and write ``report.html``.

    Given again, the same demonstration goes on where it was stopped; a finished training is not repeated.

    Args:
        out: Folder to work in.
        data: Data set with training images, and validation or test images; None makes phantom tissue.
        minutes: Time for the training, cross-validation included.
        images: Phantom patches to make, 256 px wide.
        seed: Of everything random.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Train anew where ``out`` holds a model of other settings.
        progress: Called as work goes on.

    Raises:
        InvalidInputError: The data set has no images to score on.
        CellweaveError: The data or the folder cannot be used.
    """
    out = Path(out)
    Budget(minutes=minutes)  # this and the device are refused before anything is written
    choose_device(device)
    if data is None:
        data = write_phantom_dataset(out / "data", images=images, seed=seed, overwrite=True, progress=progress)
    dataset = CellDataset.open(data)
    split = _split_to_score(dataset)
    trained = train_locator(
        data, out / "model", minutes=minutes, seed=seed, device=device, overwrite=overwrite, progress=progress
    )
    predicted = out / "predicted"
    located = locate_images(
        data, trained.model, predicted, split=split, device=device, overwrite=True, progress=progress
    )
    radius = _radius(dataset, split)
    scores = score_cells_files(data, predicted, split=split, protocol="greedy", radii=[radius])
    shown = _located_images(dataset, split, predicted / "cells.parquet")
    report = localisation_report(dataset, split, trained, located, scores, radius=radius, shown=shown, seed=seed)
    write_png(out / "overview.png", overview(shown, dataset.colours, radius))
    return DemoSummary(report.write(out / "report.html"), trained.model, scores)


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
    return Length(RADIUS_UM, "um") if np.isfinite(scales).all() else Length(6.0)


def _located_images(dataset: CellDataset, split: str, table: Path) -> list[LocatedImage]:
    truth = {name: dataset.read_cells(name) for name in dataset.names(split)}
    predicted = cells_by_image(
        PointTable.read(table),
        shapes={name: cells.shape for name, cells in truth.items()},
        classes=dataset.class_names,
        mpp={name: cells.mpp for name, cells in truth.items()},
    )
    return [LocatedImage(dataset, name, cells, predicted[name]) for name, cells in truth.items()]
