"""Getting annotated images ready: import, check, statistics, a look at them, and phantom tissue."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellweave import data
from cellweave.core import DatasetError, InvalidInputError, OutputError
from cellweave.core.progress import Progress, silent
from cellweave.data.phantom import write_phantom_dataset
from cellweave.data.readers import READERS, AnnotatedSource
from cellweave.workflows.sheet_images import richest, spread_evenly


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What a new data set holds.

    Attributes:
        path: The data set.
        images: Number of images of every split that has some.
        groups: Number of groups (patients or slides).
        cells: Number of cells of every class.
        unlabelled: Number of cells without a class.
        clipped: Number of cells that lay a little outside their image and were moved into it.
        notes: What is not there or was left out, one sentence each.
    """

    path: Path
    images: dict[str, int]
    groups: int
    cells: dict[str, int]
    unlabelled: int
    clipped: int
    notes: tuple[str, ...]


def import_dataset(
    kind: str,
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    name: str | None = None,
    licence: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
    **options: Any,
) -> ImportSummary:
    """Read an annotated source and write it as a data set, whole or not at all.

    Args:
        kind: Name of the reader, see :data:`cellweave.data.readers.READERS`.
        source: Folder or file that the reader takes.
        out: The data set to make.
        name: Name of the data set; the reader's choice when None.
        licence: Licence of images and annotations, in words; what the reader knows when None.
        overwrite: Replace ``out`` where it is there already.
        progress: Called after every image.
        options: Options of the reader.

    Raises:
        InvalidInputError: There is no such reader, or it takes no such option.
        OutputError: ``out`` cannot be written.
        CellweaveError: The source is bad; nothing is written then.
    """
    if Path(source).resolve().is_relative_to(Path(out).resolve()):
        raise OutputError(f"{out} holds the source {source}, which it would replace; choose another output folder.")
    annotated = _reader(kind, options)(Path(source), **options)
    if annotated.total == 0:
        raise DatasetError(f"{source} has no image to import. {' '.join(annotated.notes)}".rstrip())
    clipped = 0
    with data.DatasetWriter(
        out,
        name=name or annotated.name,
        classes=annotated.classes,
        licence=licence or annotated.licence,
        source=annotated.origin,
        overwrite=overwrite,
    ) as writer:
        for done, image in enumerate(annotated.images, start=1):
            if image.file is not None:
                data.read_image(image.file)  # a header alone does not tell whether the pixels are all there
            writer.add(
                image.name,
                image.cells,
                pixels=image.pixels,
                file=image.file,
                split=image.split,
                group=image.group,
                mask=image.mask,
            )
            clipped += image.clipped
            progress("importing images", done, annotated.total)
    return _summary(Path(out), clipped=clipped, notes=annotated.notes)


def check_dataset(path: str | os.PathLike[str], *, progress: Progress = silent) -> data.CheckReport:
    """Check every file and row of a data set; see :func:`cellweave.data.check_dataset`."""
    return data.check_dataset(path, progress=progress)


def dataset_statistics(path: str | os.PathLike[str]) -> tuple[data.CellStatistics, ...]:
    """Return the statistics of the data set at ``path``; see :func:`cellweave.data.dataset_statistics`."""
    return data.dataset_statistics(data.CellDataset.open(path))


