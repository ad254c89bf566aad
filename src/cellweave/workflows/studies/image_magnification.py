"""Trials of magnification: one image model a fold, trained alike on images as they are and on reduced ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cellweave.core import DatasetError, InvalidInputError
from cellweave.core.devices import choose_device
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset, DatasetWriter, cut_patch, plan_patches
from cellweave.images import ImageGenerator, ImageRecipe, ImageTraining
from cellweave.localization.calibration import grouped_folds
from cellweave.training import Budget, TrainingError, load_recipe, read_log
from cellweave.workflows.studies.budget import StudyBudget
from cellweave.workflows.studies.design import Arm, Design
from cellweave.workflows.studies.folder import Trial
from cellweave.workflows.studies.image_measures import RESAMPLES, ImageReference, listed
from cellweave.workflows.studies.image_meters import StudyMeter
from cellweave.workflows.studies.image_painting import Way, keep_examples, paint
from cellweave.workflows.studies.image_places import PatchReader, Place, choose_places, default_side
from cellweave.workflows.studies.image_sampling_study import about_arm, require_side

AT_MOST = 64
"""Areas of a fold, where their number is not given."""

BATCH = 8


@dataclass(frozen=True, slots=True, eq=False)
class ImageFold:
    """One division of the real images.

    Attributes:
        number: From 1.
        learnt: The data set with nothing but the images to learn from, as its training split.
        areas: Of images of patients held out; each is a patch of the largest reduction, and several of the others.
        other: The same of images learnt from.
    """

    number: int
    learnt: CellDataset
    areas: tuple[Place, ...]
    other: tuple[Place, ...]


class MagnificationStudy:
    """The trials of a design on a data set.

    Args:
        design: What is compared; the arms' values are how many times images are reduced.
        dataset: Its training split is learnt from and compared with, by folds of whole groups.
        budget: Steps and folds.
        count: Areas of a fold; as many as there are, up to 64, when None.
        side: Of a patch, in pixels of the reduced images; a training crop rounded up to whole tiles of 32 µm when None.
        recipe: Name of a shipped recipe, or path of a YAML file.
        changes: Changes of the recipe, each ``a.b=value``.
        encoder: What KID, FID and IS are measured with.
        locator: What F1 is measured with; see :class:`StudyMeter`.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        progress: Called as work goes on.

    Raises:
        CellweaveError: The data, the recipe, or a number is not usable.
    """

    def __init__(
        self,
        design: Design,
        dataset: CellDataset,
        budget: StudyBudget,
        *,
        count: int | None = None,
        side: int | None = None,
        recipe: str = "default",
        changes: Sequence[str] = (),
        encoder: str | os.PathLike[str] = "in-domain",
        locator: str | None = None,
        device: str = "auto",
        progress: Progress = silent,
    ) -> None:
        self.design, self.dataset, self.budget = design, dataset, budget
        self.device, self.progress = device, progress
        choose_device(device)  # refuses one that is not there
        self.recipe = load_recipe(ImageRecipe, "images", recipe, changes)
        self.reductions = {arm.name: int(arm.value or 1) for arm in design.arms}
        self._largest = max(self.reductions.values())
        names, mpp = dataset.names("training"), dataset.one_scale("training")
        self.side = default_side(self.recipe.crop_px, mpp) if side is None else side
        require_side(self.side, mpp)
        if self.recipe.masks is not None and not all(map(dataset.has_mask, names)):
            raise DatasetError(f"training images of {dataset.root} have no mask of classes, which the recipe is for.")
        self.folds = self._used_folds(names, count)
        self.measured = StudyMeter(dataset, encoder=encoder, locator=locator, device=device)
        self._references: dict[tuple[str, int], ImageReference] = {}

    @property
    def identity(self) -> dict[str, Any]:
        """What all trials depend on."""
        return {
            "name": self.design.name,
            "data": self.dataset.checksum,
            "steps": self.budget.steps,
            "folds": self.budget.folds,
            "use_folds": self.budget.use_folds,
            # smaller reductions paint the areas of the largest, so these depend on it
            "largest_reduction": self._largest,
            "count": [len(fold.areas) for fold in self.folds],
            "side": self.side,
            "recipe": self.recipe.model_dump(mode="json"),
            "resamples": RESAMPLES,
            **self.measured.identity,
        }

    units = "patients (or slides)"

    @property
    def facts(self) -> tuple[str, ...]:
        """What was compared on what, one sentence each."""
        areas = sum(len(fold.areas) for fold in self.folds)
        side = self.side * self._largest
        return (
            f"Data: {self.dataset.name}, training split, held out by whole patients or slides, {self.budget.use_folds} "
            f"of {self.budget.folds} folds; {areas} areas of {side}×{side} px, all painted by every arm, in patches of "
            f"{self.side}×{self.side} px of its own images.",
            f"{self.budget.steps} steps for every model, of crops of {self.recipe.crop_px} px; every arm is compared "
            "with real images reduced as its own; reduced ones are enlarged again to be measured.",
            *self.measured.notes,
        )

    def measure_references(self) -> None:
        """Measure the real patches of every fold and arm, so that what is wrong is said before anything is trained."""
        groups = self.dataset.groups()
        for fold in self.folds:
            for arm in self.design.arms:
                places, learnt = self._patches(arm, fold.areas), self._patches(arm, fold.other)
                self._references[arm.name, fold.number] = ImageReference(
                    self.measured.meter,
                    PatchReader(self.dataset, masks=self.recipe.masks is not None, reduce=self.reductions[arm.name]),
                    places,
                    units=[groups[place.image] for place in places],
                    learnt=learnt,
                    learnt_units=[groups[place.image] for place in learnt],
                    progress=self.progress,
                )

    def real_examples(self) -> None:
        """Return nothing: the arms' patches are of different scales."""
        return

    def trials(self, seeds: Sequence[int]) -> list[Trial]:
        """Return the trials: all arms of the first seed, then those of the next, so that what is there compares."""
        return [self._trial(arm, seed) for seed in seeds for arm in self.design.arms]

    def _trial(self, arm: Arm, seed: int) -> Trial:
        identity = {"reduce": self.reductions[arm.name]}
        return Trial(arm.name, seed, identity, lambda folder: self._work(arm, seed, folder))

    def _work(self, arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
        about = about_arm(arm, self.device)
        try:
            folds = [self._fold(arm, seed, fold, folder) for fold in self.folds]
        except TrainingError as error:
            # what does not learn under this recipe is a result of the comparison, and said in its tables
            return {**about, "failed": str(error)}
        return {**about, "folds": folds}

    def _fold(self, arm: Arm, seed: int, fold: ImageFold, folder: Path) -> dict[str, Any]:
        reference = self._references[arm.name, fold.number]
        place = folder / f"fold-{fold.number}"
        name = f"{arm.name}, seed {seed}, fold {fold.number} of {self.budget.folds}"

        def progress(stage: str, done: int, total: int, note: str = "") -> None:
            self.progress(f"{name}: {stage}", done, total, note)

        learnt = self._prepared(fold.learnt, self.reductions[arm.name], place / "data")
        training = ImageTraining(
            learnt,
            place / "model",
            self.recipe,
            Budget(self.budget.steps, None),
            seed=seed,
            device=self.device,
            progress=progress,
        )
        training.run()
        generator = ImageGenerator.from_pretrained(place / "model", device=self.device)
        way = Way(self.recipe.sampler, self.recipe.guidance)
        scenes = [patch.scene for patch in reference.scenes]
        painted = paint(generator, scenes, way, place, seed=seed, batch_size=BATCH, progress=progress)
        if fold.number == 1:
            keep_examples(painted, len(scenes), folder.parent)
        log = read_log(place / "model/training/final/log.csv")
        return {
            "fold": fold.number,
            "reduce": self.reductions[arm.name],
            "held_out": sorted({area.image for area in fold.areas}),
            "seconds_per_step": round(float(log["seconds_per_step"].median()), 4),
            "seconds_per_image": listed(painted.seconds_per_image),
            **reference.compare(painted),
        }

    def _patches(self, arm: Arm, areas: Sequence[Place]) -> list[Place]:
        times = self._largest // self.reductions[arm.name]
        return [place for area in areas for place in area.divided(times)]

    def _prepared(self, learnt: CellDataset, reduce: int, out: Path) -> CellDataset:
        """Return the data set to learn from: reduced images, or, of images with masks, overlapping patches of them."""
        masks = self.recipe.masks
        if reduce == 1 and masks is None:
            return learnt
        if not (out / "dataset.json").is_file():
            with DatasetWriter(
                out, name=learnt.name, classes=learnt.classes, licence=learnt.licence, source=learnt.source
            ) as writer:
                unknown = None if masks is None else masks.unknown_share
                for name in learnt.names():
                    _add_reduced(writer, learnt, name, reduce, self.side, unknown)
        return CellDataset.open(out)

    def _used_folds(self, names: Sequence[str], count: int | None) -> list[ImageFold]:
        groups = self.dataset.groups()
        there = len({groups[name] for name in names})
        if there < self.budget.folds:
            raise InvalidInputError(
                f"--folds {self.budget.folds} are more than the {there} groups (patients or slides) of the training "
                "split; give fewer, at least 2."
            )
        masks = self.recipe.masks
        unknown = None if masks is None else masks.unknown_share
        table = self.dataset.images
        folds = []
        divided = grouped_folds([groups[name] for name in names], self.budget.folds)
        for number, indices in enumerate(divided[: self.budget.use_folds], start=1):
            held_out = [names[i] for i in indices]
            if len({groups[name] for name in held_out}) < 2:
                raise InvalidInputError(
                    f"fold {number} of {self.budget.folds} holds out a single group (patient or slide), and groups are "
                    "what is compared; give fewer --folds, or a data set of more groups."
                )
            apart = [name for name in names if name not in set(held_out)]
            side = self.side * self._largest
            areas = choose_places(
                self.dataset, held_out, side=side, count=count, at_most=AT_MOST, unknown_share=unknown
            )
            other = choose_places(self.dataset, apart, side=side, count=None, at_most=len(areas))
            learnt = replace(self.dataset, images=table[table["image"].isin(apart)])
            folds.append(ImageFold(number, learnt, areas, other))
        return folds


def _add_reduced(
    writer: DatasetWriter, dataset: CellDataset, name: str, reduce: int, side: int, unknown_share: float | None
) -> None:
    """Add an image, reduced; where masks are wanted, its patches that overlap by half and are known well enough."""
    pixels, cells, group = dataset.read_image(name), dataset.read_cells(name), dataset.groups()[name]
    if unknown_share is None:
        height, width = (extent // reduce for extent in cells.shape)
        inside = cells.crop(0, 0, (height * reduce, width * reduce)).scaled(1 / reduce)
        window = pixels[: height * reduce, : width * reduce]
        small = np.asarray(cv2.resize(window, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        writer.add(name, inside, pixels=small, group=group)
        return
    mask = dataset.read_mask(name)
    large = side * reduce
    for row, column in plan_patches(mask, side=large, overlap=0.5, unknown_share=unknown_share).corners:
        patch = cut_patch(pixels, cells, mask, (row, column), side=large, reduce=reduce)
        writer.add(f"{name}-{row:05d}-{column:05d}", patch.cells, pixels=patch.pixels, group=group, mask=patch.mask)
