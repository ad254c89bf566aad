"""What a demonstration spends its time on, and the recipes that suit so little of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from cellweave.core import DatasetError, InvalidInputError
from cellweave.data import CellDataset
from cellweave.training import Budget

STRIDE_PX = 32
"""Crops are multiples of it, which suits the strides of all three networks."""


@dataclass(frozen=True, slots=True)
class DemoSteps:
    """Numbers of steps of the trainings.

    Attributes:
        layouts: Of the layout model.
        images: Of the image model.
        locator: Of the final network of each localiser.
    """

    layouts: int
    images: int
    locator: int


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """How a demonstration divides its minutes, and what it makes in them.

    Shares are of the minutes for everything. The second localiser takes as many steps as the first, so about as long.
    What the shares leave (a quarter, by default) is for timing the steps of three trainings, the data, the layouts'
    calibration, the generation, scores and report.

    Attributes:
        layouts: Share of the layout model's training; reading its peaks is calibrated on top.
        images: Share of the image model's training.
        locator: Share of the training of each of the two localisers, cross-validation and calibration included.
        patches: Phantom patches of 256 px to make.
        synthetic: Synthetic images to generate.
        synthetic_share: Share of the second localiser's training crops that are synthetic.
        layout_crop_px: Side of the layouts, and of the synthetic images; less where training images are smaller.
        image_crop_px: Side of the crops that the image model learns from; likewise.
        locator_crop_px: Side of the crops that the localisers learn from; likewise.
        layout_changes: Changes of the default recipe of layout models.
        image_changes: Changes of that of image models.
        locator_changes: Changes of that of localisers.
        least: Steps for every minute of the whole demonstration that are taken in any case: on a slow or busy machine
            it takes longer rather than to end in models that have learnt nothing.
        steps: Exact steps in place of the three shares of training.

    Raises:
        InvalidInputError: A share is not positive, or the shares of training leave nothing for the rest.
    """

    layouts: float = 0.15
    images: float = 0.3
    locator: float = 0.15
    patches: int = 48
    synthetic: int = 48
    synthetic_share: float = 0.5
    layout_crop_px: int = 192
    image_crop_px: int = 64
    locator_crop_px: int = 128
    layout_changes: tuple[str, ...] = ("network.widths=[32,64,96]", "fit.ema_decay=0.995")
    image_changes: tuple[str, ...] = ("network.widths=[64,96,128]", "fit.ema_decay=0.995")
    locator_changes: tuple[str, ...] = ("network.widths=[32,64,128,192,256]", "turns=1")
    least: DemoSteps = DemoSteps(layouts=10, images=30, locator=8)
    steps: DemoSteps | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        shares = (self.layouts, self.images, 2 * self.locator)
        if min(shares) <= 0 or sum(shares) >= 1:
            raise InvalidInputError(
                f"the shares of the trainings are positive and together below 1, got {self.layouts:g}, "
                f"{self.images:g} and twice {self.locator:g}; correct the plan."
            )

    def budgets(self, minutes: float) -> dict[str, Budget]:
        """Return the budgets of ``layouts``, ``images`` and the first ``locator``.

        Args:
            minutes: For everything.

        Raises:
            InvalidInputError: The minutes are not a positive number.
        """
        Budget(minutes=minutes)  # told as given, before it is divided
        if self.steps is not None:
            exact = {"layouts": self.steps.layouts, "images": self.steps.images, "locator": self.steps.locator}
            return {part: Budget(steps=steps) for part, steps in exact.items()}
        planned = {
            "layouts": (self.layouts, self.least.layouts),
            "images": (self.images, self.least.images),
            "locator": (self.locator, self.least.locator),
        }
        return {
            part: Budget(minutes=round(minutes * share, 4), least_steps=max(1, round(minutes * least)))
            for part, (share, least) in planned.items()
        }

    def changes(self, dataset: CellDataset) -> dict[str, tuple[str, ...]]:
        """Return the changes of the recipes of ``layouts``, ``images`` and ``locator``, with crops that fit the images.

        Args:
            dataset: The data set to train on.

        Raises:
            DatasetError: It has no training images, or smaller ones than ``STRIDE_PX``.
        """
        dataset.names("training")
        training = dataset.images[dataset.images["split"] == "training"]
        sides = training[["width", "height"]].min(axis=1).to_numpy()
        side = int(sides.min())
        if side < STRIDE_PX:
            smallest = str(training["image"].to_numpy()[sides.argmin()])
            raise DatasetError(
                f"training image {smallest!r} of {dataset.root} has a side of {side} px, and the demonstration cuts "
                f"crops of {STRIDE_PX} px or more; give larger images."
            )
        layouts, images, locator = (
            min(wanted, side) // STRIDE_PX * STRIDE_PX
            for wanted in (self.layout_crop_px, self.image_crop_px, self.locator_crop_px)
        )
        return {
            "layouts": (*self.layout_changes, f"frame.crop_px={layouts}"),
            "images": (*self.image_changes, f"crop_px={images}"),
            "locator": (*self.locator_changes, f"augmentation.crop_px={locator}"),
        }
