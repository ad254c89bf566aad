"""The layout model that users hold: from a seed and a number to layouts of cells."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from pydantic import ValidationError
from torch import Tensor

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.core.devices import choose_device, use_bf16
from cellweave.core.progress import Progress, silent
from cellweave.data import CellClass
from cellweave.data.images import MAX_PIXELS
from cellweave.diffusion import (
    DiffusionProcess,
    DiffusionUNet,
    GuidedNetwork,
    NetworkCall,
    SamplerRecipe,
    sample,
)
from cellweave.layouts.categories import CountingCategories
from cellweave.layouts.channel_scale import ChannelScale
from cellweave.layouts.counted_unet import CountedUNet
from cellweave.layouts.model_config import FORMAT, VERSION, refuse_misfits
from cellweave.layouts.raster import decode_raster, raster_channels
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.layouts.requests import CountRequest
from cellweave.layouts.training_counts import TrainingCounts
from cellweave.layouts.windows import WindowedNetwork
from cellweave.maps import PeakFinder
from cellweave.training.initialise import initialise
from cellweave.training.model_folder import find_model_folder, garbled_config, load_weights, read_config

__all__ = ["FORMAT", "VERSION", "GeneratedLayout", "LayoutGenerator", "build_network"]

OVERLAP = 0.25
"""Share of a window's side, padding left out, that neighbouring windows of larger layouts have in common."""


