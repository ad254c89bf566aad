"""The recipe of an image model, of layouts or of masks: everything that its training and sampling depend on."""

from __future__ import annotations

from pydantic import Field, model_validator

from cellweave.diffusion import (
    Conditioning,
    DiffusionUNetRecipe,
    ProcessRecipe,
    SamplerRecipe,
    WeightingRecipe,
    refuse_more_steps,
)
from cellweave.images.styling import ImageStyle
from cellweave.training import FitRecipe, Recipe


class ConditionRecipe(Recipe):
    """How a layout is shown to the network: one channel of peaks for all cells, one of patches for every class.

    Attributes:
        peak_width_px: Of the peaks, as a standard deviation in pixels of the image.
        class_width_px: Of the patches, likewise; wide enough to cover a nucleus.
    """

    peak_width_px: float = Field(default=4.0, gt=0, le=1000)
    class_width_px: float = Field(default=10.0, gt=0, le=1000)


class MaskRecipe(Recipe):
    """How a semantic mask is shown to the network: a channel of background, one of every class, each 0 or 1.

    Attributes:
        edges: One channel more, of the pixels where nuclei end: instances, or classes where there are none.
        unknown_share: Largest share of pixels of unknown class in a mask that is learnt from or painted; they are 0 in
            all channels of classes.
    """

    edges: bool = True
    unknown_share: float = Field(default=0.0, ge=0, le=1)


class FineTuningRecipe(Recipe):
    """A second phase, from the averaged weights of the first, that teaches the network to do without its condition.

    Attributes:
        share: Of all steps.
        learning_rate: Highest rate of AdamW.
        drop: Share of the samples whose condition is 0 everywhere.
    """

    share: float = Field(default=0.2, gt=0, lt=1)
    learning_rate: float = Field(default=2e-5, gt=0)
    drop: float = Field(default=0.2, gt=0, lt=1)


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
        stain: ``between-nuclei``, ``reinhard``, ``macenko`` or ``vahadane``: the images are given one common style
            before they are learnt, so that the model spends its steps on tissue rather than on the colours of
            laboratories; ``as-is``: they are not. ``between-nuclei`` leaves dark nuclei dark
            (:class:`cellweave.stain.BetweenNucleiStyle`).
        basis: What is painted: coefficients of small patches; null: the pixels themselves.
        condition: How a layout is drawn; null where masks are the condition.
        masks: How a mask is drawn; null where layouts are the condition.
        conditioning: How the condition enters the network: ``concatenate``, beside the noisy image, or ``spade``,
            through the norms of its middle and decoder.
        network: Of the diffusion model.
        process: Of the diffusion model.
        weighting: Of the noise levels.
        fit: How it is fitted.
        fine_tuning: The second phase; null: there is none, and the model cannot be guided.
        sampler: How it is sampled.
        guidance: s of classifier-free guidance when it is sampled; 0 is none.
    """

    crop_px: int = Field(default=128, ge=16)
    stain: ImageStyle = "between-nuclei"
    basis: BasisRecipe | None = BasisRecipe()
    condition: ConditionRecipe | None = ConditionRecipe()
    masks: MaskRecipe | None = None
    conditioning: Conditioning = "concatenate"
    network: DiffusionUNetRecipe = DiffusionUNetRecipe(widths=(88, 144, 144), blocks=1, attention_levels=())
    process: ProcessRecipe = ProcessRecipe(schedule="cosine", prediction="x0", learned_variance=False, clip_x0=None)
    weighting: WeightingRecipe = WeightingRecipe(name="velocity")
    fit: FitRecipe = FitRecipe()
    fine_tuning: FineTuningRecipe | None = None
    sampler: SamplerRecipe = SamplerRecipe(name="dpm-solver++", steps=25)
    guidance: float = Field(default=0.0, ge=0, le=100)

    @model_validator(mode="after")
    def _fits(self) -> ImageRecipe:
        if self.crop_px % self.stride:
            raise ValueError(
                f"crop_px {self.crop_px} must be a multiple of {self.stride}, the stride of network and patches"
            )
        if (self.condition is None) == (self.masks is None):
            raise ValueError("an image model is conditioned on layouts or on masks; set condition or masks to null")
        if self.guidance and self.fine_tuning is None:
            raise ValueError("guidance needs fine_tuning, in which the condition is dropped; or set guidance to 0")
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
