"""The layout model that users hold: from a seed and a number to layouts of cells."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.core.devices import choose_device, use_bf16
from cellweave.core.progress import Progress, silent
from cellweave.data import CellClass
from cellweave.diffusion import (
    DeepCache,
    DiffusionProcess,
    DiffusionUNet,
    GuidedNetwork,
    NetworkCall,
    SamplerRecipe,
    sample,
    sampling_levels,
)
from cellweave.layouts.categories import CountingCategories
from cellweave.layouts.channel_scale import ChannelScale
from cellweave.layouts.count_edits import CountEditor
from cellweave.layouts.count_projection import ChannelMeans, CountProjection
from cellweave.layouts.model_config import FORMAT, VERSION, refuse_misfits
from cellweave.layouts.network import build_network
from cellweave.layouts.raster import cell_channels, decode_raster, make_codec, raster_channels
from cellweave.layouts.recipe import LayoutRecipe, LayoutSamplerRecipe
from cellweave.layouts.requestable_model import RequestableModel
from cellweave.layouts.requests import CountRequest
from cellweave.layouts.training_counts import TrainingCounts
from cellweave.layouts.windows import WindowedNetwork
from cellweave.maps import PeakFinder, SharedPeakCodec
from cellweave.maps.codec import Raster
from cellweave.training.model_folder import (
    classes_and_scale,
    config_values,
    find_model_folder,
    load_weights,
    read_config,
)

MOST_GUIDANCE = 100.0

OVERLAP = 0.25
"""Share of a window's side, padding left out, that neighbouring windows of larger layouts have in common."""


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


class LayoutGenerator(RequestableModel):
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
        channel_means: Means of the channels for counts, by which such a model is held to them; None: it is not.
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
        channel_means: ChannelMeans | None = None,
        device: torch.device | None = None,
        precision: str = "auto",
    ) -> None:
        super().__init__(recipe, classes, training_counts)
        self.device = device or choose_device()
        self.bf16 = use_bf16(precision, self.device)
        self.network = network.to(self.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.mpp, self.scale, self.finder, self.categories = mpp, scale, finder, categories
        self.channel_means = channel_means
        self.process = DiffusionProcess(recipe.process)

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
        with config_values(folder):
            recipe = LayoutRecipe.model_validate(config["recipe"])
            classes, mpp = classes_and_scale(config)
            scale = ChannelScale.from_json(config["scale"])
            finder = PeakFinder(int(config["decoder"]["window_px"]), float(config["decoder"]["threshold"]))
            categories = CountingCategories(tuple(float(bound) for bound in config["category_bounds"]))
            counted = config.get("training_counts")
            training_counts = None if counted is None else TrainingCounts.from_json(counted)
            held = config.get("channel_means")
            channels = cell_channels(recipe, len(classes))
            channel_means = (
                None if held is None else ChannelMeans.from_json(held, classes=len(classes), channels=channels)
            )
            refuse_misfits(recipe, classes, mpp, finder, categories, training_counts, channel_means, scale)
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
            channel_means=channel_means,
            device=choose_device(device),
            precision=precision,
        )

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
        hold_counts: bool = True,
        attempt: int = 0,
        progress: Progress = silent,
    ) -> Iterator[GeneratedLayout]:
        """Yield layouts; layout ``i`` depends on (seed, i) alone, but for the rounding of the network in batches.

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
            hold_counts: Hold the samples to their counts while they are made (:class:`CountProjection`), where the
                model has learnt to be told counts.
            attempt: Number of the try at the same requests; every try has noise of its own.
            progress: Called after every batch.

        Raises:
            InvalidInputError: The model has no such category, cannot be asked for such counts, such a size, or guided.
        """
        if batch_size < 1:
            raise InvalidInputError(f"layouts are made at least 1 at a time, got a batch size of {batch_size}.")
        if not 0 <= guidance <= MOST_GUIDANCE:
            raise InvalidInputError(f"guidance is from 0 to {MOST_GUIDANCE:g}, got {guidance}.")
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
        chosen = sampler or self.recipe.sampler
        for start in range(0, len(indices), batch_size):
            some = list(indices[start : start + batch_size])
            requests = [self.request_of(i, seed=seed, category=category, counts=counts, size=size) for i in some]
            rasters = sample(
                self._network_call(guidance, chosen, requests if hold_counts else ()),
                self.process,
                shape,
                seed=noise_seed,
                indices=some,
                recipe=chosen,
                device=self.device,
                batch_size=batch_size,
                category=self._told_category(requests),
                condition=self._told_counts(requests),
                bf16=self.bf16,
            )
            for index, request, raster in zip(some, requests, rasters, strict=True):
                yield GeneratedLayout(index, self._decoded(raster, size), request)
            progress("generating layouts", start + len(some), len(indices))

    def _network_call(
        self, guidance: float, sampler: SamplerRecipe, requests_to_hold: Sequence[CountRequest]
    ) -> NetworkCall:
        frame = self.recipe.frame
        nothing = torch.zeros(raster_channels(self.recipe, len(self.classes)), 1, 1)
        cached: DiffusionUNet | DeepCache = self.network
        if isinstance(sampler, LayoutSamplerRecipe) and sampler.reuse_interval > 1:
            below = round(sampler.reuse_below * self.process.steps)
            cached = DeepCache(self.network, below=below, interval=sampler.reuse_interval)
        network = WindowedNetwork(
            GuidedNetwork(cached, guidance) if guidance else cached,
            self.process,
            window=frame.raster_px,
            overlap=max(1, round(OVERLAP * frame.inner_px)),
            background=torch.from_numpy(self.scale.to_data(nothing.numpy()))[:, 0, 0].to(self.device),
            pad=frame.pad_px,
        )
        if self.channel_means is None or not requests_to_hold:
            return network
        means = torch.from_numpy(self.channel_means(_counts_a_window(requests_to_hold))).to(self.device)
        edit = self._editor([one.counts or () for one in requests_to_hold])
        last = int(sampling_levels(self.process, sampler)[-1])
        return CountProjection(network, self.process, means, last=last, edit=edit, pad=frame.pad_px)

    def _editor(self, counts: Sequence[Sequence[int]]) -> Callable[[int, Raster], Raster] | None:
        """Return what gives the predicted data of a sample its counts; None for channels that cannot be edited."""
        codec = make_codec(self.recipe, self.finder)
        if not isinstance(codec, SharedPeakCodec):
            return None
        editor, scale = CountEditor(codec, self.class_names), self.scale

        def edit(sample: int, data: Raster) -> Raster:
            values = scale.to_values(data)
            number = 1 + len(self.classes)
            values[:number] = editor(values[:number], counts[sample])
            return scale.to_data(values)[:number]

        return edit

    def _told_category(self, requests: Sequence[CountRequest]) -> Tensor | None:
        if not self.recipe.told_categories:
            return None
        return torch.tensor([one.category for one in requests], device=self.device)

    def _told_counts(self, requests: Sequence[CountRequest]) -> Tensor | None:
        if self.training_counts is None:
            return None
        return torch.from_numpy(self.training_counts.told(_counts_a_window(requests)))[:, :, None, None]

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


def _counts_a_window(requests: Sequence[CountRequest]) -> npt.NDArray[np.float64]:
    """Return the counts asked for on the area of a training crop, (N, C)."""
    return np.array([[count / one.windows for count in one.counts or ()] for one in requests], np.float64)
