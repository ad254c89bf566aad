"""Training a layout model: rasters, categories, the diffusion network, a calibrated decoder, the model folder."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cellweave.core import InvalidInputError, torch_generator
from cellweave.core.devices import device_description
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset
from cellweave.diffusion import DenoisingLoss, DiffusionProcess, DiffusionUNet
from cellweave.layouts.calibration import calibrate_finder
from cellweave.layouts.count_projection import ChannelMeans
from cellweave.layouts.model_card import layout_card
from cellweave.layouts.model_config import layout_config
from cellweave.layouts.network import build_network
from cellweave.layouts.raster import draw_layouts
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.layouts.samples import LayoutSamples
from cellweave.layouts.starting_point import LayoutStart
from cellweave.maps import DensityCache
from cellweave.training import Budget, TrainingRun, make_accelerator, run_identity, train_network, training_record
from cellweave.training.starting_point import refuse_own_folder

MEASURED_CROPS = 512
"""Crops that the means of channels are learnt from."""


class LayoutTraining:
    """One training run of a layout model on the training split of a data set.

    Args:
        dataset: The data set.
        folder: The run's folder; becomes the model folder.
        recipe: The recipe.
        budget: Steps or minutes.
        seed: Of everything random in the run.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Throw away what another run left in the folder.
        start_from: A model folder, or a shipped model's name, whose weights are the initial ones, and whose scales of
            channels and counts are used; None: from scratch, with scales fitted to the layouts.
        density_cache: Keeps density maps from run to run; worth it where many runs fit the same copula models.
        progress: Called as work goes on.

    Raises:
        DatasetError: There are no training images.
        InvalidInputError: There are no classes, scales differ, images are too small or too alike in their counts, or
            the model to start from does not fit data and recipe.
        ModelFolderError: The folder holds a run with other settings, or the model to start from cannot be read.
    """

    def __init__(
        self,
        dataset: CellDataset,
        folder: Path,
        recipe: LayoutRecipe,
        budget: Budget,
        *,
        seed: int = 0,
        device: str = "auto",
        overwrite: bool = False,
        start_from: str | os.PathLike[str] | None = None,
        density_cache: DensityCache | None = None,
        progress: Progress = silent,
    ) -> None:
        if not dataset.classes:
            raise InvalidInputError(f"{dataset.root} has no classes; a layout model needs at least one.")
        if not 0 <= seed < 2**32:  # what all stages of a generation take
            raise InvalidInputError(f"a seed is a number from 0 to {2**32 - 1}, got {seed}.")
        self.dataset, self.recipe, self.budget = dataset, recipe, budget
        self.seed, self.progress = seed, progress
        self.accelerator = make_accelerator(device)
        self.start: LayoutStart | None = None
        identity = run_identity(recipe, dataset, budget, seed)
        if start_from is not None:
            refuse_own_folder(folder, start_from)
            self.start = LayoutStart.read(start_from, recipe, dataset.classes)
            identity |= self.start.weights.identity
        self._run = TrainingRun(folder, identity, overwrite=overwrite)
        annotated = [dataset.read_cells(name) for name in dataset.names("training")]
        if not any((cells.labels >= 0).any() for cells in annotated):
            raise InvalidInputError(
                f"the training images of {dataset.root} have no cell of a known class; a layout model learns those."
            )
        self.mpp = dataset.one_scale("training")
        progress("drawing layouts", 0, 1)
        given = None if self.start is None else (self.start.scale, self.start.density_constant)
        drawn = draw_layouts(annotated, recipe, seed=seed, cache=density_cache, given=given)
        self.density_constant = drawn.density_constant
        progress("drawing layouts", 1, 1)
        self.samples = LayoutSamples(drawn, recipe, seed=seed)
        self.class_counts = self.samples.count_crops(self.start)
        self.process = DiffusionProcess(recipe.process)

    def run(self) -> dict[str, Any]:
        """Train, or go on where the run stopped, and write the model folder; return its metrics.

        A run that is complete already is not repeated.
        """
        metrics = self._run.start()
        if metrics is not None:
            return metrics
        start = time.perf_counter()
        plan, weights = train_network(
            self._run,
            self.network,
            self.loss(),
            self.samples,
            self.recipe.fit,
            budget=self.budget,
            seed=self.seed,
            accelerator=self.accelerator,
            stage="training the layout model",
            progress=self.progress,
        )
        network = self.network()
        network.load_state_dict(weights)
        network.to(self.accelerator.device).eval()
        calibration = calibrate_finder(
            network, self.process, self.samples, self.recipe, classes=self.dataset.class_names, progress=self.progress
        )
        totals = self.class_counts.sum(axis=1)
        metrics = {
            "decoder": calibration.to_json(),
            "counts": {
                "category_bounds": list(self.samples.categories.bounds),
                "training_crop_mean": float(totals.mean()),
                "training_crop_class_means": dict(
                    zip(self.dataset.class_names, self.class_counts.mean(axis=0).tolist(), strict=True)
                ),
                "training_crop_quantiles": np.quantile(totals, [0, 0.25, 0.5, 0.75, 1]).tolist(),
            },
            "training": {
                "images": len(self.dataset.names("training")),
                "steps": plan.steps,
                "seconds_since_last_start": round(time.perf_counter() - start, 1),
                "hardware": device_description(self.accelerator.device),
                "parameters": sum(p.numel() for p in network.parameters()),
            },
        }
        config = layout_config(
            self.recipe,
            classes=self.dataset.classes,
            mpp=self.mpp,
            finder=calibration.finder,
            categories=self.samples.categories,
            training_counts=self.samples.training_counts,
            channel_means=self._channel_means(),
            scale=self.samples.scale,
            density_constant=self.density_constant,
            training=self._record(metrics["training"]),
        )
        if self.accelerator.is_main_process:
            card = layout_card(config, metrics, source=self.dataset.source)
            self._run.finish(weights=weights, config=config, metrics=metrics, card=card)
        return metrics

    def _record(self, facts: dict[str, Any]) -> dict[str, Any]:
        record = training_record(self.dataset, self.seed, facts)
        return record if self.start is None else self.start.weights.added_to(record)

    def _channel_means(self) -> ChannelMeans | None:
        if self.recipe.condition != "counts" or self.recipe.process.clip_x0 is not None:
            return None  # what is clipped after it was moved has not the means any more
        return ChannelMeans.fit(self.class_counts[:MEASURED_CROPS], self.samples.cell_means(MEASURED_CROPS))

    def loss(self) -> DenoisingLoss:
        """Return the loss that the network is trained by."""
        return DenoisingLoss(self.process, self.recipe.weighting, given=self.recipe.told)

    def network(self) -> DiffusionUNet:
        """Return the network with its initial weights."""
        network = build_network(self.recipe, len(self.dataset.classes), torch_generator(self.seed, "layout weights"))
        if self.start is not None:
            network.load_state_dict(self.start.weights.tensors)
        # on a CPU the gradient of group normalisation in bf16 is many times slower in channels_last
        gpu = self.accelerator.device.type == "cuda"
        return network.to(memory_format=torch.channels_last if gpu else torch.contiguous_format)  # type: ignore[call-overload,no-any-return]
