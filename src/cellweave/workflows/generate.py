"""Generating synthetic data sets: layouts of cells, and images of them."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cellweave import __version__
from cellweave.core import Cells, InvalidInputError, OutputError, TableError, sha256_of
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset, DatasetWriter, write_cells_table, write_png
from cellweave.data.tables import PointTable, cells_by_image
from cellweave.diffusion import SamplerRecipe
from cellweave.images import ImageGenerator
from cellweave.layouts import LayoutGenerator
from cellweave.training.model_folder import WEIGHTS, find_model_folder
from cellweave.workflows.staging import Staging


@dataclass(frozen=True, slots=True)
class GenerateSummary:
    """What was generated.

    Attributes:
        out: The data set.
        images: Number of layouts or images.
        mean_cells: Mean number of cells.
        in_category: Share of layouts whose number of cells is in the counting category asked for; None without.
    """

    out: Path
    images: int
    mean_cells: float
    in_category: float | None = None


def generate_layouts(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    count: int,
    seed: int = 0,
    category: int | None = None,
    sampler: str | None = None,
    steps: int | None = None,
    batch_size: int = 16,
    revision: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = silent,
) -> GenerateSummary:
    """Generate layouts as a data set without images, or go on with a generation that was stopped.

    Args:
        model: Layout model: folder, shipped model, or ``owner/name`` on the hub.
        out: Data set to make.
        count: Number of layouts.
        seed: Of the run; layout ``i`` depends on (seed, i) alone.
        category: Counting category of all layouts; None lets the categories take turns.
        sampler: ``ddpm``, ``ddim`` or ``dpm-solver++``; the recipe's when None.
        steps: Of the sampler; the recipe's when None.
        batch_size: Layouts at a time.
        revision: Commit of a model on the hub.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        overwrite: Replace ``out``.
        progress: Called after every batch.

    Raises:
        CellweaveError: The model or the output place cannot be used, or an option makes no sense.
    """
    if count < 1 or batch_size < 1:
        raise InvalidInputError(f"count and batch size must be at least 1, got {count} and {batch_size}.")
    out = Path(out)
    folder = find_model_folder(model, revision=revision)
    generator = LayoutGenerator.from_pretrained(folder, device=device)
    generator.check_category(category)
    chosen = changed_sampler(generator.recipe.sampler, sampler, steps)
    facts: dict[str, Any] = {
        "model": sha256_of(folder / WEIGHTS),
        "seed": seed,
        "category": category,
        "batch_size": batch_size,
        "sampler": chosen.model_dump(mode="json"),
    }
    staging = Staging(out, {"layouts": facts}, overwrite=overwrite)
    files = {i: f"{sample_name(i)}.parquet" for i in range(count)}
    missing = staging.missing_batches(files, batch_size)
    done = count - sum(map(len, missing))
    for batch in missing:
        for layout in generator.generate(batch, seed=seed, batch_size=batch_size, sampler=chosen, category=category):
            write_cells_table(staging.path(files[layout.index]), {sample_name(layout.index): layout.cells})
        done += len(batch)
        progress("generating layouts", done, count)
    counts = []
    with DatasetWriter(
        out,
        name=f"layouts by {folder.name}",
        classes=generator.classes,
        licence="that of the model's training data",
        source=f"cellweave {__version__}, layout model {facts['model'][:16]}, seed {seed}",
        overwrite=overwrite,
    ) as writer:
        for index, file in files.items():
            cells = _read_layout(staging.path(file), sample_name(index), generator)
            counts.append(len(cells))
            asked = generator.category_of(index) if category is None else category
            provenance = {"index": index, "seed": seed, "category": asked, "layout_model": facts["model"]}
            writer.add(
                sample_name(index),
                cells,
                provenance={**provenance, "sampler": chosen.name, "sampler_steps": chosen.steps},
            )
    staging.discard()
    met = None
    if generator.recipe.categories:
        asked_for = [generator.category_of(i) if category is None else category for i in range(count)]
        met = float(np.mean(generator.categories.of(counts) == np.array(asked_for)))
    return GenerateSummary(out, count, float(np.mean(counts)), met)


def generate_images(
    model: str | os.PathLike[str],
    layouts: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    split: str | None = None,
    seed: int = 0,
    sampler: str | None = None,
    steps: int | None = None,
    batch_size: int = 4,
    revision: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = silent,
) -> GenerateSummary:
    """Generate an image for every layout of a data set, or go on with a generation that was stopped.

    Args:
        model: Image model: folder, shipped model, or ``owner/name`` on the hub.
        layouts: Data set whose cells are painted; its own images, if any, are not looked at.
        out: Data set to make.
        split: Only the layouts of this split; None takes all.
        seed: Of the run; image ``i``, counted in the order of the data set, depends on (seed, i) and its layout alone.
        sampler: ``ddpm``, ``ddim`` or ``dpm-solver++``; the recipe's when None.
        steps: Of the sampler; the recipe's when None.
        batch_size: Images at a time.
        revision: Commit of a model on the hub.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        overwrite: Replace ``out``.
        progress: Called after every batch.

    Raises:
        CellweaveError: The model, the layouts or the output place cannot be used, or an option makes no sense.
    """
    if batch_size < 1:
        raise InvalidInputError(f"the batch size must be at least 1, got {batch_size}.")
    out = Path(out)
    dataset = CellDataset.open(layouts)
    numbered = {index: name for index, name in enumerate(dataset.names()) if name in set(dataset.names(split))}
    folder = find_model_folder(model, revision=revision)
    generator = ImageGenerator.from_pretrained(folder, device=device)
    chosen = changed_sampler(generator.recipe.sampler, sampler, steps)
    facts: dict[str, Any] = {
        "model": sha256_of(folder / WEIGHTS),
        "layouts": dataset.checksum,
        "seed": seed,
        "split": split,
        "batch_size": batch_size,
        "sampler": chosen.model_dump(mode="json"),
    }
    staging = Staging(out, {"images": facts}, overwrite=overwrite)
    files = {index: f"{sample_name(index)}.png" for index in numbered}
    missing = staging.missing_batches(files, batch_size)
    done = len(numbered) - sum(map(len, missing))
    for batch in missing:
        drawn = [(index, dataset.read_cells(numbered[index])) for index in batch]
        for index, pixels in generator.generate(drawn, seed=seed, batch_size=batch_size, sampler=chosen):
            write_png(staging.path(files[index]), pixels)
        done += len(batch)
        progress("generating images", done, len(numbered))
    splits = dict(zip(dataset.images["image"], dataset.images["split"], strict=True))
    groups = dataset.groups()
    with DatasetWriter(
        out,
        name=f"images by {folder.name}",
        classes=dataset.classes,
        licence="that of the models' training data",
        source=f"cellweave {__version__}, image model {facts['model'][:16]}, seed {seed}",
        overwrite=overwrite,
    ) as writer:
        for index, name in numbered.items():
            writer.add(
                name,
                dataset.read_cells(name),
                file=staging.path(files[index]),
                split=splits[name],
                group=groups[name],
                provenance={
                    "index": index,
                    "seed": seed,
                    "image_model": facts["model"],
                    "layouts": facts["layouts"],
                    "sampler": chosen.name,
                    "sampler_steps": chosen.steps,
                },
            )
    staging.discard()
    counts = [len(dataset.read_cells(name)) for name in numbered.values()]
    return GenerateSummary(out, len(numbered), float(np.mean(counts)))


def generate_dataset(
    layouts: str | os.PathLike[str],
    images: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    count: int,
    seed: int = 0,
    category: int | None = None,
    batch_size: int = 4,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = silent,
) -> GenerateSummary:
    """Generate layouts and their images in one go, or go on with a generation that was stopped.

    Args:
        layouts: Layout model.
        images: Image model.
        out: Data set to make; the layouts are kept beside it, hidden, until it is complete.
        count: Number of images.
        seed: Of both models.
        category: Counting category of all layouts; None lets the categories take turns.
        batch_size: Samples at a time.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        overwrite: Replace ``out``.
        progress: Called after every batch.

    Raises:
        CellweaveError: A model or the output place cannot be used, or an option makes no sense.
    """
    out = Path(out)
    if out.exists() and not overwrite and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} exists and is not empty; choose another output folder or pass --overwrite.")
    drawn = out.with_name(f".{out.name}.layouts")
    made = generate_layouts(
        layouts,
        drawn,
        count=count,
        seed=seed,
        category=category,
        batch_size=batch_size,
        device=device,
        overwrite=True,
        progress=progress,
    )
    painted = generate_images(
        images,
        drawn,
        out,
        seed=seed,
        batch_size=batch_size,
        device=device,
        overwrite=overwrite,
        progress=progress,
    )
    shutil.rmtree(drawn)
    return replace(painted, in_category=made.in_category)


def changed_sampler(recipe: SamplerRecipe, name: str | None, steps: int | None) -> SamplerRecipe:
    """Return a sampler's recipe with another sampler or number of steps.

    Raises:
        InvalidInputError: There is no such sampler, or the number makes no sense.
    """
    changes = {key: value for key, value in (("name", name), ("steps", steps)) if value is not None}
    try:
        return SamplerRecipe.model_validate({**recipe.model_dump(), **changes})
    except ValueError as error:
        raise InvalidInputError(f"sampler {name or recipe.name} with {steps} steps cannot be used: {error}.") from error


def sample_name(index: int) -> str:
    """Return the name of sample ``index`` in a data set."""
    return f"sample-{index:06d}"


def _read_layout(path: Path, name: str, generator: LayoutGenerator) -> Cells:
    table = PointTable.read(path)
    try:
        cells = cells_by_image(
            table, shapes={name: generator.shape}, classes=generator.class_names, mpp={name: generator.mpp}
        )[name]
    except KeyError as error:
        raise TableError(f"{path} is not of this run ({error}); pass --overwrite to generate anew.") from error
    return Cells(cells.xy, cells.labels, classes=cells.classes, shape=cells.shape, mpp=cells.mpp)
