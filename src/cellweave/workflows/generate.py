"""Generating synthetic data sets: layouts of cells, and images of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellweave import __version__
from cellweave.core import Cells, CellweaveError, DatasetError, InvalidInputError
from cellweave.core.progress import Progress, silent
from cellweave.data import SPLITS, CellDataset, DatasetWriter
from cellweave.images.condition import Scene
from cellweave.layouts.corrections import named_correction
from cellweave.workflows.counted_writer import CountedWriter
from cellweave.workflows.generation_stages import ImageStage, Sampling, joined_licences, sample_name
from cellweave.workflows.layout_stage import LayoutStage, LayoutWish
from cellweave.workflows.staging import Staging


@dataclass(frozen=True, slots=True)
class GenerateSummary:
    """What was generated.

    Attributes:
        out: The data set.
        images: Number of layouts or images.
        mean_cells: Mean number of cells.
        in_category: Share of layouts whose number of cells is in the counting category asked for, before any
            correction; None without.
        counts: Report on the counts of layouts, as in ``counts.json``; None where only images were made.
    """

    out: Path
    images: int
    mean_cells: float
    in_category: float | None = None
    counts: dict[str, Any] | None = None


def generate_layouts(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    count: int,
    seed: int = 0,
    category: int | None = None,
    counts: Mapping[str, int] | None = None,
    size: tuple[int, int] | None = None,
    correct: str | None = None,
    hold_counts: bool = True,
    sampler: str | None = None,
    steps: int | None = None,
    reuse: bool = True,
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
        counts: Cells of some classes in each layout, for a model that is told counts; the other classes get the counts
            of similar training crops.
        size: Height and width of the layouts in pixels; those of the model's crop when None. Larger ones are denoised
            in overlapping windows.
        correct: ``trim`` removes the lowest of too many cells, ``reject`` draws layouts that miss what is asked for
            again; None leaves all as they are. What the model itself made is reported either way.
        hold_counts: Hold layouts to their counts while they are made, where the model is told counts.
        sampler: ``ddpm``, ``ddim``, ``dpm-solver++`` or ``unipc``; the recipe's when None.
        steps: Of the sampler; the recipe's when None.
        reuse: Let the network's coarse levels answer for several steps, where the model's sampler does.
        batch_size: Layouts at a time.
        revision: Commit of a model on the hub.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        overwrite: Replace ``out``.
        progress: Called after every batch.

    Raises:
        CellweaveError: The model or the output place cannot be used, or an option makes no sense.
    """
    sampling = Sampling(seed, batch_size, sampler, steps, reuse=reuse)
    wish = LayoutWish(category, counts, size, named_correction(correct), hold_counts)
    stage = LayoutStage(model, count=count, wish=wish, sampling=sampling, revision=revision, device=device)
    out = Path(out)
    made = []
    with Staging(out, {"layouts": stage.facts}, overwrite=overwrite, inputs=[stage.folder]) as staging:
        stage.draw(staging, progress)
        with CountedWriter(
            out,
            name=f"layouts by {stage.folder.name}",
            classes=stage.generator.classes,
            licence=joined_licences(stage.licences),
            source=f"cellweave {__version__}, layout model {stage.model[:16]}, seed {seed}",
            overwrite=overwrite,
        ) as writer:
            for index in range(count):
                cells = stage.cells(staging, index)
                made.append(len(cells))
                provenance = {"sampler": stage.sampler.name, "sampler_steps": stage.sampler.steps}
                writer.add(sample_name(index), cells, provenance=stage.provenance(index) | provenance)
            report = stage.report(staging)
            writer.write_counts(report)
    return _summary(out, made, report)


