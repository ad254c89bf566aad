"""Fitting one localiser network to some images: what training, cross-validation and studies repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from cellweave.core import torch_generator
from cellweave.core.progress import Progress, silent
from cellweave.localization.inference import Predictor
from cellweave.localization.loss import LocatorLoss, class_weights
from cellweave.localization.networks import LocatorNetwork
from cellweave.localization.recipe import LocatorRecipe
from cellweave.localization.samples import LocatorSamples
from cellweave.localization.sources import SourceImage
from cellweave.training import fit, initialise, timed_step


@dataclass(frozen=True, slots=True)
class LocatorFitting:
    """How networks are fitted; equal images, part and seed give equal networks.

    Attributes:
        recipe: Of the localiser.
        class_count: Number of classes of the data.
        mpp: Scale to work at, µm per pixel; None leaves images as they are.
        seed: Of everything random.
        accelerator: Device and processes.
        share: Share of the training crops that come from synthetic images.
        progress: Called as work goes on.
    """

    recipe: LocatorRecipe
    class_count: int
    mpp: float | None
    seed: int
    accelerator: Accelerator
    share: float = 0.0
    progress: Progress = silent

    def network(self, part: str) -> LocatorNetwork:
        """Return the network that ``part`` begins with."""
        network = self.recipe.network.build(*self.recipe.target.outputs(self.class_count))
        initialise(network, torch_generator(self.seed, "weights", part))
        return network

    def samples(self, part: str, real: Sequence[SourceImage], synthetic: Sequence[SourceImage] = ()) -> LocatorSamples:
        """Return the crops that ``part`` learns from."""
        return LocatorSamples(
            [(image.dataset, image.name) for image in real],
            self.recipe,
            mpp=self.mpp,
            seed=self.seed,
            part=part,
            synthetic=[(image.dataset, image.name) for image in synthetic],
            share=self.share,
        )

    def loss(self, real: Sequence[SourceImage], synthetic: Sequence[SourceImage] = ()) -> LocatorLoss:
        """Return what is minimised on these images."""
        weights = class_weights(
            [image.cells for image in real],
            self.class_count,
            self.recipe.loss.balance,
            synthetic=[image.cells for image in synthetic],
            share=self.share,
        )
        return LocatorLoss(self.recipe.loss, weights)

    def step_seconds(self, real: Sequence[SourceImage], synthetic: Sequence[SourceImage] = ()) -> float:
        """Measure and return the duration of a training step."""
        network, samples = self.network("timing"), self.samples("timing", real, synthetic)
        loss, recipe = self.loss(real, synthetic), self.recipe.fit
        return timed_step(network, loss, samples, recipe, accelerator=self.accelerator, progress=self.progress)

    def fit(
        self,
        part: str,
        real: Sequence[SourceImage],
        synthetic: Sequence[SourceImage] = (),
        *,
        steps: int,
        folder: Path,
        run: dict[str, Any],
        stage: str,
    ) -> dict[str, Tensor]:
        """Return the averaged weights of a network fitted to images, going on where a checkpoint is.

        Args:
            part: Name of the part of the run; decides initial weights and crops.
            real: Real images to learn from.
            synthetic: Synthetic images beside them.
            steps: Number of steps.
            folder: Gets log and checkpoints.
            run: What identifies the run.
            stage: What to call the work in progress reports.

        Raises:
            CellweaveError: See :func:`cellweave.training.fit`.
        """
        network = self.network(part).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return fit(
            network,
            self.loss(real, synthetic),
            self.samples(part, real, synthetic),
            self.recipe.fit,
            folder=folder,
            steps=steps,
            seed=self.seed,
            run=run,
            accelerator=self.accelerator,
            stage=stage,
            progress=self.progress,
        )

    def predictor(self, part: str, weights: dict[str, Tensor]) -> Predictor:
        """Return a fitted network made ready to predict."""
        network = self.network(part)
        network.load_state_dict(weights)
        return Predictor(network, self.accelerator.device, precision=self.recipe.fit.precision)
