"""Training an image model, conditioned on layouts or on masks."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import torch

from cellweave.core import InvalidInputError, torch_generator
from cellweave.core.devices import device_description
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset
from cellweave.diffusion import DiffusionUNet
from cellweave.images.model_card import image_card
from cellweave.images.model_config import image_config
from cellweave.images.network import build_network
from cellweave.images.patch_basis import PatchBasis
from cellweave.images.phases import train_phases
from cellweave.images.recipe import ImageRecipe
from cellweave.images.samples import ImageSamples
from cellweave.images.starting_point import ImageStart
from cellweave.images.styling import StyledImages
from cellweave.training import Budget, TrainingRun, make_accelerator, run_identity, training_record
from cellweave.training.starting_point import refuse_own_folder


class ImageTraining:
    """One training run of an image model on the training split of a data set.

    Args:
        dataset: The data set.
        folder: The run's folder; becomes the model folder.
        recipe: The recipe.
        budget: Steps or minutes.
        seed: Of everything random in the run.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Throw away what another run left in the folder.
        start_from: A model folder, or a shipped model's name, whose weights are the initial ones, and whose basis and
            style the images are learnt in; None: from scratch, with a basis and a style fitted to the images.
        progress: Called as work goes on.

    Raises:
        DatasetError: There are no training images, or one lacks its mask.
        InvalidInputError: There are no classes, no cells of one, the images are smaller than the crop, too much of a
            mask is unknown, or the model to start from does not fit data and recipe.
        InvalidImageError: An image cannot be read.
        ModelFolderError: The folder holds a run with other settings, or the model to start from cannot be read.
    """

    def __init__(
        self,
        dataset: CellDataset,
        folder: Path,
        recipe: ImageRecipe,
        budget: Budget,
        *,
        seed: int = 0,
        device: str = "auto",
        overwrite: bool = False,
        start_from: str | os.PathLike[str] | None = None,
        progress: Progress = silent,
    ) -> None:
        if not dataset.classes:
            raise InvalidInputError(f"{dataset.root} has no classes; an image model is conditioned on them.")
        self.dataset, self.recipe, self.budget = dataset, recipe, budget
        self.seed, self.progress = seed, progress
        self.accelerator = make_accelerator(device)
        self.start: ImageStart | None = None
        identity = run_identity(recipe, dataset, budget, seed)
        if start_from is not None:
            refuse_own_folder(folder, start_from)
            self.start = ImageStart.read(start_from, recipe, dataset.classes)
            identity |= self.start.weights.identity
        self._run = TrainingRun(folder, identity, overwrite=overwrite)
        self.names = dataset.names("training")
        if not sum(int((dataset.read_cells(name).labels >= 0).sum()) for name in self.names):
            raise InvalidInputError(
                f"the training images of {dataset.root} have no cell of a known class; an image model is conditioned "
                "on those."
            )
        self.mpp = dataset.one_scale("training")
        for number, name in enumerate(self.names):  # a damaged one is to end the run now, not hours later
            dataset.read_image(name)
            progress("checking images", number + 1, len(self.names))
        style, codec = (None, None) if self.start is None else (self.start.style, self.start.codec)
        styled = StyledImages(dataset, self.names, recipe.stain, seed=seed, given=style)
        self.style = styled.style
        self.samples = ImageSamples(dataset, self.names, recipe, seed=seed, read=styled, codec=codec)

    def run(self) -> dict[str, Any]:
        """Train, or go on where the run stopped, and write the model folder; return its metrics.

        A run that is complete already is not repeated.
        """
        finished = self._run.start()
        if finished is not None:
            return finished
        start = time.perf_counter()
        plan, weights = train_phases(
            self._run,
            self.network,
            self.samples,
            self.recipe,
            budget=self.budget,
            seed=self.seed,
            accelerator=self.accelerator,
            progress=self.progress,
        )
        codec = self.samples.codec
        metrics: dict[str, Any] = {
            "basis": {"kept_variance": round(codec.kept, 4)} if isinstance(codec, PatchBasis) else None,
            "training": {
                "images": len(self.names),
                "steps": plan.steps,
                "seconds_since_last_start": round(time.perf_counter() - start, 1),
                "hardware": device_description(self.accelerator.device),
                "parameters": sum(p.numel() for p in self.network().parameters()),
            },
        }
        config = image_config(
            self.recipe,
            classes=self.dataset.classes,
            mpp=self.mpp,
            style=self.style,
            codec=codec,
            training=self._record(metrics["training"]),
        )
        if self.accelerator.is_main_process:
            card = image_card(config, metrics, source=self.dataset.source)
            self._run.finish(weights=weights, config=config, metrics=metrics, card=card)
        return metrics

    def _record(self, facts: dict[str, Any]) -> dict[str, Any]:
        record = training_record(self.dataset, self.seed, facts)
        return record if self.start is None else self.start.weights.added_to(record)

    def network(self) -> DiffusionUNet:
        """Return the network with its initial weights."""
        network = build_network(self.recipe, len(self.dataset.classes), torch_generator(self.seed, "image weights"))
        if self.start is not None:
            network.load_state_dict(self.start.weights.tensors)
        # on a CPU the gradient of group normalisation in bf16 is many times slower in channels_last
        gpu = self.accelerator.device.type == "cuda"
        return network.to(memory_format=torch.channels_last if gpu else torch.contiguous_format)  # type: ignore[call-overload,no-any-return]
