"""Trials of localisers: one network a fold, fitted alike in all arms, and what it finds in the images held out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cellweave.core import InvalidInputError, Length
from cellweave.data import CellDataset
from cellweave.localization import LocatorRecipe
from cellweave.localization.fitting import LocatorFitting
from cellweave.localization.inference import Predictor
from cellweave.localization.sources import Fold, LocatorSources
from cellweave.localization.training import working_scale
from cellweave.training import TrainingError, load_recipe, make_accelerator, read_log
from cellweave.workflows.studies.design import Arm, Design, recipe_of
from cellweave.workflows.studies.effective_recipe import CHANGES, RECIPE
from cellweave.workflows.studies.folder import Trial
from cellweave.workflows.studies.held_out import HeldOut
from cellweave.workflows.studies.options import LocatorStudyOptions
from cellweave.workflows.studies.speed import measure_speeds
from cellweave.workflows.studies.trial_result import about_arm

CLASS_READING = "class_reading"
AS_BEGUN = ("recipe", CLASS_READING)
"""What tables may be of otherwise than a command says: recipes have other defaults, and studies begun before class
readings were chosen say nothing of them."""


class LocatorStudy:
    """The trials of a design on a data set.

    Args:
        design: What is compared.
        options: Data, budget, recipe and folder.

    Raises:
        CellweaveError: The data, the recipe, an arm's or a user's changes, or the budget are not usable.
    """

    recipe_type = LocatorRecipe

    def __init__(self, design: Design, options: LocatorStudyOptions) -> None:
        self.design, self.options = design, options
        dataset = CellDataset.open(options.data)
        self.budget, self.progress = options.budget, options.progress
        recipe, changes = options.recipe, options.changes
        self.arms = design.chosen(options.arms)
        self.radii = [Length(float(radius)) for radius in options.radii_px]
        if not self.radii or len({radius.value for radius in self.radii}) < len(self.radii):
            raise InvalidInputError("--radius-px needs one or more different radii, such as 5,6,10.")
        self.recipes = {arm.name: arm_recipe(arm, recipe, changes) for arm in self.arms}
        self._given = {
            "recipe": load_recipe(LocatorRecipe, "locator", recipe).model_dump(mode="json"),
            "changes": sorted(changes),
        }
        self.sources = LocatorSources([dataset])
        self.folds = self._used_folds()
        self.accelerator = make_accelerator(options.device)

    @property
    def identity(self) -> dict[str, Any]:
        """What all trials depend on."""
        return {
            "name": self.design.name,
            "settings": dict(self.design.settings),
            "data": self.sources.data[0].checksum,
            "steps": self.budget.steps,
            "folds": self.budget.folds,
            "use_folds": self.budget.use_folds,
            "radii_px": [radius.value for radius in self.radii],
            **self._given,
            CLASS_READING: "chosen on the other parts",
        }

    def trials(self, seeds: Sequence[int]) -> list[Trial]:
        """Return the trials: all arms of the first seed, then those of the next, so that what is there compares."""
        return [self._trial(arm, seed) for seed in seeds for arm in self.arms]

    def fitting(self, arm: Arm, seed: int) -> LocatorFitting:
        """Return how the networks of a trial are fitted."""
        recipe, classes = self.recipes[arm.name], len(self.sources.classes)
        return LocatorFitting(recipe, classes, self.mpp(recipe), seed, self.accelerator, progress=self.progress)

    def mpp(self, recipe: LocatorRecipe) -> float | None:
        """Return the scale that the networks of a recipe work at; see :func:`working_scale`."""
        return working_scale(recipe, [image.cells for image in self.sources.real])

    def prepare(self) -> None:
        """Read every image once, so that what is wrong is said before anything is written or thrown away."""
        scales = {self.mpp(recipe) for recipe in self.recipes.values()}
        for done, image in enumerate(self.sources.real, start=1):
            for mpp in scales:
                image.read(mpp)
            self.progress("reading images", done, len(self.sources.real))

    def _trial(self, arm: Arm, seed: int) -> Trial:
        identity = {"changed": self.recipes[arm.name].model_dump(mode="json")}
        return Trial(arm.name, seed, identity, lambda folder: self._work(arm, seed, folder, identity))

    def _work(self, arm: Arm, seed: int, folder: Path, identity: dict[str, Any]) -> dict[str, Any]:
        fitting = self.fitting(arm, seed)
        # the arm's whole recipe is in it: how it was asked for does not matter
        run = {key: value for key, value in (self.identity | identity).items() if key not in (RECIPE, CHANGES)}
        about = {
            **about_arm(arm, self.accelerator.device),
            "parameters": sum(weight.numel() for weight in fitting.network("size").parameters()),
        }
        held_out = HeldOut(fitting.recipe, fitting.mpp, self.radii, self.sources.groups())
        measured: dict[str, list[float]] = {
            "seconds_per_step": [],
            "megapixels_per_second": [],
            "megapixels_per_core_second": [],
        }
        try:
            for number, fold in self._numbered():
                stage = f"{arm.name}, seed {seed}, fold {number} of {self.budget.folds}"
                predictor = self._predictor(fitting, f"fold-{number}", fold, folder, run, stage)
                for image in fold.held_out:
                    pixels, truth = image.read(fitting.mpp)
                    held_out.add(image.key, predictor(pixels, turns=fitting.recipe.turns), truth, fold=number)
                measured["seconds_per_step"].append(_seconds_per_step(folder / f"fold-{number}"))
                speeds = measure_speeds(predictor)
                measured["megapixels_per_second"] += speeds.per_second
                measured["megapixels_per_core_second"] += speeds.per_core_second
        except TrainingError as error:
            # what does not learn under this recipe is a result of the comparison, and said in its tables
            return {**about, "failed": str(error)}
        return {**about, **measured, "failed": None, **held_out.counts(self.progress)}

    def _predictor(
        self, fitting: LocatorFitting, part: str, fold: Fold, folder: Path, run: dict[str, Any], stage: str
    ) -> Predictor:
        weights = fitting.fit(part, fold.real, steps=self.budget.steps, folder=folder / part, run=run, stage=stage)
        return fitting.predictor(part, weights)

    def _numbered(self) -> Iterator[tuple[int, Fold]]:
        return enumerate(self.folds, start=1)

    def _used_folds(self) -> list[Fold]:
        folds = self.sources.folds(self.budget.folds)
        if len(folds) < self.budget.folds:
            raise InvalidInputError(
                f"--folds {self.budget.folds} are more than the {len(folds)} groups (patients or slides) of the "
                "training split; give fewer."
            )
        used = folds[: self.budget.use_folds]
        if len(used) == 1 and len({image.group for image in used[0].held_out}) < 2:
            raise InvalidInputError(
                f"the one fold of {self.budget.folds} that is used holds out a single group, and window and threshold "
                "of one group are chosen on others; give --use-folds 2 or more, or fewer --folds."
            )
        return used


def arm_recipe(arm: Arm, recipe: str, changes: Sequence[str]) -> LocatorRecipe:
    """Return the recipe of an arm; see :func:`recipe_of`."""
    return recipe_of(LocatorRecipe, "locator", arm, recipe, changes)


def _seconds_per_step(folder: Path) -> float:
    return round(float(read_log(folder / "log.csv")["seconds_per_step"].median()), 4)
