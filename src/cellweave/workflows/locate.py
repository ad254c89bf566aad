"""Finding the cells of images with a trained localiser, and writing them for QuPath, tables and the eye."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from cellweave.core import Cells, CellweaveError, InvalidInputError, atomic_folder
from cellweave.core.progress import Progress, silent
from cellweave.data import IMAGE_SUFFIXES, CellDataset, RgbImage, read_image, write_png
from cellweave.data.regions import Region, require_inside
from cellweave.data.writers import write_anndata, write_cells_table, write_geojson
from cellweave.localization import Locator
from cellweave.metrics.index_scores import IndexScores
from cellweave.metrics.positive_index import IndexClasses
from cellweave.report import draw_cells
from cellweave.workflows.index import index_of_located, regions_of

OUTPUTS = frozenset(
    {
        "cells.geojson",
        "cells.parquet",
        "cells.csv",
        "cells.h5ad",
        "overlay.png",
        "geojson",
        "overlays",
        "index.json",
        "index.csv",
    }
)
"""Names that a folder of results holds; only such a folder is ever replaced."""


@dataclass(frozen=True, slots=True)
class LocateSummary:
    """What was located.

    Attributes:
        out: Folder of the results.
        cells: Number of cells in all, with and without a class.
        counts: Number of cells of every class, by image.
        megapixels: Size of the images in all.
        seconds: Time in the localiser, reading and writing of files left out.
        assumed_mpp: The scale, µm per pixel, that images of unknown scale were taken to have; None when none was.
        index: The positive index; None where not asked for.
    """

    out: Path
    cells: int
    counts: dict[str, dict[str, int]]
    megapixels: float
    seconds: float
    assumed_mpp: float | None
    index: IndexScores | None = None


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    read: Callable[[], RgbImage]
    mpp: float | None
    group: str | None = None


def locate_image(
    image: str | os.PathLike[str],
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    mpp: float | None = None,
    revision: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    turns: int | None = None,
    index: str | None = None,
    regions: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> LocateSummary:
    """Find the cells of one image, and write them for QuPath, as tables, as AnnData and drawn on the image.

    The result is ``cells.geojson``, ``cells.parquet``, ``cells.csv``, ``cells.h5ad`` and ``overlay.png``.

    Args:
        image: The image file.
        model: Model folder, name of a shipped model, or ``owner/name`` on the hub.
        out: Folder to make.
        mpp: Scale of the image, µm per pixel; None takes it to be the model's.
        revision: Commit of a model on the hub.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32`` or ``bf16``.
        turns: Orientations to average over; None: as many as the model was calibrated with.
        index: ``POSITIVE:NEGATIVE``, two classes of the model: writes ``index.json`` and ``index.csv`` as well, the
            share of positive cells, see :func:`cellweave.metrics.score_index`.
        regions: QuPath GeoJSON of regions of the image, each of which gets its own index.
        overwrite: Replace what is in ``out``.
        progress: Called as work goes on.

    Raises:
        CellweaveError: The image, the model or the output place cannot be used; nothing is written then.
    """
    pixels_of_image = read_image(image)  # a bad image is told before the model is loaded
    items = [_Item(_name(Path(image)), lambda: pixels_of_image, mpp)]
    in_image = _regions(regions, index, items)
    locator = Locator.from_pretrained(model, revision=revision, device=device, precision=precision)
    classes = None if index is None else IndexClasses.parse(index, locator.class_names)
    run = _Run(locator, turns=turns, regions=in_image, progress=progress)
    with atomic_folder(out, overwrite=overwrite, own=OUTPUTS) as folder:
        for name, pixels, cells in run.over(items):
            write_geojson(folder / "cells.geojson", cells, locator.colours)
            _write_tables(folder, {name: cells}, locator.colours, items)
            write_png(folder / "overlay.png", draw_cells(pixels, cells, locator.colours))
            scores = _write_index(folder, {name: cells}, classes, items, in_image)
    return run.summary(Path(out), scores)


def locate_images(
    source: str | os.PathLike[str],
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    split: str | None = None,
    mpp: float | None = None,
    revision: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    turns: int | None = None,
    overlays: bool = True,
    index: str | None = None,
    regions: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> LocateSummary:
    """Find the cells of a data set or a folder of images; writes one table, and GeoJSON and overlay of each image.

    The result is ``cells.parquet``, ``cells.csv`` and ``cells.h5ad`` for all images, ``geojson/NAME.geojson`` and
    ``overlays/NAME.png``.

    Args:
        source: A data set, or a folder of image files (searched without its sub-folders).
        model: Model folder, name of a shipped model, or ``owner/name`` on the hub.
        out: Folder to make.
        split: Split of the data set; None takes all of its images.
        mpp: Scale of the images of a folder, or of those of a data set that knows none, µm per pixel; None takes it to
            be the model's.
        revision: Commit of a model on the hub.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32`` or ``bf16``.
        turns: Orientations to average over; None: as many as the model was calibrated with.
        overlays: Draw overlays.
        index: As for :func:`locate_image`, of every image, group (patient or slide), and all of them.
        regions: Folder with ``IMAGE.geojson`` for each image that has regions.
        overwrite: Replace what is in ``out``.
        progress: Called after every image.

    Raises:
        CellweaveError: The images, the model or the output place cannot be used; nothing is written then.
    """
    source = Path(source)
    items = _items(source, split=split, mpp=mpp)
    in_images = _regions(regions, index, items)
    locator = Locator.from_pretrained(model, revision=revision, device=device, precision=precision)
    classes = None if index is None else IndexClasses.parse(index, locator.class_names)
    run = _Run(locator, turns=turns, regions=in_images, progress=progress)
    located: dict[str, Cells] = {}
    with atomic_folder(out, overwrite=overwrite, own=OUTPUTS) as folder:
        for name, pixels, cells in run.over(items):
            located[name] = cells
            write_geojson(folder / "geojson" / f"{name}.geojson", cells, locator.colours)
            if overlays:
                write_png(folder / "overlays" / f"{name}.png", draw_cells(pixels, cells, locator.colours))
        _write_tables(folder, located, locator.colours, items)
        scores = _write_index(folder, located, classes, items, in_images)
    return run.summary(Path(out), scores)


class _Run:
    """A localiser at work on some images, and what it did."""

    def __init__(
        self,
        locator: Locator,
        *,
        turns: int | None,
        regions: Mapping[str, tuple[Region, ...]],
        progress: Progress,
    ) -> None:
        self._locator, self._turns, self._regions, self._progress = locator, turns, regions, progress
        self._counts: dict[str, dict[str, int]] = {}
        self._cells, self._pixels, self._seconds = 0, 0, 0.0
        self._assumed = False

    def over(self, items: Sequence[_Item]) -> Iterator[tuple[str, RgbImage, Cells]]:
        for done, item in enumerate(items, start=1):
            pixels = item.read()
            require_inside(self._regions.get(item.name, ()), item.name, pixels.shape[:2])
            start = time.perf_counter()
            try:
                cells = self._locator.locate(pixels, mpp=item.mpp, turns=self._turns)
            except CellweaveError as error:
                raise InvalidInputError(f"image {item.name}: {error}") from error
            self._seconds += time.perf_counter() - start
            self._pixels += pixels.shape[0] * pixels.shape[1]
            self._cells += len(cells)
            self._counts[item.name] = cells.counts()
            self._assumed |= item.mpp is None
            yield item.name, pixels, cells
            self._progress("locating cells", done, len(items), f"{len(cells)} cells in {item.name}")

    def summary(self, out: Path, index: IndexScores | None) -> LocateSummary:
        assumed = self._locator.mpp if self._assumed else None
        return LocateSummary(out, self._cells, self._counts, self._pixels / 1e6, self._seconds, assumed, index)


def _items(source: Path, *, split: str | None, mpp: float | None) -> list[_Item]:
    if (source / "dataset.json").is_file():
        dataset = CellDataset.open(source)
        scales = {name: dataset.read_cells(name).mpp for name in dataset.names(split)}
        known = next((scale for scale in scales.values() if scale is not None), None)
        if mpp is not None and known is not None:
            raise InvalidInputError(f"--mpp {mpp:g} is given, but {source} knows its scale ({known:g}); leave it out.")
        groups = dataset.groups()
        return [
            _Item(name, partial(dataset.read_image, name), scale or mpp, groups[name]) for name, scale in scales.items()
        ]
    if split is not None:
        raise InvalidInputError(f"--split {split} needs a data set, and {source} has no dataset.json.")
    if not source.is_dir():
        found = "is no folder" if source.exists() else "does not exist"
        raise InvalidInputError(f"{source} {found}; give a data set, a folder of images or an image file.")
    paths = sorted(path for path in source.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    if not paths:
        raise InvalidInputError(f"{source} holds no image ({', '.join(IMAGE_SUFFIXES)}) and no dataset.json.")
    stems = [_name(path) for path in paths]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice is not None:
        raise InvalidInputError(
            f"{source} has several images named {twice!r} with different endings; keep one of them."
        )
    return [_Item(path.stem, partial(read_image, path), mpp) for path in paths]


def _name(path: Path) -> str:
    try:
        path.stem.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"the name of {path} is not UTF-8, which tables and QuPath need; rename it.") from error
    return path.stem


def _write_tables(
    folder: Path, located: Mapping[str, Cells], colours: Mapping[str, str], items: Sequence[_Item]
) -> None:
    for name in ("cells.parquet", "cells.csv"):
        write_cells_table(folder / name, located)
    groups = [item.group for item in items]
    known = None if None in groups else pd.DataFrame({"group": groups})
    in_frames = {item.name: located[item.name] if item.mpp else _without_scale(located[item.name]) for item in items}
    write_anndata(folder / "cells.h5ad", in_frames, colours, images=known)


def _without_scale(cells: Cells) -> Cells:
    """Return cells of an image whose scale was only taken to be the model's: no file may state that as known."""
    return Cells(cells.xy, cells.labels, classes=cells.classes, shape=cells.shape, scores=cells.scores)


def _regions(
    regions: str | os.PathLike[str] | None, index: str | None, items: Sequence[_Item]
) -> dict[str, tuple[Region, ...]]:
    if regions is None:
        return {}
    if index is None:
        raise InvalidInputError(f"--regions {regions} needs classes whose index is asked for; give them with --index.")
    return regions_of(regions, dict.fromkeys(item.name for item in items))


def _write_index(
    folder: Path,
    located: Mapping[str, Cells],
    classes: IndexClasses | None,
    items: Sequence[_Item],
    regions: Mapping[str, tuple[Region, ...]],
) -> IndexScores | None:
    if classes is None:
        return None
    groups = {item.name: item.group for item in items if item.group is not None}
    return index_of_located(located, classes, regions=regions, groups=groups, folder=folder)