def generate_images(
    model: str | os.PathLike[str],
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    masks: bool = False,
    split: str | None = None,
    seed: int = 0,
    sampler: str | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    batch_size: int = 4,
    revision: str | None = None,
    device: str = "auto",
    compile_network: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> GenerateSummary:
    """Generate an image for every layout, or mask, of a data set, or go on with a generation that was stopped.

    Args:
        model: Image model: folder, shipped model, or ``owner/name`` on the hub.
        source: Data set whose cells, or masks, are painted; its own images, if any, are not looked at.
        out: Data set to make; it holds the masks, too.
        masks: Paint the masks, for which the model must be made.
        split: Only the images of this split; None takes all.
        seed: Of the run; image ``i``, counted in the order of the data set, depends on (seed, i) and its layout or mask
            alone.
        sampler: ``ddpm``, ``ddim``, ``dpm-solver++`` or ``unipc``; the recipe's when None.
        steps: Of the sampler; the recipe's when None.
        guidance: s of classifier-free guidance, 0 for none; the recipe's when None.
        batch_size: Images at a time.
        revision: Commit of a model on the hub.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        compile_network: Compile the network, which is worth its minute or so where many images are painted.
        overwrite: Replace ``out``.
        progress: Called after every batch.

    Raises:
        CellweaveError: The model, the layouts or masks or the output place cannot be used, or an option makes no sense.
    """
    dataset = CellDataset.open(source)
    sampling = Sampling(seed, batch_size, sampler, steps)
    stage = ImageStage(
        model,
        sampling=sampling,
        guidance=guidance,
        revision=revision,
        device=device,
        compile_network=compile_network,
    )
    wanted = set(dataset.names(split))
    numbered = {index: name for index, name in enumerate(dataset.names()) if name in wanted}
    splits = dict(zip(dataset.images["image"], dataset.images["split"], strict=True))
    cells_of = {
        index: _checked_cells(dataset, name, splits[name], index, stage, masks=masks)
        for index, name in numbered.items()
    }

    def scene_of(index: int) -> Scene:
        return dataset.read_mask(numbered[index]) if masks else cells_of[index]

    groups = dataset.groups()
    out = Path(out)
    facts = {**stage.facts, "layouts": dataset.checksum, "masks": masks, "split": split}
    with Staging(out, {"images": facts}, overwrite=overwrite, inputs=[dataset.root, stage.folder]) as staging:
        stage.paint(staging, list(numbered), scene_of, progress)
        with DatasetWriter(
            out,
            name=f"images by {stage.folder.name}",
            classes=dataset.classes,
            licence=joined_licences([*stage.licences, dataset.licence]),
            source=f"cellweave {__version__}, image model {stage.model[:16]}, seed {seed}",
            overwrite=overwrite,
        ) as writer:
            for index, name in numbered.items():
                writer.add(
                    name,
                    cells_of[index],
                    file=stage.file(staging, index),
                    split=splits[name],
                    group=groups[name],
                    mask=dataset.read_mask(name) if masks else None,
                    provenance=stage.provenance(index) | {"masks" if masks else "layouts": dataset.checksum},
                )
    return GenerateSummary(out, len(numbered), float(np.mean([len(cells) for cells in cells_of.values()])))


def generate_dataset(
    layouts: str | os.PathLike[str],
    images: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    count: int,
    seed: int = 0,
    category: int | None = None,
    counts: Mapping[str, int] | None = None,
    size: tuple[int, int] | None = None,
    correct: str | None = None,
    hold_counts: bool = True,
    batch_size: int = 4,
    device: str = "auto",
    compile_network: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> GenerateSummary:
    """Generate layouts and their images in one go, or go on with a generation that was stopped.

    Args:
        layouts: Layout model.
        images: Image model.
        out: Data set to make.
        count: Number of images.
        seed: Of both models.
        category: Counting category of all layouts; None lets the categories take turns.
        counts: Cells of some classes in each layout, as in :func:`generate_layouts`.
        size: Height and width of layouts and images in pixels; those of the layout model's crop when None.
        correct: ``trim`` or ``reject``, as in :func:`generate_layouts`; what stays is painted.
        hold_counts: As in :func:`generate_layouts`.
        batch_size: Samples at a time.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        compile_network: Compile the image model's network.
        overwrite: Replace ``out``.
        progress: Called after every batch.

    Raises:
        CellweaveError: A model or the output place cannot be used, or an option makes no sense.
    """
    sampling = Sampling(seed, batch_size)
    wish = LayoutWish(category, counts, size, named_correction(correct), hold_counts)
    drawing = LayoutStage(layouts, count=count, wish=wish, sampling=sampling, device=device)
    painting = ImageStage(images, sampling=sampling, device=device, compile_network=compile_network)
    drawer = drawing.generator
    try:
        painting.generator.check_scene(0, Cells.empty(classes=drawer.class_names, shape=drawing.shape, mpp=drawer.mpp))
    except InvalidInputError as error:
        raise InvalidInputError(f"{images} cannot paint what {layouts} draws: {error}") from error
    out = Path(out)
    made = []
    facts = {"layouts": drawing.facts, "images": painting.facts}
    with Staging(out, facts, overwrite=overwrite, inputs=[drawing.folder, painting.folder]) as staging:
        drawing.draw(staging, progress)
        painting.paint(staging, range(count), lambda index: drawing.cells(staging, index), progress)
        with CountedWriter(
            out,
            name=f"images by {painting.folder.name} of layouts by {drawing.folder.name}",
            classes=drawer.classes,
            licence=joined_licences([*drawing.licences, *painting.licences]),
            source=f"cellweave {__version__}, layout model {drawing.model[:16]}, image model {painting.model[:16]}, "
            f"seed {seed}",
            overwrite=overwrite,
        ) as writer:
            for index in range(count):
                cells = drawing.cells(staging, index)
                made.append(len(cells))
                provenance = {
                    "layout_sampler": drawing.sampler.name,
                    "layout_sampler_steps": drawing.sampler.steps,
                    **painting.provenance(index),
                }
                writer.add(
                    sample_name(index),
                    cells,
                    file=painting.file(staging, index),
                    provenance=drawing.provenance(index) | provenance,
                )
            report = drawing.report(staging)
            writer.write_counts(report)
    return _summary(out, made, report)


def _summary(out: Path, made: list[int], report: dict[str, Any]) -> GenerateSummary:
    before = report["before_correction"]
    in_category = before["met"] if "categories" in before else None
    return GenerateSummary(out, len(made), float(np.mean(made)), in_category, report)


def _checked_cells(dataset: CellDataset, name: str, split: str, index: int, stage: ImageStage, *, masks: bool) -> Cells:
    """Return the cells of an image that the model can paint, by them or by its mask, and a data set can hold."""
    cells = dataset.read_cells(name)
    try:
        stage.generator.check_scene(index, dataset.read_mask(name) if masks else cells)
        stage.generator.check_frame(index, cells)
        if split not in SPLITS:
            raise DatasetError(f"its split is {split!r}; the splits are {list(SPLITS)}.")
    except CellweaveError as error:
        raise DatasetError(f"image {name!r} of {dataset.root} cannot be painted: {error}") from error
    return cells
