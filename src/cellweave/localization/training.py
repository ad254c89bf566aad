"""Training a localiser: folds for the calibration, then the final network, then the model folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from cellweave.core import Cells
from cellweave.core.devices import device_description
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset
from cellweave.localization.calibration import Calibration, Calibrator
from cellweave.localization.fitting import LocatorFitting
from cellweave.localization.locator import locator_config
from cellweave.localization.model_card import locator_card
from cellweave.localization.recipe import LocatorRecipe
from cellweave.localization.sources import LocatorSources, SourceImage
from cellweave.training import (
    Budget,
    Plan,
    TrainingRun,
    make_accelerator,
    read_log,
    run_identity,
    training_record,
)

UNKNOWN_SCALE_UM_PER_PX = 0.5
"""What the calibration's radius in micrometres is divided by where no scale is known (20x)."""

SEEN_BY_GENERATORS = (
    "the networks of the folds were trained on synthetic images as well; a generator that was trained on the images "
    "held out has seen their patients, so these scores may be too high, and the choice of window and threshold, which "
    "is all that they decide, biased. Judge the model on images that no generator has seen."
)
"""Note in ``metrics.json`` of a run with synthetic data."""


class LocatorTraining:
    """One training run of a localiser on the training splits of real data sets, and on synthetic ones beside them.

    Folds, window and threshold are made of real images alone; synthetic images are only trained on, by the final
    network and by those of the folds. A generator trained on all training images has seen the patients whom a fold
    holds out, and its images carry what it saw into the fold's network: the scores out of fold may be too high and
    the choice of window and threshold biased. Nothing else depends on them; ``metrics.json`` says so in a note.

    Args:
        data: Real data sets; several with the same classes. Their order matters to what is drawn.
        folder: The run's folder; becomes the model folder.
        recipe: The recipe.
        budget: Steps or minutes.
        synthetic: Generated data sets; all their images are trained on.
        synthetic_share: Share of the training crops that come from ``synthetic``, between 0 and 1; a half when None.
        seed: Of everything random in the run.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Throw away what another run left in the folder.
        command: The command that trains so, for the model's files; None leaves it out there.
        progress: Called as work goes on.

    Raises:
        DatasetError: A data set has no training images, or an image is not what the data set says.
        InvalidImageError: An image cannot be read, or its scale is far from that of the recipe.
        InvalidInputError: The data sets cannot be trained or calibrated on together or in these roles, or the folder
            is something else.
        ModelFolderError: The folder holds a run with other settings.
    """

    def __init__(
        self,
        data: Sequence[CellDataset],
        folder: Path,
        recipe: LocatorRecipe,
        budget: Budget,
        *,
        synthetic: Sequence[CellDataset] = (),
        synthetic_share: float | None = None,
        seed: int = 0,
        device: str = "auto",
        overwrite: bool = False,
        command: str | None = None,
        progress: Progress = silent,
    ) -> None:
        self.folder, self.recipe, self.budget = folder, recipe, budget
        self.seed, self.progress = seed, progress
        self._command = command
        self.sources = LocatorSources(data, synthetic, synthetic_share)
        self.folds = self.sources.folds(recipe.calibration.folds)
        self.mpp = working_scale(recipe, [image.cells for image in self.sources.real])
        self.accelerator: Accelerator = make_accelerator(device)
        self._require_images()
        self._fitting = LocatorFitting(
            recipe,
            len(self.sources.classes),
            self.mpp,
            seed,
            self.accelerator,
            share=self.sources.share,
            progress=progress,
        )
        identity = run_identity(recipe, self.sources.data, budget, seed) | self.sources.identity()
        self._run = TrainingRun(folder, identity, overwrite=overwrite)

    def run(self) -> dict[str, Any]:
        """Train, or go on where the run stopped, and write the model folder; return its metrics.

        A run that is complete already is not repeated.
        """
        metrics = self._run.start()
        if metrics is not None:
            return metrics
        start, before = time.perf_counter(), logged_seconds(self._run.state)
        share = self.recipe.calibration.share
        plan = self._run.plan(self.budget, self._measure, folds=len(self.folds), fold_share=share)
        calibration = self._calibrate(plan)
        weights = self._fit(
            "final", "training the final network", self.sources.real, self.sources.synthetic, plan.steps
        )
        metrics = self._metrics(plan, calibration, time.perf_counter() - start, before)
        config = locator_config(
            self.recipe,
            classes=self.sources.classes,
            mpp=self.mpp,
            finder=calibration.finder,
            class_reading=calibration.class_reading,
            training=training_record(self.sources.data, self.seed, metrics["training"]),
        )
        if self.accelerator.is_main_process:
            card = locator_card(config, metrics, sources=[one.source for one in self.sources.data])
            self._run.finish(weights=weights, config=config, metrics=metrics, card=card)
        return metrics

    def _require_images(self) -> None:
        """Read every image once, so that what is wrong is said before anything is written or thrown away."""
        images = [*self.sources.real, *self.sources.synthetic]
        for done, image in enumerate(images, start=1):
            image.read(self.mpp)
            self.progress("reading images", done, len(images))

    def _measure(self) -> float:
        return self._fitting.step_seconds(self.sources.real, self.sources.synthetic)

    def _calibrate(self, plan: Plan) -> Calibration:
        um_per_px = self.mpp if self.mpp is not None else UNKNOWN_SCALE_UM_PER_PX
        calibrator = Calibrator(self.recipe.calibration, self.recipe.calibration.radius_um / um_per_px)
        done = 0
        for number, fold in enumerate(self.folds, start=1):
            stage = f"cross-validation, fold {number} of {len(self.folds)}"
            weights = self._fit(f"fold-{number}", stage, fold.real, fold.synthetic, plan.fold_steps)
            predictor = self._fitting.predictor(f"fold-{number}", weights)
            for image in fold.held_out:
                pixels, truth = image.read(self.mpp)
                calibrator.add(image.key, predictor(pixels, turns=self.recipe.turns), truth)
                done += 1
                self.progress("calibrating window and threshold", done, len(self.sources.real))
        return calibrator.choose(self.sources.groups())

    def _fit(
        self, part: str, stage: str, real: Sequence[SourceImage], synthetic: Sequence[SourceImage], steps: int
    ) -> dict[str, torch.Tensor]:
        folder, run = self._run.state / part, self._run.identity
        return self._fitting.fit(part, real, synthetic, steps=steps, folder=folder, run=run, stage=stage)

    def _metrics(self, plan: Plan, calibration: Calibration, seconds: float, before: float) -> dict[str, Any]:
        synthetic = self.sources.describe_synthetic()
        validated = {
            "folds": len(self.folds),
            "steps_per_fold": plan.fold_steps,
            "groups": len(set(self.sources.groups().values())),
            **calibration.to_json(),
        }
        training = {
            "images": len(self.sources.real),
            "cells": sum(len(image.cells) for image in self.sources.real),
            "steps": plan.steps,
            "seconds": round(before + seconds, 1),
            "seconds_since_last_start": round(seconds, 1),
            "hardware": device_description(self.accelerator.device),
        }
        if self._command is not None:
            training["command"] = self._command
        if synthetic is not None:
            validated["note"] = SEEN_BY_GENERATORS
            training["synthetic"] = synthetic
        return {"cross_validation": validated, "training": training}


def logged_seconds(state: Path) -> float:
    """Return how long the steps took that are logged in the folder of a run: what earlier starts of it have spent.

    Raises:
        TableError: A log is damaged.
    """
    logs = [read_log(path) for path in sorted(state.glob("*/log.csv")) if path.stat().st_size]  # a kill may empty one
    return float(sum((log["step"].diff().fillna(log["step"]) * log["seconds_per_step"]).sum() for log in logs))


def working_scale(recipe: LocatorRecipe, images: Sequence[Cells]) -> float | None:
    """Return the scale that networks work at: the recipe's, or the median of the images'; None where unknown."""
    scales = [cells.mpp for cells in images if cells.mpp is not None]
    return recipe.mpp if recipe.mpp is not None else float(np.median(scales)) if scales else None
