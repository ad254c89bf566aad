"""Trials of magnification: one image model a fold, trained alike on images as they are and on reduced ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cellweave.core import DatasetError, InvalidInputError
from cellweave.core.devices import choose_device
from cellweave.data import CellDataset, DatasetWriter, cut_patch, plan_patches
from cellweave.images import ImageGenerator, ImageRecipe, ImageTraining
from cellweave.training import Budget, load_recipe, read_log
from cellweave.workflows.studies.budget import StudyBudget
from cellweave.workflows.studies.design import Arm, Design
from cellweave.workflows.studies.folder import Trial
from cellweave.workflows.studies.folds import dataset_folds
from cellweave.workflows.studies.image_measures import RESAMPLES, ImageReference, listed
from cellweave.workflows.studies.image_meters import StudyMeter
from cellweave.workflows.studies.image_painting import Way, keep_examples, paint
from cellweave.workflows.studies.image_places import PatchReader, Place, choose_places, default_side
from cellweave.workflows.studies.image_sampling_study import require_side
from cellweave.workflows.studies.image_units import GROUPS, group_names
from cellweave.workflows.studies.options import ImageStudyOptions
from cellweave.workflows.studies.trial_result import about_arm, result_of_folds

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
        budget: Steps and folds.
        options: Data, whose training split is learnt from and compared with, areas, meters and folder; the side of a
            patch is in pixels of the reduced images.
        recipe: Name of a shipped recipe, or path of a YAML file.
        changes: Changes of the recipe, each ``a.b=value``.

    Raises:
        CellweaveError: The data, the recipe, or a number is not usable.
    """

    recipe_type = ImageRecipe

    def __init__(
        self,
        design: Design,
        budget: StudyBudget,
        options: ImageStudyOptions,
        *,
        recipe: str = "default",
        changes: Sequence[str] = (),
    ) -> None:
        dataset = CellDataset.open(options.data)
        self.design, self.options, self.dataset, self.budget = design, options, dataset, budget
        self.device, self.progress = options.device, options.progress
        choose_device(self.device)  # refuses one that is not there
        self.recipe = load_recipe(ImageRecipe, "images", recipe, changes)
        self.reductions = {arm.name: int(arm.value or 1) for arm in design.arms}
        self._largest = max(self.reductions.values())
        names, mpp = dataset.names("training"), dataset.one_scale("training")
        self.side = default_side(self.recipe.crop_px, mpp) if options.side is None else options.side
        require_side(self.side, mpp)
        if self.recipe.masks is not None and not all(map(dataset.has_mask, names)):
            raise DatasetError(f"training images of {dataset.root} have no mask of classes, which the recipe is for.")
        self.folds = self._used_folds(names, options.count)
        self.measured = StudyMeter(dataset, options)
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
            "drawn": GROUPS,
            **self.measured.identity,
        }

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

    def prepare(self) -> None:
        """Measure the real patches of every fold and arm, so that what is wrong is said before anything is trained."""
        for fold in self.folds:
            for arm in self.design.arms:
                places, learnt = self._patches(arm, fold.areas), self._patches(arm, fold.other)
                self._references[arm.name, fold.number] = ImageReference(
                    self.measured.meter,
                    PatchReader(self.dataset, masks=self.recipe.masks is not None, reduce=self.reductions[arm.name]),
                    places,
                    units=group_names(self.dataset, places),
                    learnt=learnt,
                    learnt_units=group_names(self.dataset, learnt),
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
        about = about_arm(arm, choose_device(self.device))
        return result_of_folds(about, (self._fold(arm, seed, fold, folder) for fold in self.folds))

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
        masks = self.recipe.masks
        unknown = None if masks is None else masks.unknown_share
        side = self.side * self._largest
        folds = []
        for fold in dataset_folds(self.dataset, names, self.budget):
            if len({groups[name] for name in fold.held_out}) < 2:
                raise InvalidInputError(
                    f"fold {fold.number} of {self.budget.folds} holds out a single group (patient or slide), and "
                    "groups are what is compared; give fewer --folds, or a data set of more groups."
                )
            areas = choose_places(
                self.dataset, fold.held_out, side=side, count=count, at_most=AT_MOST, unknown_share=unknown
            )
            apart = [name for name in names if name not in set(fold.held_out)]
            other = choose_places(self.dataset, apart, side=side, count=None, at_most=len(areas))
            folds.append(ImageFold(fold.number, fold.learnt, areas, other))
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
