"""Trials of one image model: the same scenes and noise, painted with other samplers or scales of guidance."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cellweave.core import CellweaveError, DatasetError, InvalidInputError, sha256_of
from cellweave.core.devices import choose_device
from cellweave.data import CellDataset, RgbImage
from cellweave.images import ImageGenerator
from cellweave.training.model_folder import WEIGHTS, find_model_folder
from cellweave.workflows.studies.design import Arm, Design
from cellweave.workflows.studies.folder import Trial
from cellweave.workflows.studies.image_measures import RESAMPLES, ImageReference, listed
from cellweave.workflows.studies.image_meters import StudyMeter
from cellweave.workflows.studies.image_painting import Way, keep_examples, paint, shown, side_by_side
from cellweave.workflows.studies.image_places import PatchReader, Place, choose_places, default_side, tile_px
from cellweave.workflows.studies.image_units import GROUPS, group_names
from cellweave.workflows.studies.options import ImageStudyOptions
from cellweave.workflows.studies.trial_result import about_arm, result_of_folds

AT_MOST = 256
"""Patches, where their number is not given."""

_HELD_OUT = ("validation", "test")


class ImageSamplingStudy:
    """The trials of a design on a model.

    Args:
        model: Image model: folder, shipped model, or ``owner/name`` on the hub.
        options: Data, patches, meters and folder.
        design: Returns what is compared, and the ways of the arms.
        split: Of the data set; validation when None, or test where there is none.
        batch_size: Patches that are painted at once.

    Raises:
        CellweaveError: The model, the data, or a number is not usable.
    """

    recipe_type = None

    def __init__(
        self,
        model: str | os.PathLike[str],
        options: ImageStudyOptions,
        design: Callable[[ImageGenerator], tuple[Design, list[Way]]],
        *,
        split: str | None = None,
        batch_size: int = 8,
    ) -> None:
        self.options, self.device, self.progress = options, options.device, options.progress
        dataset = CellDataset.open(options.data)
        folder = find_model_folder(model)
        self.generator = ImageGenerator.from_pretrained(folder, device=self.device)
        self.design, ways = design(self.generator)
        self.ways = dict(zip((arm.name for arm in self.design.arms), ways, strict=True))
        self.dataset = dataset
        if batch_size < 1:
            raise InvalidInputError(f"--batch-size must be at least 1, got {batch_size}.")
        self.batch_size, self._checksum = batch_size, sha256_of(folder / WEIGHTS)
        self.split = split or next((one for one in _HELD_OUT if (dataset.images["split"] == one).any()), _HELD_OUT[0])
        names, mpp = dataset.names(self.split), dataset.one_scale(self.split)
        self.side = default_side(self.generator.recipe.crop_px, mpp) if options.side is None else options.side
        require_side(self.side, mpp)
        self.reader = PatchReader(dataset, masks=self.generator.recipe.masks is not None)
        self.measured = StudyMeter(dataset, options)
        self.places, self.learnt = self._choose_places(names)
        self._require_paintable()
        self._reference: ImageReference | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What all trials depend on."""
        return {
            "name": self.design.name,
            "model": self._checksum,
            "data": self.dataset.checksum,
            "split": self.split,
            "count": len(self.places),
            "side": self.side,
            "batch_size": self.batch_size,
            "resamples": RESAMPLES,
            "drawn": GROUPS,
            **self.measured.identity,
        }

    @property
    def facts(self) -> tuple[str, ...]:
        """What was compared on what, one sentence each."""
        images = len({place.image for place in self.places})
        groups = len(set(group_names(self.dataset, self.places)))
        kind = "layouts" if self.generator.recipe.masks is None else "masks"
        return (
            f"Data: {self.dataset.name}, {self.split} split; {kind} of {len(self.places)} patches of {self.side}×"
            f"{self.side} px of {images} images of {groups} groups, painted by one model with the same noise in all "
            "arms.",
            *self.measured.notes,
        )

    def prepare(self) -> None:
        """Measure the real patches, so that what is wrong is said before anything is painted."""
        self._reference = ImageReference(
            self.measured.meter,
            self.reader,
            self.places,
            units=group_names(self.dataset, self.places),
            learnt=self.learnt,
            learnt_units=group_names(self.dataset, self.learnt),
            progress=self.progress,
        )

    def real_examples(self) -> RgbImage:
        """Return the real patches at the places of the examples that trials keep, side by side."""
        return side_by_side([self.reader.read(self.places[number]).pixels for number in shown(len(self.places))])

    def trials(self, seeds: Sequence[int]) -> list[Trial]:
        """Return the trials: all arms of the first seed, then those of the next, so that what is there compares."""
        return [self._trial(arm, seed) for seed in seeds for arm in self.design.arms]

    def _trial(self, arm: Arm, seed: int) -> Trial:
        return Trial(arm.name, seed, self.ways[arm.name].identity, lambda folder: self._work(arm, seed, folder))

    def _work(self, arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
        assert self._reference is not None  # measured before any trial is run

        def progress(stage: str, done: int, total: int, note: str = "") -> None:
            self.progress(f"{arm.name}, seed {seed}: {stage}", done, total, note)

        painted = paint(
            self.generator,
            [patch.scene for patch in self._reference.scenes],
            self.ways[arm.name],
            folder,
            seed=seed,
            batch_size=self.batch_size,
            progress=progress,
        )
        keep_examples(painted, len(self.places), folder.parent)
        fold = {
            "fold": 1,
            "reduce": 1,
            "held_out": [place.name for place in self.places],
            "seconds_per_image": listed(painted.seconds_per_image),
            **self._reference.compare(painted),
        }
        return result_of_folds(about_arm(arm, choose_device(self.device)), [fold])

    def _choose_places(self, names: Sequence[str]) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
        """Return the places that are painted, and those of images learnt from.

        Args:
            names: Images of the split.
        """
        masks = self.generator.recipe.masks
        unknown = None if masks is None else masks.unknown_share
        count = self.options.count
        places = choose_places(
            self.dataset,
            names,
            side=self.side,
            count=count,
            at_most=AT_MOST,
            unknown_share=unknown,
        )
        if self.split == "training" or not (self.dataset.images["split"] == "training").any():
            return places, ()
        learnt = self.dataset.names("training")
        return places, choose_places(self.dataset, learnt, side=self.side, count=None, at_most=len(places))

    def _require_paintable(self) -> None:
        for number, place in enumerate(self.places):
            patch = self.reader.read_scene(place)
            try:
                self.generator.check_scene(number, patch.scene)
                self.generator.check_frame(number, patch.cells)
            except CellweaveError as error:
                raise DatasetError(
                    f"image {place.image!r} of {self.dataset.root} cannot be painted: {error}"
                ) from error


def require_side(side: int, mpp: float | None) -> None:
    """Make sure that patches can be measured.

    Raises:
        InvalidInputError: They are smaller than what an encoder sees.
    """
    if side < tile_px(mpp):
        raise InvalidInputError(
            f"--size {side} is smaller than what an encoder sees, 32 µm or {tile_px(mpp)} px; give at least that."
        )