def show_dataset(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    split: str | None = None,
    images: int = 12,
    rich: bool = False,
    columns: int = 4,
    draw: bool = True,
    beside: str | os.PathLike[str] | None = None,
    layouts: bool = False,
    blind: bool = False,
    seed: int = 0,
    overwrite: bool = False,
) -> list[str]:
    """Draw a contact sheet of a data set, and return the names of the images on it.

    Args:
        path: The data set.
        out: The PNG to write.
        split: Images of this split only; of all when None.
        images: Number of images, spread evenly over those there are.
        rich: Show those with most cells of each class in turn instead; see :func:`richest`.
        columns: Number of images side by side.
        draw: Draw the cells on the images; layouts are always drawn.
        beside: Data set of real images whose layouts or masks the images were painted from: every image then stands
            below its condition and the real image of its name.
        layouts: Show cells alone: layouts, and real ones of the same size out of images of ``beside``.
        blind: Mix these, and write which is which into a CSV beside ``out``.
        seed: Of the real layouts and of the mixing.
        overwrite: Replace ``out`` where it is there already.

    Raises:
        DatasetError: There is no such data set, no image in the split, none with cells of a class for ``rich``, or
            ``beside`` is not its counterpart: see :func:`cellweave.report.comparison_sheet` and
            :func:`cellweave.report.layout_sheet`.
        InvalidInputError: ``out`` does not end in ``.png``, or options are given that others make no sense with.
        OutputError: ``out``, or the CSV, is there already, or cannot be written.
    """
    from cellweave.report import (
        comparison_sheet,
        contact_sheet,
        key_path,
        layout_sheet,
    )  # matplotlib, which nothing else here needs

    out = Path(out)
    if out.suffix.lower() != ".png":
        raise InvalidInputError(f"{out} must end in .png, which is what a contact sheet is written as.")
    if beside is not None and not draw:
        raise InvalidInputError("--beside draws conditions, never cells on images; leave --no-cells out.")
    if layouts and beside is None:
        raise InvalidInputError("--layouts compares with real layouts; give their data set with --beside.")
    if layouts and rich:
        raise InvalidInputError("--rich chooses images, and layouts are compared as they come; leave --rich out.")
    if (blind or seed) and not layouts:
        raise InvalidInputError("--blind and --seed mix layouts with real ones; give --layouts and --beside as well.")
    for path_made in (out, key_path(out)) if blind else (out,):
        if path_made.exists() and not overwrite:
            raise OutputError(f"{path_made} exists; choose another output path or pass --overwrite.")
    dataset = data.CellDataset.open(path)
    names = dataset.names(split)
    chosen = richest(dataset, names, images) if rich else spread_evenly(names, images)
    if beside is None:
        contact_sheet(dataset, chosen, out, columns=columns, draw=draw)
    elif layouts:
        real = data.CellDataset.open(beside)
        layout_sheet(dataset, real, chosen, out, columns=columns, seed=seed, blind=blind)
    else:
        comparison_sheet(dataset, data.CellDataset.open(beside), chosen, out, columns=columns)
    return chosen


def make_phantom(
    out: str | os.PathLike[str],
    *,
    images: int = 24,
    size: int = 256,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress = silent,
) -> ImportSummary:
    """Write a data set of phantom tissue; see :func:`cellweave.data.phantom.write_phantom_dataset`."""
    path = write_phantom_dataset(out, images=images, size=size, seed=seed, overwrite=overwrite, progress=progress)
    return _summary(path, clipped=0, notes=())


def _reader(kind: str, options: dict[str, Any]) -> Callable[..., AnnotatedSource]:
    if kind not in READERS:
        raise InvalidInputError(f"there is no reader {kind!r}; the readers are {', '.join(READERS)}.")
    reader = READERS[kind]
    known = [name for name in inspect.signature(reader).parameters if name != "source"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        takes = f"it takes {', '.join(known)}" if known else "it takes none"
        raise InvalidInputError(f"the reader {kind} has no option {unknown[0]!r}; {takes}: leave it out.")
    return reader


def _summary(path: Path, *, clipped: int, notes: tuple[str, ...]) -> ImportSummary:
    dataset = data.CellDataset.open(path)
    splits, labels = dataset.images["split"].value_counts(), dataset.cells["label"].value_counts()
    return ImportSummary(
        path=path,
        images={split: int(splits[split]) for split in data.SPLITS if split in splits},
        groups=int(dataset.images["group"].nunique()),
        cells={name: int(labels.get(name, 0)) for name in dataset.class_names},
        unlabelled=int(dataset.cells["label"].isna().sum()),
        clipped=clipped,
        notes=notes,
    )
