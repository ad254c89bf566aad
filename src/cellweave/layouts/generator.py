"""The layout model that users hold: from a seed and a number to layouts of cells."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from pydantic import ValidationError

from cellweave import __version__
from cellweave.core import Cells, InvalidInputError
from cellweave.core.devices import choose_device, use_bf16
from cellweave.core.progress import Progress, silent
from cellweave.data import CellClass
from cellweave.data.images import MAX_PIXELS
from cellweave.diffusion import DiffusionProcess, DiffusionUNet, SamplerRecipe, sample
from cellweave.layouts.categories import CountingCategories
from cellweave.layouts.channel_scale import ChannelScale
from cellweave.layouts.raster import decode_raster, raster_channels
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.maps import PeakFinder
from cellweave.training.initialise import initialise
from cellweave.training.model_folder import find_model_folder, garbled_config, load_weights, read_config

FORMAT = "cellweave-layouts"
VERSION = 1


def build_network(recipe: LayoutRecipe, class_count: int, generator: torch.Generator | None = None) -> DiffusionUNet:
    """Return the network of a recipe; its weights depend on ``generator`` alone when one is given."""
    network = DiffusionUNet(
        recipe.network,
        raster_channels(recipe, class_count),
        categories=recipe.categories,
        learned_variance=recipe.process.learned_variance,
    )
    if generator is not None:
        initialise(network, generator)
    return network


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedLayout:
    """A generated layout.

    Attributes:
        index: Its number in the run.
        cells: Its cells, in the frame of the training crop at full resolution.
        category: Counting category that was asked for; None for models without.
    """

    index: int
    cells: Cells
    category: int | None


class LayoutGenerator:
    """A trained layout model.

    Args:
        network: Trained.
        recipe: What it was trained by.
        classes: The classes of its channels.
        mpp: Scale of the full-resolution frame, µm per pixel; None where unknown.
        scale: Of the raster's channels.
        finder: Reads cells off peaks.
        categories: Counting categories of the training crops.
        device: Where to run.
        precision: ``fp32``, ``bf16`` or ``auto``: bf16 where it is faster.

    Example::

        generator = LayoutGenerator.from_pretrained("runs/lay")
        layouts = list(generator.generate(range(50), seed=7))
    """

    def __init__(
        self,
        network: DiffusionUNet,
        recipe: LayoutRecipe,
        *,
        classes: Sequence[CellClass],
        mpp: float | None,
        scale: ChannelScale,
        finder: PeakFinder,
        categories: CountingCategories,
        device: torch.device | None = None,
        precision: str = "auto",
    ) -> None:
        self.device = device or choose_device()
        self.bf16 = use_bf16(precision, self.device)
        layout = torch.channels_last if self.device.type == "cuda" else torch.contiguous_format
        self.network = network.to(self.device, memory_format=layout).eval()  # type: ignore[call-overload]
        self.recipe, self.classes, self.mpp = recipe, tuple(classes), mpp
        self.scale, self.finder, self.categories = scale, finder, categories
        self.process = DiffusionProcess(recipe.process)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in label order."""
        return tuple(one.name for one in self.classes)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a layout, in pixels."""
        return (self.recipe.frame.crop_px, self.recipe.frame.crop_px)

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str],
        *,
        revision: str | None = None,
        device: str | None = "auto",
        precision: str = "auto",
    ) -> LayoutGenerator:
        """Load a model folder: a local path, a shipped model's name, or ``owner/name`` on the hub with a revision.

        Raises:
            ModelFolderError: There is no such model, or its files are missing, damaged or of another kind.
            InvalidInputError: The device cannot be used.
        """
        folder = find_model_folder(name_or_path, revision=revision)
        config = read_config(folder, kind=FORMAT, version=VERSION)
        try:
            recipe = LayoutRecipe.model_validate(config["recipe"])
            classes = [CellClass(str(one["name"]), str(one["colour"])) for one in config["classes"]]
            scale = ChannelScale.from_json(config["scale"])
            finder = PeakFinder(int(config["decoder"]["window_px"]), float(config["decoder"]["threshold"]))
            categories = CountingCategories(tuple(float(bound) for bound in config["category_bounds"]))
            mpp = None if config["mpp"] is None else float(config["mpp"])
            _refuse_misfits(recipe, classes, mpp, finder, categories)
        except (KeyError, TypeError, ValidationError, ValueError, OverflowError) as error:
            raise garbled_config(folder, error) from error
        network = build_network(recipe, len(classes))
        load_weights(network, folder)
        return cls(
            network,
            recipe,
            classes=classes,
            mpp=mpp,
            scale=scale,
            finder=finder,
            categories=categories,
            device=choose_device(device),
            precision=precision,
        )

    def category_of(self, index: int) -> int | None:
        """Return the counting category of sample ``index``: the categories take turns."""
        return index % self.recipe.categories if self.recipe.categories else None

    def check_category(self, category: int | None) -> None:
        """Make sure that the model has a counting category; None stands for any.

        Raises:
            InvalidInputError: It has no such category.
        """
        number = self.recipe.categories
        if category is None or 0 <= category < number:
            return
        there = f"the model has {number}, from 0" if number else "the model has none: leave it out"
        raise InvalidInputError(f"there is no counting category {category}; {there}.")

    def generate(
        self,
        indices: Sequence[int],
        *,
        seed: int,
        batch_size: int = 16,
        sampler: SamplerRecipe | None = None,
        category: int | None = None,
        progress: Progress = silent,
    ) -> Iterator[GeneratedLayout]:
        """Yield layouts; layout ``i`` depends on (seed, i) alone.

        Args:
            indices: Numbers of the layouts in the run.
            seed: Of the run.
            batch_size: Layouts at a time.
            sampler: Sampler and steps; the recipe's when None.
            category: Counting category of all of them; None lets the categories take turns.
            progress: Called after every batch.

        Raises:
            InvalidInputError: The model has no such category.
        """
        self.check_category(category)
        side = self.recipe.frame.raster_px
        channels = raster_channels(self.recipe, len(self.classes))
        for start in range(0, len(indices), batch_size):
            some = list(indices[start : start + batch_size])
            wanted = [self.category_of(i) if category is None else category for i in some]
            asked = torch.tensor(wanted, device=self.device) if self.recipe.categories else None
            rasters = sample(
                self.network,
                self.process,
                (channels, side, side),
                seed=seed,
                indices=some,
                recipe=sampler or self.recipe.sampler,
                device=self.device,
                batch_size=batch_size,
                category=asked,
                bf16=self.bf16,
            )
            for index, label, raster in zip(some, wanted, rasters, strict=True):
                cells = decode_raster(
                    raster.numpy(),
                    self.recipe,
                    self.scale,
                    classes=self.class_names,
                    mpp=self.mpp,
                    finder=self.finder,
                )
                yield GeneratedLayout(index, cells, label)
            progress("generating layouts", start + len(some), len(indices))


def _refuse_misfits(
    recipe: LayoutRecipe,
    classes: Sequence[CellClass],
    mpp: float | None,
    finder: PeakFinder,
    categories: CountingCategories,
) -> None:
    """Make sure that what a model folder says of its layouts agrees with itself and allows a layout at all."""
    if not classes:
        raise InvalidInputError("a layout model needs at least one class.")
    Cells.empty(classes=[one.name for one in classes], shape=(recipe.frame.crop_px, recipe.frame.crop_px), mpp=mpp)
    if max(recipe.frame.crop_px, recipe.frame.raster_px) ** 2 > MAX_PIXELS:
        raise InvalidInputError(
            f"a layout of {recipe.frame.crop_px} px, drawn with {recipe.frame.raster_px} px, has more than "
            f"{MAX_PIXELS:,} pixels."
        )
    if finder.window_px > 2 * recipe.frame.raster_px:
        raise InvalidInputError(f"window_px {finder.window_px} is wider than a raster of {recipe.frame.raster_px} px.")
    if categories.number != max(1, recipe.categories) or not all(a < b for a, b in pairwise((-1, *categories.bounds))):
        raise InvalidInputError(
            f"category_bounds {list(categories.bounds)} are not the ascending bounds of {recipe.categories} categories."
        )


def layout_config(
    recipe: LayoutRecipe,
    *,
    classes: Sequence[CellClass],
    mpp: float | None,
    scale: ChannelScale,
    finder: PeakFinder,
    categories: CountingCategories,
    density_constant: float | None,
    training: dict[str, Any],
) -> dict[str, Any]:
    """Return the ``config.json`` of a layout model."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "code_version": __version__,
        "classes": [{"name": one.name, "colour": one.colour} for one in classes],
        "mpp": mpp,
        "scale": scale.to_json(),
        "decoder": {"window_px": finder.window_px, "threshold": finder.threshold},
        "category_bounds": list(categories.bounds),
        "density_constant": density_constant,
        "recipe": recipe.model_dump(mode="json"),
        "training": training,
    }
