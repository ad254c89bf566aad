"""Training a model from a data set on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypedDict, Unpack

from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset
from cellweave.images import ImageRecipe, ImageTraining
from cellweave.layouts import LayoutRecipe, LayoutTraining
from cellweave.localization import LocatorRecipe, LocatorTraining
from cellweave.maps import DensityCache
from cellweave.training import Budget, load_recipe
from cellweave.workflows.training_command import locator_command

Paths: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """A finished training.

    Attributes:
        model: The model folder.
        metrics: Content of its ``metrics.json``.
    """

    model: Path
    metrics: dict[str, Any]


def train_locator(
    data: Paths,
    out: str | os.PathLike[str],
    *,
    synthetic: Paths = (),
    synthetic_share: float | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    recipe: str = "default",
    changes: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = silent,
) -> TrainingSummary:
    """Train and calibrate a localiser on the training splits of data sets, or go on with a run that was stopped.

    Args:
        data: A real data set or several, with the same classes; all of the calibration is made of them.
        out: Folder of the run, which becomes the model folder.
        synthetic: A generated data set or several, to train on beside the real ones; see :class:`LocatorTraining` on
            what generators have seen.
        synthetic_share: Share of the training crops that come from ``synthetic``, between 0 and 1; a half when None.
        steps: Steps of the final network; the networks of the folds take a share of it each, on top.
        minutes: Time for everything, folds and calibration included; give this or ``steps``.
        recipe: Name of a shipped recipe, or path of a YAML file.
        changes: Changes of the recipe, each ``a.b=value``.
        seed: Of everything random.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        overwrite: Throw away what another run left in ``out``.
        progress: Called as work goes on.

    Raises:
        CellweaveError: The data, the recipe, the budget or the folder are not usable.
    """
    budget = Budget(steps, minutes)
    resolved = load_recipe(LocatorRecipe, "locator", recipe, changes)
    real, generated = _opened(data), _opened(synthetic)
    command = locator_command(
        real,
        synthetic=generated,
        synthetic_share=synthetic_share,
        budget=budget,
        recipe=recipe,
        changes=changes,
        seed=seed,
    )
    training = LocatorTraining(
        real,
        Path(out),
        resolved,
        budget,
        synthetic=generated,
        synthetic_share=synthetic_share,
        seed=seed,
        device=device,
        overwrite=overwrite,
        command=command,
        progress=progress,
    )
    return TrainingSummary(Path(out), training.run())


def _opened(paths: Paths) -> list[CellDataset]:
    listed = [paths] if isinstance(paths, str | os.PathLike) else paths
    return [CellDataset.open(path) for path in listed]


class TrainingOptions(TypedDict, total=False):
    """Options of the trainings of generators; see :func:`train_locator`. All steps are the one network's.

    ``start_from`` is a model folder, or a shipped model's name, to start from in place of random weights.
    """

    steps: int | None
    minutes: float | None
    recipe: str
    changes: Sequence[str]
    seed: int
    device: str
    overwrite: bool
    start_from: str | os.PathLike[str] | None
    progress: Progress


def train_layouts(
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    density_cache: str | os.PathLike[str] | None = None,
    **options: Unpack[TrainingOptions],
) -> TrainingSummary:
    """Train a layout model on the training split of a data set, or go on with a run that was stopped.

    Options and errors are those of :func:`train_locator`, for one data set; ``density_cache`` is a folder that keeps
    the densities of images for other runs, none of which becomes another by it.
    """
    cache = None if density_cache is None else DensityCache(Path(density_cache))
    training = partial(LayoutTraining, density_cache=cache)
    return _train_generator(training, LayoutRecipe, "layouts", Path(data), Path(out), **options)


def train_images(
    data: str | os.PathLike[str], out: str | os.PathLike[str], **options: Unpack[TrainingOptions]
) -> TrainingSummary:
    """Train an image model on the training split of a data set, or go on with a run that was stopped.

    Options and errors are those of :func:`train_locator`, for one data set.
    """
    return _train_generator(ImageTraining, ImageRecipe, "images", Path(data), Path(out), **options)


def _train_generator(
    training_type: Callable[..., LayoutTraining | ImageTraining],
    recipe_type: type[LayoutRecipe | ImageRecipe],
    kind: str,
    data: Path,
    out: Path,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    recipe: str = "default",
    changes: Sequence[str] = (),
    **options: Any,
) -> TrainingSummary:
    resolved = load_recipe(recipe_type, kind, recipe, changes)
    training = training_type(CellDataset.open(data), out, resolved, Budget(steps, minutes), **options)
    return TrainingSummary(out, training.run())
