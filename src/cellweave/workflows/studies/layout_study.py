"""Trials of layout models: one model a fold, trained alike in all arms, and what it draws beside patients held out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cellweave.core import InvalidInputError
from cellweave.core.devices import choose_device
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset
from cellweave.layouts import GeneratedLayout, LayoutGenerator, LayoutRecipe, LayoutTraining
from cellweave.maps import DensityCache
from cellweave.metrics.layout_statistics import frame_um
from cellweave.training import Budget, load_recipe, read_log
from cellweave.workflows.studies.design import Arm, Design, recipe_of
from cellweave.workflows.studies.folder import Trial
from cellweave.workflows.studies.folds import DatasetFold, dataset_folds
from cellweave.workflows.studies.layout_measures import RESAMPLES, FoldReference, numbers_of
from cellweave.workflows.studies.options import LayoutStudyOptions
from cellweave.workflows.studies.trial_result import about_arm, result_of_folds

BATCH = 8


class LayoutStudy:
    """The trials of a design on a data set.

    Args:
        design: What is compared; see :mod:`cellweave.workflows.studies.layout_designs`.
        options: Data, budget, recipe and folder.

    Raises:
        CellweaveError: The data, the recipe, an arm's or a user's changes, or the budget are not usable.
    """

    recipe_type = LayoutRecipe

    def __init__(self, design: Design, options: LayoutStudyOptions) -> None:
        self.design, self.options, self.count = design, options, options.count
        self.dataset, self.budget = CellDataset.open(options.data), options.budget
        self.device, self.progress = options.device, options.progress
        recipe, changes = options.recipe, options.changes
        self.arms = design.chosen(options.arms)
        self.recipes = {arm.name: recipe_of(LayoutRecipe, "layouts", arm, recipe, changes) for arm in self.arms}
        self._given = {
            "recipe": load_recipe(LayoutRecipe, "layouts", recipe).model_dump(mode="json"),
            "changes": sorted(changes),
        }
        choose_device(self.device)  # refuses one that is not there
        self._require_count()
        self.frame = (next(iter(self.recipes.values())).frame.crop_px,) * 2
        self.names = self._usable_names()
        self.folds = dataset_folds(self.dataset, self.names, self.budget)
        self._references: dict[int, FoldReference] = {}

    @property
    def identity(self) -> dict[str, Any]:
        """What all trials depend on."""
        return {
            "name": self.design.name,
            "settings": dict(self.design.settings),
            "data": self.dataset.checksum,
            "steps": self.budget.steps,
            "folds": self.budget.folds,
            "use_folds": self.budget.use_folds,
            "count": self.count,
            "resamples": RESAMPLES,
            **self._given,
        }

    def prepare(self) -> None:
        """Measure the real layouts of every fold, so that what is wrong is said before anything is trained."""
        groups = self.dataset.groups()
        for done, fold in enumerate(self.folds, start=1):
            self.progress("measuring real layouts", done - 1, len(self.folds))
            learnt = fold.learnt.names("training")
            self._references[fold.number] = FoldReference(
                [self.dataset.read_cells(name) for name in fold.held_out],
                [self.dataset.read_cells(name) for name in learnt],
                [groups[name] for name in (*fold.held_out, *learnt)],
                self.frame,
            )
            self.progress("measuring real layouts", done, len(self.folds))

    def trials(self, seeds: Sequence[int]) -> list[Trial]:
        """Return the trials: all arms of the first seed, then those of the next, so that what is there compares."""
        return [self._trial(arm, seed) for seed in seeds for arm in self.arms]

    def training(
        self,
        recipe: LayoutRecipe,
        seed: int,
        fold: DatasetFold,
        folder: Path,
        *,
        density_cache: DensityCache | None = None,
        progress: Progress = silent,
    ) -> LayoutTraining:
        """Return how a model learns by a recipe in a fold; nothing is written before it is run."""
        return LayoutTraining(
            fold.learnt,
            folder,
            recipe,
            Budget(self.budget.steps, None),
            seed=seed,
            device=self.device,
            density_cache=density_cache,
            progress=progress,
        )

    def _trial(self, arm: Arm, seed: int) -> Trial:
        identity = {"changed": self.recipes[arm.name].model_dump(mode="json")}
        return Trial(arm.name, seed, identity, lambda folder: self._work(arm, seed, folder))

    def _work(self, arm: Arm, seed: int, folder: Path) -> dict[str, Any]:
        about = {
            **about_arm(arm, choose_device(self.device)),
            "classes": list(self.dataset.class_names),
            "frame_px": list(self.frame),
        }
        return result_of_folds(about, (self._fold(arm, seed, fold, folder) for fold in self.folds))

    def _fold(self, arm: Arm, seed: int, fold: DatasetFold, folder: Path) -> dict[str, Any]:
        recipe, place = self.recipes[arm.name], folder / f"fold-{fold.number}"
        name = f"{arm.name}, seed {seed}, fold {fold.number} of {self.budget.folds}"

        def progress(stage: str, done: int, total: int, note: str = "") -> None:
            self.progress(f"{name}: {stage}", done, total, note)

        # only copulas take longer to fit than to read; folds have most of their images in common
        cache = DensityCache(folder / "densities") if recipe.channels.density == "gmcm" else None
        metrics = self.training(recipe, seed, fold, place, density_cache=cache, progress=progress).run()
        generator = LayoutGenerator.from_pretrained(place, device=self.device)
        start = time.perf_counter()
        made = list(generator.generate(range(self.count), seed=seed, batch_size=BATCH, progress=progress))
        seconds = time.perf_counter() - start
        return {
            "fold": fold.number,
            "held_out": list(fold.held_out),
            "parameters": sum(weight.numel() for weight in generator.network.parameters()),
            "seconds_per_step": round(
                float(read_log(place / "training/final/log.csv")["seconds_per_step"].median()), 4
            ),
            "seconds_per_layout": round(seconds / self.count, 4),
            "decoder": metrics["decoder"],
            "layouts": [_to_json(one, generator) for one in made],
            **self._references[fold.number].compare([one.cells for one in made]),
        }

    def _require_count(self) -> None:
        for arm in self.arms:
            categories = self.recipes[arm.name].told_categories
            if self.count < max(1, categories) or (categories and self.count % categories):
                raise InvalidInputError(
                    f"--count {self.count} cannot be shared equally between the {max(1, categories)} counting "
                    f"categories of arm {arm.name}; give a multiple of the categories of all arms."
                )

    def _usable_names(self) -> list[str]:
        """Return the training images as large as the frame, having made sure that they can be compared in µm."""
        names = self.dataset.names("training")
        cells = {name: self.dataset.read_cells(name) for name in names}
        usable = [name for name in names if min(cells[name].shape) >= self.frame[0]]
        if not usable:
            raise InvalidInputError(
                f"no training image of {self.dataset.root} is as large as the crop of {self.frame[0]} px; lower "
                "frame.crop_px."
            )
        scales = [cells[name].mpp for name in usable]
        known = [scale for scale in scales if scale is not None]
        if len(known) < len(scales) or not np.allclose(known, known[0], rtol=1e-3):
            raise InvalidInputError(
                f"the training images of {self.dataset.root} have no one known scale, and layouts are compared in µm; "
                "give all the same mpp."
            )
        frame_um(self.frame, known[0])
        return usable


def _to_json(made: GeneratedLayout, generator: LayoutGenerator) -> dict[str, Any]:
    """Return a layout with what was asked of it; ``met`` is null where nothing was."""
    cells, request = made.cells, made.request
    met = bool(request.is_met(numbers_of([cells])[0, 1:], generator.categories)) if request.asks else None
    return {
        "category": request.category,
        "counts": None if request.counts is None else list(request.counts),
        "met": met,
        "xy": [[round(float(x), 2), round(float(y), 2)] for x, y in cells.xy],
        "labels": [int(label) for label in cells.labels],
    }
