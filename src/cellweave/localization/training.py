"""Training a localiser: folds for the calibration, then the final network, then the model folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from cellweave.core import Cells, InvalidImageError, InvalidInputError, torch_generator
from cellweave.core.devices import device_description
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset
from cellweave.localization.calibration import Calibration, Calibrator, grouped_folds
from cellweave.localization.inference import Predictor
from cellweave.localization.locator import locator_config
from cellweave.localization.loss import LocatorLoss, class_weights
from cellweave.localization.model_card import locator_card
from cellweave.localization.recipe import LocatorRecipe
from cellweave.localization.samples import LocatorSamples, resized
from cellweave.localization.unet import UNet
from cellweave.training import (
    Budget,
    Plan,
    TrainingRun,
    fit,
    initialise,
    make_accelerator,
    run_identity,
    timed_step,
    training_record,
)

UNKNOWN_SCALE_UM_PER_PX = 0.5
"""What the calibration's radius in micrometres is divided by where no scale is known (20x)."""


class LocatorTraining:
    """One training run of a localiser on the training split of a data set.

    Args:
        dataset: The data set.
        folder: The run's folder; becomes the model folder.
        recipe: The recipe.
        budget: Steps or minutes.
        seed: Of everything random in the run.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Throw away what another run left in the folder.
        progress: Called as work goes on.

    Raises:
        DatasetError: There are no training images, or one of them is not what the data set says.
        InvalidImageError: One of them cannot be read, or its scale is far from that of the recipe.
        InvalidInputError: They cannot be trained or calibrated on, or the folder is something else.
        ModelFolderError: The folder holds a run with other settings.
    """

    def __init__(
        self,
        dataset: CellDataset,
        folder: Path,
        recipe: LocatorRecipe,
        budget: Budget,
        *,
        seed: int = 0,
        device: str = "auto",
        overwrite: bool = False,
        progress: Progress = silent,
    ) -> None:
        self.dataset, self.folder, self.recipe, self.budget = dataset, folder, recipe, budget
        self.seed, self.progress = seed, progress
        self.names = dataset.names("training")
        self.annotated = {name: dataset.read_cells(name) for name in self.names}
        if not any(len(cells) for cells in self.annotated.values()):
            raise InvalidInputError(f"the training images of {dataset.root} have no cells; nothing can be learnt.")
        if dataset.classes and not any((cells.labels >= 0).any() for cells in self.annotated.values()):
            raise InvalidInputError(
                f"the training images of {dataset.root} declare the classes {list(dataset.class_names)}, but "
                "no cell has one; label some cells, or import them without classes."
            )
        groups = dataset.groups()
        self.folds = grouped_folds([groups[name] for name in self.names], recipe.calibration.folds)
        self.mpp = recipe.mpp if recipe.mpp is not None else _median_scale(list(self.annotated.values()))
        self.accelerator: Accelerator = make_accelerator(device)
        self._require_images()
        self._run = TrainingRun(folder, run_identity(recipe, dataset, budget, seed), overwrite=overwrite)

    def run(self) -> dict[str, Any]:
        """Train, or go on where the run stopped, and write the model folder; return its metrics.

        A run that is complete already is not repeated.
        """
        metrics = self._run.start()
        if metrics is not None:
            return metrics
        start = time.perf_counter()
        share = self.recipe.calibration.share
        plan = self._run.plan(self.budget, self._measure, folds=len(self.folds), fold_share=share)
        calibration = self._calibrate(plan)
        weights = self._fit("final", "training the final network", self.names, plan.steps)
        metrics = self._metrics(plan, calibration, time.perf_counter() - start)
        config = locator_config(
            self.recipe,
            classes=self.dataset.classes,
            mpp=self.mpp,
            finder=calibration.finder,
            training=training_record(self.dataset, self.seed, metrics["training"]),
        )
        if self.accelerator.is_main_process:
            card = locator_card(config, metrics, source=self.dataset.source)
            self._run.finish(weights=weights, config=config, metrics=metrics, card=card)
        return metrics

    def _require_images(self) -> None:
        """Read every image once, so that what is wrong is said before anything is written or thrown away."""
        for done, name in enumerate(self.names, start=1):
            pixels = self.dataset.read_image(name)
            try:
                resized(pixels, self.annotated[name], self.mpp)
            except InvalidImageError as error:
                raise InvalidImageError(f"{self.dataset.image_path(name)}: {error}") from error
            self.progress("reading images", done, len(self.names))

    def _measure(self) -> float:
        network, samples = self._network("timing"), self._samples("timing", self.names)
        loss, accelerator = self._loss(self.names), self.accelerator
        return timed_step(network, loss, samples, self.recipe.fit, accelerator=accelerator, progress=self.progress)

    def _calibrate(self, plan: Plan) -> Calibration:
        um_per_px = self.mpp if self.mpp is not None else UNKNOWN_SCALE_UM_PER_PX
        calibrator = Calibrator(self.recipe.calibration, self.recipe.calibration.radius_um / um_per_px)
        done = 0
        for number, held_out in enumerate(self.folds, start=1):
            out = [self.names[i] for i in held_out]
            kept = [name for name in self.names if name not in set(out)]
            stage = f"cross-validation, fold {number} of {len(self.folds)}"
            weights = self._fit(f"fold-{number}", stage, kept, plan.fold_steps)
            network = self._network(f"fold-{number}")
            network.load_state_dict(weights)
            predictor = Predictor(network, self.accelerator.device, precision=self.recipe.fit.precision)
            for name in out:
                image, truth = resized(self.dataset.read_image(name), self.annotated[name], self.mpp)
                calibrator.add(name, predictor(image), truth)
                done += 1
                self.progress("calibrating window and threshold", done, len(self.names))
        return calibrator.choose(self.dataset.groups())

    def _fit(self, part: str, stage: str, names: Sequence[str], steps: int) -> dict[str, torch.Tensor]:
        network = self._network(part).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return fit(
            network,
            self._loss(names),
            self._samples(part, names),
            self.recipe.fit,
            folder=self._run.state / part,
            steps=steps,
            seed=self.seed,
            run=self._run.identity,
            accelerator=self.accelerator,
            stage=stage,
            progress=self.progress,
        )

    def _network(self, part: str) -> UNet:
        network = UNet(self.recipe.network, len(self.dataset.classes))
        initialise(network, torch_generator(self.seed, "weights", part))
        return network

    def _samples(self, part: str, names: Sequence[str]) -> LocatorSamples:
        sources = [(self.dataset, name) for name in names]
        return LocatorSamples(sources, self.recipe, mpp=self.mpp, seed=self.seed, part=part)

    def _loss(self, names: Sequence[str]) -> LocatorLoss:
        annotated = [self.annotated[name] for name in names]
        weights = class_weights(annotated, len(self.dataset.classes), self.recipe.loss.balance)
        return LocatorLoss(self.recipe.loss, weights)

    def _metrics(self, plan: Plan, calibration: Calibration, seconds: float) -> dict[str, Any]:
        groups = self.dataset.groups()
        return {
            "cross_validation": {
                "folds": len(self.folds),
                "steps_per_fold": plan.fold_steps,
                "groups": len({groups[name] for name in self.names}),
                **calibration.to_json(),
            },
            "training": {
                "images": len(self.names),
                "cells": sum(len(cells) for cells in self.annotated.values()),
                "steps": plan.steps,
                "seconds_since_last_start": round(seconds, 1),
                "hardware": device_description(self.accelerator.device),
            },
        }


def _median_scale(annotated: Sequence[Cells]) -> float | None:
    scales = [cells.mpp for cells in annotated if cells.mpp is not None]
    return float(np.median(scales)) if scales else None
