"""The image model that users hold: from layouts of cells to images of tissue."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from pydantic import ValidationError

from cellweave import __version__
from cellweave.core import Cells, InvalidInputError, ModelFolderError
from cellweave.core.devices import choose_device, use_bf16
from cellweave.core.progress import Progress, silent
from cellweave.data import CellClass, RgbImage
from cellweave.diffusion import DiffusionProcess, DiffusionUNet, SamplerRecipe, sample
from cellweave.images.condition import draw_condition
from cellweave.images.recipe import ImageRecipe
from cellweave.images.samples import data_to_pixels
from cellweave.training.initialise import initialise
from cellweave.training.model_folder import find_model_folder, garbled_config, load_weights, read_config

FORMAT = "cellweave-images"
VERSION = 1


def build_network(recipe: ImageRecipe, class_count: int, generator: torch.Generator | None = None) -> DiffusionUNet:
    """Return the network of a recipe; its weights depend on ``generator`` alone when one is given."""
    network = DiffusionUNet(
        recipe.network, 3, condition_channels=class_count, learned_variance=recipe.process.learned_variance
    )
    if generator is not None:
        initialise(network, generator)
    return network


class ImageGenerator:
    """A trained, layout-conditioned image model.

    Args:
        network: Trained.
        recipe: What it was trained by.
        classes: The classes of its condition's channels.
        mpp: Scale of its images, µm per pixel; None where unknown.
        device: Where to run.
        precision: ``fp32``, ``bf16`` or ``auto``: bf16 where it is faster.

    Example::

        generator = ImageGenerator.from_pretrained("runs/img")
        images = list(generator.generate({0: layout}, seed=7))
    """

    def __init__(
        self,
        network: DiffusionUNet,
        recipe: ImageRecipe,
        *,
        classes: Sequence[CellClass],
        mpp: float | None,
        device: torch.device | None = None,
        precision: str = "auto",
    ) -> None:
        self.device = device or choose_device()
        self.bf16 = use_bf16(precision, self.device)
        layout = torch.channels_last if self.device.type == "cuda" else torch.contiguous_format
        self.network = network.to(self.device, memory_format=layout).eval()  # type: ignore[call-overload]
        self.recipe, self.classes, self.mpp = recipe, tuple(classes), mpp
        self.process = DiffusionProcess(recipe.process)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in label order."""
        return tuple(one.name for one in self.classes)

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str],
        *,
        revision: str | None = None,
        device: str | None = "auto",
        precision: str = "auto",
    ) -> ImageGenerator:
        """Load a model folder: a local path, a shipped model's name, or ``owner/name`` on the hub with a revision.

        Raises:
            ModelFolderError: There is no such model, or its files are missing, damaged or of another kind.
            InvalidInputError: The device cannot be used.
        """
        folder = find_model_folder(name_or_path, revision=revision)
        config = read_config(folder, kind=FORMAT)
        if config.get("version") != VERSION:
            raise ModelFolderError(f"{folder} is of version {config.get('version')!r}, this program reads {VERSION}.")
        try:
            recipe = ImageRecipe.model_validate(config["recipe"])
            classes = [CellClass(str(one["name"]), str(one["colour"])) for one in config["classes"]]
            mpp = None if config["mpp"] is None else float(config["mpp"])
        except (KeyError, TypeError, ValidationError, ValueError) as error:
            raise garbled_config(folder, error) from error
        network = build_network(recipe, len(classes))
        load_weights(network, folder)
        return cls(network, recipe, classes=classes, mpp=mpp, device=choose_device(device), precision=precision)

    def generate(
        self,
        layouts: Sequence[tuple[int, Cells]],
        *,
        seed: int,
        batch_size: int = 4,
        sampler: SamplerRecipe | None = None,
        progress: Progress = silent,
    ) -> Iterator[tuple[int, RgbImage]]:
        """Yield an image, uint8 (H, W, 3), for every layout; image ``i`` depends on (seed, i) and its layout alone.

        Args:
            layouts: Number and cells of every layout; those of one size are generated together.
            seed: Of the run.
            batch_size: Images at a time.
            sampler: Sampler and steps; the recipe's when None.
            progress: Called after every batch.

        Raises:
            InvalidInputError: A layout has classes that the model does not know, or another scale.
        """
        for index, cells in layouts:
            self._check(index, cells)
        done = 0
        for group in _batches(layouts, batch_size):
            height, width = group[0][1].shape
            stride = self.network.stride
            padded = (height + -height % stride, width + -width % stride)
            conditions = [self._condition(cells, padded) for _, cells in group]
            data = sample(
                self.network,
                self.process,
                (3, *padded),
                seed=seed,
                indices=[index for index, _ in group],
                recipe=sampler or self.recipe.sampler,
                device=self.device,
                batch_size=batch_size,
                condition=torch.stack(conditions),
                bf16=self.bf16,
            )
            for (index, _), one in zip(group, data, strict=True):
                pixels = data_to_pixels(one[:, :height, :width].numpy()).transpose(1, 2, 0)
                yield index, np.ascontiguousarray(pixels)
            done += len(group)
            progress("generating images", done, len(layouts))

    def _check(self, index: int, cells: Cells) -> None:
        if cells.classes != self.class_names:
            raise InvalidInputError(
                f"layout {index} has the classes {list(cells.classes)}, the image model {list(self.class_names)}; "
                "use models that were trained on the same classes."
            )
        if cells.mpp is not None and self.mpp is not None and abs(cells.mpp / self.mpp - 1) > 0.05:
            raise InvalidInputError(
                f"layout {index} has {cells.mpp:g} µm per pixel, the image model {self.mpp:g}; "
                "use models that were trained at one scale."
            )

    def _condition(self, cells: Cells, padded: tuple[int, int]) -> torch.Tensor:
        drawn = draw_condition(cells, self.recipe.condition)
        bottom, right = padded[0] - cells.shape[0], padded[1] - cells.shape[1]
        framed = [cv2.copyMakeBorder(one, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=-1.0) for one in drawn]
        return torch.from_numpy(np.stack(framed).astype(np.float32))


def _batches(layouts: Sequence[tuple[int, Cells]], size: int) -> Iterator[list[tuple[int, Cells]]]:
    """Yield layouts of one size in batches, in the order in which they come."""
    batch: list[tuple[int, Cells]] = []
    for one in layouts:
        if batch and (len(batch) == size or batch[0][1].shape != one[1].shape):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def image_config(
    recipe: ImageRecipe, *, classes: Sequence[CellClass], mpp: float | None, training: dict[str, Any]
) -> dict[str, Any]:
    """Return the ``config.json`` of an image model."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "code_version": __version__,
        "classes": [{"name": one.name, "colour": one.colour} for one in classes],
        "mpp": mpp,
        "recipe": recipe.model_dump(mode="json"),
        "training": training,
    }
