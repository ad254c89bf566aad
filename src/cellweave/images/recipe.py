"""The recipe of a layout-conditioned image model: everything that its training and sampling depend on."""

from __future__ import annotations

from pydantic import Field, model_validator

from cellweave.diffusion import DiffusionUNetRecipe, ProcessRecipe, SamplerRecipe, WeightingRecipe
from cellweave.training import FitRecipe, Recipe


class ConditionRecipe(Recipe):
    """How a layout is shown to the network.

    Attributes:
        reach_px: Of the EDT map of each class, in pixels of the image; wide enough that a nucleus lies in its peak.
    """

    reach_px: float = Field(default=80.0, gt=1)


class ImageRecipe(Recipe):
    """A complete run of an image model.

    Attributes:
        crop_px: Side of the training crops, in pixels; images of other sizes can be generated.
        condition: How the layout is drawn.
        network: Of the diffusion model.
        process: Of the diffusion model.
        weighting: Of the noise levels.
        fit: How it is fitted.
        sampler: How it is sampled.
    """

    crop_px: int = Field(default=128, ge=16)
    condition: ConditionRecipe = ConditionRecipe()
    network: DiffusionUNetRecipe = DiffusionUNetRecipe(widths=(64, 128, 192, 256), attention_levels=(2, 3), fold=2)
    process: ProcessRecipe = ProcessRecipe(schedule="cosine", prediction="v", learned_variance=False)
    weighting: WeightingRecipe = WeightingRecipe(name="min-snr")
    fit: FitRecipe = FitRecipe()
    sampler: SamplerRecipe = SamplerRecipe(name="dpm-solver++", steps=25)

    @model_validator(mode="after")
    def _fits(self) -> ImageRecipe:
        stride = self.network.fold * 2 ** (len(self.network.widths) - 1)
        if self.crop_px % stride:
            raise ValueError(f"crop_px {self.crop_px} must be a multiple of {stride}, the network's stride")
        return self