def build_network(recipe: LayoutRecipe, class_count: int, generator: torch.Generator | None = None) -> DiffusionUNet:
    """Return the network of a recipe; its weights depend on ``generator`` alone when one is given."""
    channels, learned = raster_channels(recipe, class_count), recipe.process.learned_variance
    network: DiffusionUNet
    if recipe.condition == "counts":
        network = CountedUNet(recipe.network, channels, classes=class_count, learned_variance=learned)
    else:
        network = DiffusionUNet(recipe.network, channels, categories=recipe.told_categories, learned_variance=learned)
    if generator is not None:
        initialise(network, generator)
    return network


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedLayout:
    """A generated layout.

    Attributes:
        index: Its number in the run.
        cells: Its cells, in the pixels of the training images.
        request: What was asked of its numbers of cells.
    """

    index: int
    cells: Cells
    request: CountRequest

    @property
    def category(self) -> int | None:
        """Counting category that was asked for; None for models without."""
        return self.request.category


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
        training_counts: Counts of the training crops, for a model that is told counts.
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
        training_counts: TrainingCounts | None = None,
        device: torch.device | None = None,
        precision: str = "auto",
    ) -> None:
        self.device = device or choose_device()
        self.bf16 = use_bf16(precision, self.device)
        layout = torch.channels_last if self.device.type == "cuda" else torch.contiguous_format
        self.network = network.to(self.device, memory_format=layout).eval()  # type: ignore[call-overload]
        self.recipe, self.classes, self.mpp = recipe, tuple(classes), mpp
        self.scale, self.finder, self.categories = scale, finder, categories
        self.training_counts = training_counts
        self.process = DiffusionProcess(recipe.process)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in label order."""
        return tuple(one.name for one in self.classes)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a layout of the training crop's size, in pixels."""
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
            counted = config.get("training_counts")
            training_counts = None if counted is None else TrainingCounts.from_json(counted)
            refuse_misfits(recipe, classes, mpp, finder, categories, training_counts)
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
            training_counts=training_counts,
            device=choose_device(device),
            precision=precision,
        )

    def category_of(self, index: int) -> int | None:
        """Return the counting category of sample ``index``: the categories take turns."""
        return index % self.recipe.told_categories if self.recipe.told_categories else None

    def check_category(self, category: int | None) -> None:
        """Make sure that the model has a counting category; None stands for any.

        Raises:
            InvalidInputError: It has no such category.
        """
        number = self.recipe.told_categories
        if category is None or 0 <= category < number:
            return
        there = f"the model has {number}, from 0" if number else "the model has none: leave it out"
        raise InvalidInputError(f"there is no counting category {category}; {there}.")

    def check_counts(self, counts: Mapping[str, int] | None, *, size: tuple[int, int] | None = None) -> None:
        """Make sure that counts of some classes can be asked for in layouts of a size; None stands for any.

        Raises:
            InvalidInputError: The model is not told counts, or training crops never had such ones.
        """
        if counts is None:
            return
        if self.training_counts is None:
            can = "takes a counting category" if self.recipe.told_categories else "is told nothing of counts"
            raise InvalidInputError(
                f"counts of classes are asked for, but this model {can}; leave the counts out, or train a model with "
                "the recipe 'counts'."
            )
        self.training_counts.require_seen(counts, self.class_names, windows=self.windows(size))

    def check_size(self, size: tuple[int, int] | None) -> None:
        """Make sure that layouts of a size, height and width in pixels, can be made; None stands for the crop's.

        Raises:
            InvalidInputError: A side is shorter than the crop's or no multiple of ``reduce``, or the area is too large.
        """
        if size is None:
            return
        frame, said = self.recipe.frame, f"{size[1]}×{size[0]}"
        if min(size) < frame.crop_px or any(side % frame.reduce for side in size):
            raise InvalidInputError(
                f"a layout's sides are at least the {frame.crop_px} px of the model's crop, and multiples of "
                f"{frame.reduce} px, got a size of {said}."
            )
        if size[0] * size[1] > MAX_PIXELS:
            raise InvalidInputError(f"a layout has at most {MAX_PIXELS:,} pixels, got a size of {said}.")

    def windows(self, size: tuple[int, int] | None) -> float:
        """Return the area of a layout of a size over that of the training crop."""
        return 1.0 if size is None else size[0] * size[1] / self.recipe.frame.crop_px**2

    def request_of(
        self,
        index: int,
        *,
        seed: int,
        category: int | None = None,
        counts: Mapping[str, int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> CountRequest:
        """Return what is asked of the numbers of cells of layout ``index``; see :meth:`generate`."""
        windows = self.windows(size)
        if self.training_counts is None:
            return CountRequest(self.category_of(index) if category is None else category, windows=windows)
        asked = {self.class_names.index(name): count for name, count in (counts or {}).items()}
        rng = numpy_generator(seed, "layout counts", index)
        return CountRequest(counts=self.training_counts.complete(asked, rng, windows=windows), windows=windows)

    def generate(
        self,
        indices: Sequence[int],
        *,
        seed: int,
        batch_size: int = 16,
        sampler: SamplerRecipe | None = None,
        category: int | None = None,
        counts: Mapping[str, int] | None = None,
        size: tuple[int, int] | None = None,
        guidance: float = 0.0,
        attempt: int = 0,
        progress: Progress = silent,
    ) -> Iterator[GeneratedLayout]:
        """Yield layouts; layout ``i`` depends on (seed, i) alone.

        Layouts larger than the training crop are denoised in overlapping windows (:class:`WindowedNetwork`). A
        category is then that of every window; counts are of the whole layout, and every window is told its share of
        them by area.

        Args:
            indices: Numbers of the layouts in the run.
            seed: Of the run.
            batch_size: Layouts at a time.
            sampler: Sampler and steps; the recipe's when None.
            category: Counting category of all of them; None lets the categories take turns.
            counts: Cells of some classes in each layout, for a model that is told counts. Those of the other classes
                are lent by a training crop with similar counts, drawn by (seed, i).
            size: Height and width in pixels; those of the training crop when None.
            guidance: s of classifier-free guidance towards the counts; needs a model with ``drop`` in its recipe.
            attempt: Number of the try at the same requests; every try has noise of its own.
            progress: Called after every batch.

        Raises:
            InvalidInputError: The model has no such category, cannot be asked for such counts, such a size, or guided.
        """
        self.check_category(category)
        self.check_counts(counts, size=size)
        self.check_size(size)
        if guidance and not (self.recipe.condition == "counts" and self.recipe.drop):
            raise InvalidInputError(
                f"guidance {guidance} needs a model that was told counts, and for a share of its samples nothing; "
                "train one with the recipe 'counts'."
            )
        noise_seed = int(numpy_generator(seed, "attempt", attempt).integers(2**32)) if attempt else seed
        shape = (raster_channels(self.recipe, len(self.classes)), *self.recipe.frame.raster_shape(size))
        for start in range(0, len(indices), batch_size):
            some = list(indices[start : start + batch_size])
            requests = [self.request_of(i, seed=seed, category=category, counts=counts, size=size) for i in some]
            rasters = sample(
                self._network_call(guidance),
                self.process,
                shape,
                seed=noise_seed,
                indices=some,
                recipe=sampler or self.recipe.sampler,
                device=self.device,
                batch_size=batch_size,
                category=self._told_category(requests),
                condition=self._told_counts(requests),
                bf16=self.bf16,
            )
            for index, request, raster in zip(some, requests, rasters, strict=True):
                yield GeneratedLayout(index, self._decoded(raster, size), request)
            progress("generating layouts", start + len(some), len(indices))

    def _network_call(self, guidance: float) -> NetworkCall:
        frame = self.recipe.frame
        nothing = torch.zeros(raster_channels(self.recipe, len(self.classes)), 1, 1)
        return WindowedNetwork(
            GuidedNetwork(self.network, guidance) if guidance else self.network,
            self.process,
            window=frame.raster_px,
            overlap=max(1, round(OVERLAP * frame.inner_px)),
            background=torch.from_numpy(self.scale.to_data(nothing.numpy()))[:, 0, 0].to(self.device),
            pad=frame.pad_px,
        )

    def _told_category(self, requests: Sequence[CountRequest]) -> Tensor | None:
        if not self.recipe.told_categories:
            return None
        return torch.tensor([one.category for one in requests], device=self.device)

    def _told_counts(self, requests: Sequence[CountRequest]) -> Tensor | None:
        if self.training_counts is None:
            return None
        shares = [[count / one.windows for count in one.counts or ()] for one in requests]
        return torch.from_numpy(self.training_counts.told(shares))[:, :, None, None]

    def _decoded(self, raster: Tensor, size: tuple[int, int] | None) -> Cells:
        return decode_raster(
            raster.numpy(),
            self.recipe,
            self.scale,
            classes=self.class_names,
            mpp=self.mpp,
            finder=self.finder,
            size=size,
        )
