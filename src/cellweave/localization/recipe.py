"""The recipe of a localiser: everything that its training and calibration depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from cellweave.localization.networks import AnyNetwork, HalfUNetRecipe
from cellweave.localization.targets import TargetRecipe
from cellweave.training import FitRecipe, Recipe


class AugmentationRecipe(Recipe):
    """How training crops are varied.

    Attributes:
        crop_px: Side of a crop.
        turn: Flip and turn by right angles.
        scale: Largest change of magnification, as a logarithm: crops are of windows that are up to ``exp(scale)`` times
            larger or smaller, resized.
        stain_scale: Standard deviation of the factor on each stain's optical density, as a logarithm.
        stain_shift: Standard deviation of what is added to each stain's optical density.
        brightness: Standard deviation of what is added to the optical density of all three colours alike.
    """

    crop_px: int = Field(default=192, ge=32)
    turn: bool = True
    scale: float = Field(default=0.0, ge=0, le=1)
    stain_scale: float = Field(default=0.2, ge=0)
    stain_shift: float = Field(default=0.05, ge=0)
    brightness: float = Field(default=0.05, ge=0)

    def seen_px(self, rng: np.random.Generator) -> int:
        """Return the side of the window that the next crop shows, pixels."""
        if self.scale == 0:
            return self.crop_px
        return max(1, round(self.crop_px * float(np.exp(rng.uniform(-self.scale, self.scale)))))


class LossRecipe(Recipe):
    """What training minimises: weighted error of the map, and cross-entropy of the classes near cells.

    Attributes:
        map: Error of a pixel of the map: ``squared``, ``absolute``, or ``huber``, squared to 0.1 and linear beyond.
        class_weight: Factor on the cross-entropy.
        balance: Exponent of the classes' inverse frequencies as their weights; 0 weighs all cells alike.
        peak_weight: Extra weight of a pixel's error, times the map there.
    """

    map: Literal["squared", "absolute", "huber"] = "squared"
    class_weight: float = Field(default=0.1, ge=0)
    balance: float = Field(default=0.5, ge=0, le=1)
    peak_weight: float = Field(default=2.0, ge=0)


class CalibrationRecipe(Recipe):
    """How window and threshold are chosen: by F1 out of fold, folds made of whole patients.

    Attributes:
        decoder: What reads the map: ``peaks``, the peak finder whose window and threshold are chosen; ``ccls`` or
            ``lmds`` with the settings of their sources, for which no window or threshold is chosen.
        folds: Number of folds; the networks of the folds are trained only for this. Fewer where groups are fewer.
        share: Steps of each fold's network, as a share of the final network's.
        protocol: Scoring protocol.
        radius_um: Radius within which a cell counts as found; taken as pixels / 2 where the scale is unknown.
        windows_px: Windows tried, odd.
        subpixel: Refine positions below a pixel.
        class_reading: Choose how classes are told from probabilities, by the mean F1 of the classes: how much a cell's
            neighbours have a say, and factors between the classes.
    """

    decoder: Literal["peaks", "ccls", "lmds"] = "peaks"
    folds: int = Field(default=3, ge=2)
    share: float = Field(default=0.25, gt=0, le=1)
    protocol: Literal["greedy", "matching"] = "greedy"
    radius_um: float = Field(default=3.0, gt=0, allow_inf_nan=False)
    windows_px: tuple[int, ...] = (3, 5, 7, 9, 11, 13, 15, 21)
    subpixel: bool = True
    class_reading: bool = True

    @field_validator("windows_px")
    @classmethod
    def _odd(cls, windows: tuple[int, ...]) -> tuple[int, ...]:
        if not windows or any(window < 3 or window % 2 == 0 for window in windows):
            raise ValueError("windows_px must be one or more odd numbers >= 3")
        return windows

    @model_serializer(mode="wrap")
    def _as_before_there_were_several(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave the decoder out where it is the one that all had before, so that their runs and studies go on."""
        values: dict[str, Any] = serialise(self)
        return values if self.decoder != "peaks" else {name: v for name, v in values.items() if name != "decoder"}


class LocatorRecipe(Recipe):
    """A complete localiser run.

    Attributes:
        mpp: Scale that the network works at, µm per pixel; images of another known scale are resized to it. None:
            the median scale of the training images.
        turns: Orientations of an image that predictions are averaged over, in calibration and in use: 1 as it is, 2
            upside down as well, 4 all right-angle turns, 8 these and their mirror images. That many times as slow.
    """

    settings_of: ClassVar[Mapping[str, str]] = {"network.name": "network", "target.map": "target.settings"}

    mpp: float | None = Field(default=None, gt=0)
    turns: Literal[1, 2, 4, 8] = 1
    network: AnyNetwork = HalfUNetRecipe()
    target: TargetRecipe = TargetRecipe()
    augmentation: AugmentationRecipe = AugmentationRecipe()
    loss: LossRecipe = LossRecipe()
    fit: FitRecipe = FitRecipe()
    calibration: CalibrationRecipe = CalibrationRecipe()

    @model_validator(mode="after")
    def _fits(self) -> LocatorRecipe:
        stride = self.network.stride
        if self.augmentation.crop_px % stride:
            raise ValueError(
                f"augmentation.crop_px {self.augmentation.crop_px} must be a multiple of {stride}, the network's stride"
            )
        return self
