"""Stain normalisation of image files and data sets: every image gets the colours of one target."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cellweave.core import CellweaveError, DatasetError, InvalidInputError, OutputError, atomic_folder
from cellweave.core.progress import Progress, silent
from cellweave.data import IMAGE_SUFFIXES, CellDataset, DatasetWriter, RgbImage, read_image, write_png
from cellweave.report import Row, stack_rows
from cellweave.stain import Colours, StainNormaliser, TissueSampler, TwoStains, tissue_sample

SLIDE_SUFFIXES = (".svs", ".ndpi", ".mrxs", ".scn", ".vms", ".vmu", ".bif", ".svslide", ".czi")
PICTURED = 6
"""Most images on the picture of before and after."""

_PROVENANCE = "provenance.parquet"


@dataclass(frozen=True, slots=True)
class NormaliseSummary:
    """What was normalised.

    Attributes:
        out: The image, folder or data set.
        method: How.
        images: Number of images.
        without_tissue: Names of images that have no tissue and are as they were.
        one_stain: Names of images in which one stain only was found.
    """

    out: Path
    method: str
    images: int
    without_tissue: tuple[str, ...]
    one_stain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Image:
    name: str
    read: Callable[[], RgbImage]


def fit_target(
    image: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    method: str = "vahadane",
    seed: int = 0,
    overwrite: bool = False,
) -> StainNormaliser:
    """Learn the colours of a target image and store them as JSON.

    Args:
        image: The target.
        out: The file, ``*.json``.
        method: ``vahadane``, ``macenko`` or ``reinhard``.
        seed: Of the sample of its tissue.
        overwrite: Replace the file.

    Raises:
        CellweaveError: The image cannot be read or lacks tissue or a stain, or the file cannot be written.
    """
    out = Path(out)
    if out.suffix.lower() != ".json":
        raise OutputError(f"{out} must end in .json; a fitted target is a JSON file.")
    _refuse_existing(out, overwrite=overwrite)
    normaliser = _fitted(Path(image), method=method, seed=seed)
    normaliser.save(out)
    return normaliser


def normalise(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    method: str | None = None,
    together: bool = False,
    seed: int | None = None,
    picture: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> NormaliseSummary:
    """Give an image, a folder of images or a data set the colours of a target.

    A folder comes out as a folder of PNGs of the same names; a data set as a data set with the same cells, masks,
    splits and groups.

    Args:
        source: Image, folder of images (searched without its sub-folders) or data set.
        out: PNG for an image; else folder or data set to make.
        target: Image, or JSON that :func:`fit_target` wrote.
        method: ``vahadane`` (when None), ``macenko`` or ``reinhard``; a JSON knows its own.
        together: Learn the source's colours from all its images at once, as for the tiles of one slide, instead of
            each image's from itself.
        seed: Of the samples of tissue; the target's own, or 0, when None.
        picture: PNG to write with the first images before and after, and the target where that is an image.
        overwrite: Replace what is in ``out`` and ``picture``.
        progress: Called after every image.

    Raises:
        CellweaveError: The images, the target or the output place cannot be used; nothing is written then.
    """
    source, out, target = Path(source), Path(out), Path(target)
    _refuse_slide(source)
    dataset = CellDataset.open(source) if (source / "dataset.json").is_file() else None
    images = _images(source, dataset)
    if picture is not None:
        _refuse_picture(Path(picture), out, overwrite=overwrite)
    normaliser = _normaliser(target, method=method, seed=seed)
    run = _Run(normaliser, images, together=together, progress=progress)
    if dataset is not None:
        _write_dataset(out, dataset, run, overwrite=overwrite)
    elif source.is_dir():
        own = frozenset(f"{image.name}.png" for image in images)
        with atomic_folder(_apart(out, source), overwrite=overwrite, own=own) as folder:
            for image, _, after in run.over():
                write_png(folder / f"{image.name}.png", after)
    else:
        _refuse_image_place(out, source, overwrite=overwrite)
        for _, _, after in run.over():
            write_png(out, after)
    if picture is not None:
        write_png(picture, run.picture(None if target.suffix.lower() == ".json" else read_image(target)))
    return run.summary(out)


class _Run:
    """A normaliser at work on some images, and what it met."""

    def __init__(
        self, normaliser: StainNormaliser, images: Sequence[_Image], *, together: bool, progress: Progress
    ) -> None:
        self._normaliser, self._images, self._progress = normaliser, images, progress
        self._before: list[RgbImage] = []
        self._after: list[RgbImage] = []
        self._empty: list[str] = []
        self._single: list[str] = []
        self._shared = self._learn_together() if together else None

    def over(self) -> Iterable[tuple[_Image, RgbImage, RgbImage]]:
        """Yield every image with its pixels before and after."""
        for number, image in enumerate(self._images):
            before = image.read()
            colours = self._shared
            if colours is None:
                colours = self._normaliser.learn(tissue_sample(before, seed=self._normaliser.seed))
            after = self._normaliser.transform(before, colours)
            if colours.is_empty:
                self._empty.append(image.name)
            elif isinstance(colours, TwoStains) and not colours.has_both:
                self._single.append(image.name)
            if number < PICTURED:
                self._before.append(before)
                self._after.append(after)
            yield image, before, after
            self._progress("normalising stains", number + 1, len(self._images))

    def picture(self, target: RgbImage | None) -> RgbImage:
        """Return the first images before and after, under the target where there is an image of it."""
        method = self._normaliser.method
        rows = [Row("Before", self._before), Row(f"After {method.capitalize()} normalisation", self._after)]
        return stack_rows(rows if target is None else [Row("Target", [target]), *rows])

    def summary(self, out: Path) -> NormaliseSummary:
        """Return what was done."""
        return NormaliseSummary(
            out, self._normaliser.method, len(self._images), tuple(self._empty), tuple(self._single)
        )

    def _learn_together(self) -> Colours:
        sampler = TissueSampler(self._normaliser.seed)
        for number, image in enumerate(self._images):
            sampler.add(image.read(), image=number)
            self._progress("learning the colours", number + 1, len(self._images))
        return self._normaliser.learn(sampler.sample())


def _images(source: Path, dataset: CellDataset | None) -> list[_Image]:
    if dataset is not None:
        return [_Image(name, partial(dataset.read_image, name)) for name in dataset.names()]
    if not source.is_dir():
        return [_Image(source.stem, partial(read_image, source))]
    paths = sorted(path for path in source.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    if not paths:
        raise InvalidInputError(f"{source} holds no image ({', '.join(IMAGE_SUFFIXES)}) and no dataset.json.")
    stems = [path.stem for path in paths]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice is not None:
        raise InvalidInputError(
            f"{source} has several images named {twice!r} with different endings; keep one of them."
        )
    return [_Image(path.stem, partial(read_image, path)) for path in paths]


def _write_dataset(out: Path, dataset: CellDataset, run: _Run, *, overwrite: bool) -> None:
    about = dataset.images.set_index("image")
    provenance = _provenance(dataset)
    with DatasetWriter(
        _apart(out, dataset.root),
        name=dataset.name,
        classes=dataset.classes,
        licence=dataset.licence,
        source=f"{dataset.source}; stains normalised to one target by cellweave",
        overwrite=overwrite,
    ) as writer:
        for image, _, after in run.over():
            writer.add(
                image.name,
                dataset.read_cells(image.name),
                pixels=after,
                split=str(about["split"][image.name]),
                group=str(about["group"][image.name]),
                mask=dataset.read_mask(image.name) if dataset.has_mask(image.name) else None,
                provenance=provenance.get(image.name),
            )


def _provenance(dataset: CellDataset) -> Mapping[str, dict[str, Any]]:
    """Return what a generated data set knows of every image: generated it stays."""
    path = dataset.root / _PROVENANCE
    if not path.is_file():
        return {}
    try:
        rows = pq.read_table(path).to_pylist()
        return {row["image"]: {key: value for key, value in row.items() if key != "image"} for row in rows}
    except (pa.ArrowException, OSError, KeyError) as error:
        raise DatasetError(f"{path} cannot be read ({error}); copy the data set, or generate it, again.") from error


def _normaliser(target: Path, *, method: str | None, seed: int | None) -> StainNormaliser:
    if target.suffix.lower() != ".json":
        return _fitted(target, method=method or "vahadane", seed=seed or 0)
    stored = StainNormaliser.load(target)
    if method not in (None, stored.method):
        raise InvalidInputError(
            f"{target} was fitted by {stored.method}, not {method}; leave --method out, or fit the target again."
        )
    return stored if seed is None else StainNormaliser(stored.method, stored.target, seed)


def _fitted(image: Path, *, method: str, seed: int) -> StainNormaliser:
    _refuse_slide(image)
    pixels = read_image(image)
    try:
        return StainNormaliser.fit(pixels, method=method, seed=seed)
    except CellweaveError as error:
        raise InvalidInputError(f"target {image}: {error}") from error


def _refuse_slide(path: Path) -> None:
    if path.suffix.lower() in SLIDE_SUFFIXES:
        raise InvalidInputError(
            f"{path} is a whole slide, which is not read here; export its regions or tiles as PNG or TIFF, and "
            "normalise their folder with --together."
        )


def _refuse_existing(path: Path, *, overwrite: bool) -> None:
    if path.is_file() and not overwrite:
        raise OutputError(f"{path} exists; choose another output path or pass --overwrite.")


def _refuse_image_place(out: Path, source: Path, *, overwrite: bool) -> None:
    if out.suffix.lower() != ".png":
        raise OutputError(f"{out} must end in .png; a normalised image is written without loss.")
    if out.resolve() == source.resolve():
        raise OutputError(f"{out} is the image that is read; choose another output path.")
    _refuse_existing(out, overwrite=overwrite)


def _refuse_picture(picture: Path, out: Path, *, overwrite: bool) -> None:
    if picture.suffix.lower() != ".png" or picture.resolve().is_relative_to(out.resolve()):
        raise OutputError(f"{picture} must end in .png and lie outside the output {out}; choose another place.")
    _refuse_existing(picture, overwrite=overwrite)


def _apart(out: Path, source: Path) -> Path:
    place, read = out.resolve(), source.resolve()
    if place.is_relative_to(read) or read.is_relative_to(place):
        raise OutputError(f"{out} is, lies in or holds {source}, which is read; choose another output path.")
    return out
