"""Stain normalisation of image files, whole slides and data sets: each gets the colours of one target."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cellweave.core import DatasetError, InvalidInputError, OutputError, atomic_folder
from cellweave.core.progress import Progress, silent
from cellweave.data import IMAGE_SUFFIXES, CellDataset, DatasetWriter, RgbImage, read_image, write_png
from cellweave.stain import Colours, StainNormaliser, TissueSampler, tissue_sample
from cellweave.workflows.normalise_output import (
    Findings,
    NormaliseSummary,
    apart,
    refuse_file_place,
    refuse_picture,
    refuse_target_place,
    refuse_twins,
)
from cellweave.workflows.normalise_slides import normalise_slides, slides_in
from cellweave.workflows.stain_target import stain_normaliser

_PROVENANCE = "provenance.parquet"


@dataclass(frozen=True, slots=True)
class _Image:
    name: str
    read: Callable[[], RgbImage]


def normalise(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    method: str | None = None,
    together: bool = False,
    seed: int | None = None,
    level: int | None = None,
    compression: str | None = None,
    picture: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> NormaliseSummary:
    """Give an image, a slide, a folder of either or a data set the colours of a target.

    A folder of images comes out as a folder of PNGs of the same names, one of slides as a folder of pyramidal TIFFs; a
    data set as a data set with the same cells, masks, splits and groups.

    Args:
        source: Image, whole slide, folder of either (searched without its sub-folders) or data set.
        out: PNG for an image, TIFF for a slide; else folder or data set to make.
        target: Image, or JSON that :func:`~cellweave.workflows.stain_target.fit_target` wrote.
        method: ``vahadane`` (when None), ``macenko`` or ``reinhard``; a JSON knows its own.
        together: Learn the source's colours from all its images or slides at once, as for the tiles of one slide,
            instead of each one's from itself.
        seed: Of the samples of tissue; the target's own, or 0, when None.
        level: Of slides, the one to write as the finest: 0 when None.
        compression: Of slides, ``jpeg`` (when None) or ``deflate``, which loses nothing.
        picture: PNG to write with the first images before and after, and the target where that is an image.
        overwrite: Replace what is in ``out`` and ``picture``.
        progress: Called after every image, or tile of a slide.

    Raises:
        CellweaveError: The images, the target or the output place cannot be used; nothing is written then.
    """
    source, out, target = Path(source), Path(out), Path(target)
    if not source.exists():
        raise InvalidInputError(
            f"{source} does not exist; give an image, a whole slide, a folder of either or a data set."
        )
    refuse_target_place(out, target)
    if picture is not None:
        refuse_picture(Path(picture), out, read=(source, target), overwrite=overwrite)
    dataset = CellDataset.open(source) if (source / "dataset.json").is_file() else None
    slides = slides_in(source) if dataset is None else []
    images = [] if slides else _images(source, dataset)
    if images and not (level is None and compression is None):
        raise InvalidInputError(f"{source} is no whole slide; leave --level and --compression out.")
    normaliser = stain_normaliser(target, method=method, seed=seed)
    findings = Findings(normaliser.method, pictured=picture is not None)
    if slides:
        normalise_slides(
            slides,
            source,
            out,
            normaliser,
            findings,
            level=level or 0,
            compression=compression or "jpeg",
            together=together,
            overwrite=overwrite,
            progress=progress,
        )
    else:
        run = _Run(normaliser, images, findings, together=together, progress=progress)
        _write_images(source, out, dataset, run, overwrite=overwrite)
    if picture is not None:
        write_png(picture, findings.picture(None if target.suffix.lower() == ".json" else read_image(target)))
    return findings.summary(out, slides=bool(slides))


class _Run:
    """A normaliser at work on some images."""

    def __init__(
        self,
        normaliser: StainNormaliser,
        images: Sequence[_Image],
        findings: Findings,
        *,
        together: bool,
        progress: Progress,
    ) -> None:
        self._normaliser, self.images, self._findings, self._progress = normaliser, images, findings, progress
        self._together = together

    def over(self) -> Iterable[tuple[_Image, RgbImage]]:
        """Yield every image with its normalised pixels."""
        shared = self._learn_together() if self._together else None
        for number, image in enumerate(self.images):
            before = image.read()
            colours = shared
            if colours is None:
                colours = self._normaliser.learn(tissue_sample(before, seed=self._normaliser.seed))
            after = self._normaliser.transform(before, colours)
            self._findings.note(image.name, colours)
            self._findings.show(before, after)
            yield image, after
            self._progress("normalising stains", number + 1, len(self.images))

    def _learn_together(self) -> Colours:
        sampler = TissueSampler(self._normaliser.seed)
        for number, image in enumerate(self.images):
            sampler.add(image.read(), image=number)
            self._progress("learning the colours", number + 1, len(self.images))
        return self._normaliser.learn(sampler.sample())


def _images(source: Path, dataset: CellDataset | None) -> list[_Image]:
    if dataset is not None:
        return [_Image(name, partial(dataset.read_image, name)) for name in dataset.names()]
    if not source.is_dir():
        return [_Image(source.stem, partial(read_image, source))]
    paths = sorted(path for path in source.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    if not paths:
        raise InvalidInputError(f"{source} holds no slide, no image ({', '.join(IMAGE_SUFFIXES)}) and no dataset.json.")
    refuse_twins(paths, source)
    return [_Image(path.stem, partial(read_image, path)) for path in paths]


def _write_images(source: Path, out: Path, dataset: CellDataset | None, run: _Run, *, overwrite: bool) -> None:
    if dataset is not None:
        _write_dataset(out, dataset, run, overwrite=overwrite)
    elif source.is_dir():
        own = frozenset(f"{image.name}.png" for image in run.images)
        with atomic_folder(apart(out, source), overwrite=overwrite, own=own) as folder:
            for image, after in run.over():
                write_png(folder / f"{image.name}.png", after)
    else:
        if out.suffix.lower() != ".png":
            raise OutputError(
                f"{out} must end in .png; {source} is an image, not a pyramidal slide, and written without loss."
            )
        refuse_file_place(out, source, overwrite=overwrite)
        for _, after in run.over():
            write_png(out, after)


def _write_dataset(out: Path, dataset: CellDataset, run: _Run, *, overwrite: bool) -> None:
    about = dataset.images.set_index("image")
    provenance = _provenance(dataset)
    with DatasetWriter(
        apart(out, dataset.root),
        name=dataset.name,
        classes=dataset.classes,
        licence=dataset.licence,
        source=f"{dataset.source}; stains normalised to one target by cellweave",
        overwrite=overwrite,
    ) as writer:
        for image, after in run.over():
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
