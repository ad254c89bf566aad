"""The recipe of a layout model: everything that its training and sampling depend on."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from cellweave.diffusion import DiffusionUNetRecipe, ProcessRecipe, SamplerRecipe, WeightingRecipe, refuse_more_steps
from cellweave.maps import DensityMethod, DensitySettings
from cellweave.training import FitRecipe, Recipe


class FrameRecipe(Recipe):
    """The window that a layout covers.

    Attributes:
        crop_px: Side of the window in pixels of the training images; smaller images do not take part.
        reduce: Whole factor by which the raster is smaller than the window.
        pad_px: Background added on every side of the raster.
    """

    crop_px: int = Field(default=256, ge=16)
    reduce: int = Field(default=2, ge=1)
    pad_px: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _whole(self) -> FrameRecipe:
        if self.crop_px % self.reduce:
            raise ValueError(f"crop_px {self.crop_px} must be a multiple of reduce {self.reduce}")
        return self

    @property
    def inner_px(self) -> int:
        """Side of the raster without its padding."""
        return self.crop_px // self.reduce

    @property
    def raster_px(self) -> int:
        """Side of the raster with its padding."""
        return self.inner_px + 2 * self.pad_px

    def raster_shape(self, size: tuple[int, int] | None = None) -> tuple[int, int]:
        """Return height and width of the raster, padding included, of a layout of a size; of the crop when None."""
        height, width = size or (self.crop_px, self.crop_px)
        return height // self.reduce + 2 * self.pad_px, width // self.reduce + 2 * self.pad_px


class ChannelRecipe(Recipe):
    """How cells become channels.

    Attributes:
        cells: ``shared``: one channel of peaks for all cells and one of patches for every class; ``edt``: an EDT map
            of fixed reach for every class; ``marker``: squares of 3×3 pixels, one channel a class.
        peak_width_px: Of the shared peaks, as a standard deviation in pixels of the raster.
        class_width_px: Of the patches beside them, likewise.
        reach_px: Of the EDT maps, in pixels of the raster; the same in every image, so that a crop of the map is the
            map of the crop.
        density: Spatial density of every class beside the cells: ``kde``, ``gmm``, ``gmcm`` or ``none``.
        bandwidth: Factor of the bandwidth of ``kde``, as in scipy; null: Scott's.
        components: Of ``gmm``, or of the copula of ``gmcm``; null: as many as BIC says, up to 10.
        scaling: ``standard``: every channel has mean 0 and variance 1 over the training images, so that all of them
            drown in the noise at the same levels, however few pixels their cells cover; ``range``: [-1, 1].
    """

    cells: Literal["shared", "edt", "marker"] = "shared"
    peak_width_px: float = Field(default=2.0, gt=0, le=1000)
    class_width_px: float = Field(default=5.0, gt=0, le=1000)
    reach_px: float = Field(default=24.0, gt=1, le=1000)
    density: DensityMethod = "gmm"
    bandwidth: float | None = Field(default=None, gt=0, le=100)
    components: int | None = Field(default=None, ge=1, le=100)
    scaling: Literal["standard", "range"] = "standard"

    @model_validator(mode="after")
    def _has_use_for_its_numbers(self) -> ChannelRecipe:
        self.density_settings()
        return self

    def density_settings(self) -> DensitySettings:
        """Return how the densities are fitted."""
        return DensitySettings(self.density, factor=self.bandwidth, components=self.components)


class LayoutSamplerRecipe(SamplerRecipe):
    """How layouts are drawn.

    Attributes:
        reuse_interval: Steps that the network's coarse levels answer for (:class:`cellweave.diffusion.DeepCache`); 1:
            they run in every step.
        reuse_below: Noise level, as a share of T, below which they do.
    """

    reuse_interval: int = Field(default=1, ge=1)
    reuse_below: float = Field(default=0.85, ge=0, le=1)

    def with_steps(self, steps: int) -> Self:
        """Return the sampler with another number of steps, where coarse levels answer for as much of the noise."""
        every = self.reuse_interval
        interval = 1 if every == 1 else max(1, round(every * steps / self.steps))
        return self.model_copy(update={"steps": steps, "reuse_interval": interval})

    def whole(self) -> Self:
        """Return the same sampler with the whole network in every step."""
        return self.model_copy(update={"reuse_interval": 1})


class LayoutRecipe(Recipe):
    """A complete run of a layout model.

    Attributes:
        frame: Window and raster.
        channels: What the raster's channels show.
        condition: What the network is told of the number of cells: a counting category (``categories``), the number of
            every class (``counts``), or nothing (``none``).
        categories: Number of counting categories, quantile bins of the number of cells of training crops; only a
            network that is told categories has them, and beside ``counts`` the number stays as it is. 0 stands for the
            condition ``none`` where none is named.
        drop: Share of the training samples of which the network is told nothing.
        network: Of the diffusion model.
        process: Of the diffusion model.
        weighting: Of the noise levels.
        fit: How it is fitted.
        sampler: How it is sampled.
    """

    frame: FrameRecipe = FrameRecipe()
    channels: ChannelRecipe = ChannelRecipe()
    condition: Literal["categories", "counts", "none"] = "categories"
    categories: int = Field(default=5, ge=0, le=100)
    drop: float = Field(default=0.0, ge=0, lt=1)
    network: DiffusionUNetRecipe = DiffusionUNetRecipe(widths=(64, 128, 192), attention_levels=(1, 2), fold=2)
    process: ProcessRecipe = ProcessRecipe(schedule="cosine", prediction="x0", learned_variance=False, clip_x0=None)
    weighting: WeightingRecipe = WeightingRecipe(name="velocity")
    fit: FitRecipe = FitRecipe()
    sampler: LayoutSamplerRecipe = LayoutSamplerRecipe(name="dpm-solver++", steps=30)

    @model_validator(mode="before")
    @classmethod
    def _without_condition(cls, values: Any) -> Any:
        # recipes from before there were conditions say so by a number
        if isinstance(values, dict) and values.get("categories") == 0 and "condition" not in values:
            return {**values, "condition": "none"}
        return values

    @property
    def told_categories(self) -> int:
        """Number of counting categories that the network can be told; 0 where it is told something else."""
        return self.categories if self.condition == "categories" else 0

    @property
    def told(self) -> tuple[str, ...]:
        """What the network is given beside the noisy data, by the names of samples and of the network's arguments."""
        return {"categories": ("category",), "counts": ("condition",), "none": ()}[self.condition]

    @model_validator(mode="after")
    def _fits(self) -> LayoutRecipe:
        if self.condition == "categories" and not self.categories:
            raise ValueError(
                "the condition 'categories' needs at least one; raise categories, or set condition to none"
            )
        # stored recipes name every key, so that a number of categories beside counts is its default
        if self.condition == "counts" and self.categories != type(self).model_fields["categories"].default:
            raise ValueError(
                f"{self.categories} counting categories beside the condition 'counts'; leave categories out, or set "
                "condition to categories (to none for no categories)"
            )
        stride = self.network.fold * 2 ** (len(self.network.widths) - 1)
        if self.frame.raster_px % stride:
            raise ValueError(
                f"the raster has a side of {self.frame.raster_px} px, which must be a multiple of {stride}, "
                "the network's stride; change frame.crop_px or frame.pad_px"
            )
        refuse_more_steps(self.sampler, self.process)
        if self.channels.scaling == "standard" and self.process.clip_x0 is not None:
            raise ValueError("channels of standard scaling have no fixed range; set process.clip_x0 to null")
        return self
