"""The recipe of a layout-conditioned image model: everything that its training and sampling depend on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cellweave.diffusion import DiffusionUNetRecipe, ProcessRecipe, SamplerRecipe, WeightingRecipe, refuse_more_steps
from cellweave.training import FitRecipe, Recipe


class ConditionRecipe(Recipe):
    """How a layout is shown to the network: one channel of peaks for all cells, one of patches for every class.

    Attributes:
        peak_width_px: Of the peaks, as a standard deviation in pixels of the image.
        class_width_px: Of the patches, likewise; wide enough to cover a nucleus.
    """

    peak_width_px: float = Field(default=4.0, gt=0, le=1000)
    class_width_px: float = Field(default=10.0, gt=0, le=1000)


class BasisRecipe(Recipe):
    """The patch basis that images are painted in; see :class:`cellweave.images.patch_basis.PatchBasis`.

    Attributes:
        side: Of a patch, in pixels.
        components: Kept of its ``3 * side**2``.
        whitening: 0 keeps the components' standard deviations in proportion, 1 makes them equal.
    """

    side: int = Field(default=4, ge=1, le=16)
    components: int = Field(default=12, ge=1)
    whitening: float = Field(default=0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _few_enough(self) -> BasisRecipe:
        if self.components > 3 * self.side**2:
            raise ValueError(f"patches of {self.side}×{self.side} pixels have at most {3 * self.side**2} components")
        return self


class ImageRecipe(Recipe):
    """A complete run of an image model.

    Attributes:
        crop_px: Side of the training crops, in pixels; images of other sizes can be generated.
        stain: ``reinhard``: the images are given one common style before they are learnt, so that the model spends
            its steps on tissue rather than on the colours of laboratories; ``as-is``: they are not.
        basis: What is painted: coefficients of small patches; null: the pixels themselves.
        condition: How the layout is drawn.
        network: Of the diffusion model.
        process: Of the diffusion model.
        weighting: Of the noise levels.
        fit: How it is fitted.
        sampler: How it is sampled.
    """

    crop_px: int = Field(default=128, ge=16)
    stain: Literal["reinhard", "as-is"] = "reinhard"
    basis: BasisRecipe | None = BasisRecipe()
    condition: ConditionRecipe = ConditionRecipe()
    network: DiffusionUNetRecipe = DiffusionUNetRecipe(widths=(96, 160, 160), blocks=1, attention_levels=())
    process: ProcessRecipe = ProcessRecipe(schedule="cosine", prediction="x0", learned_variance=False, clip_x0=None)
    weighting: WeightingRecipe = WeightingRecipe(name="velocity")
    fit: FitRecipe = FitRecipe()
    sampler: SamplerRecipe = SamplerRecipe(name="dpm-solver++", steps=25)

    @model_validator(mode="after")
    def _fits(self) -> ImageRecipe:
        if self.crop_px % self.stride:
            raise ValueError(
                f"crop_px {self.crop_px} must be a multiple of {self.stride}, the stride of network and patches"
            )
        refuse_more_steps(self.sampler, self.process)
        if self.basis is not None and self.process.clip_x0 is not None:
            raise ValueError("coefficients of patches have no fixed range; set process.clip_x0 to null")
        return self

    @property
    def stride(self) -> int:
        """What the sides of an image are a multiple of, in pixels."""
        side = 1 if self.basis is None else self.basis.side
        halved: int = 2 ** (len(self.network.widths) - 1)
        return side * self.network.fold * halved
