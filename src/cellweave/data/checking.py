"""Checking a data set on disk: every file, every row, one finding a problem."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from cellweave.core import DatasetError, InvalidImageError, sha256_of
from cellweave.core.progress import Progress, silent
from cellweave.data.dataset import SPLITS, CellDataset, is_inside
from cellweave.data.images import read_image
from cellweave.data.semantic_masks import CLASSES_FOLDER, UNKNOWN
from cellweave.data.wording import counted, listing, some


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of a data set.

    Attributes:
        severity: ``error``: the data set cannot be used as it is; ``warning``: it can, but its owner should know.
        file: The file that it is about, relative to the data set.
        text: What is wrong, and what helps, in one line.
    """

    severity: Literal["error", "warning"]
    file: str
    text: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found.

    Attributes:
        path: The data set.
        images: Number of images.
        cells: Number of cells.
        findings: The problems, errors first.
    """

    path: Path
    images: int
    cells: int
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make the data set unusable."""
        return tuple(one for one in self.findings if one.severity == "error")


def check_dataset(path: str | os.PathLike[str], *, progress: Progress = silent) -> CheckReport:
    """Check every file and row of a data set; images are decoded one at a time.

    Raises:
        DatasetError: It cannot be opened at all: no data set, another version, or damaged tables.
    """
    dataset = CellDataset.open(path)
    findings = [
        *_check_checksums(dataset),
        *_check_images_table(dataset),
        *_check_image_files(dataset, progress),
        *_check_masks(dataset),
        *_check_cells(dataset),
        *_check_groups(dataset),
    ]
    findings.sort(key=lambda one: (one.severity, one.file))  # "error" sorts before "warning"
    return CheckReport(dataset.root, len(dataset.images), len(dataset.cells), tuple(findings))


def _check_checksums(dataset: CellDataset) -> Iterator[Finding]:
    root = dataset.root
    for name, expected in sorted(dataset.checksums.items()):
        if not is_inside(root, name):
            yield Finding("error", "dataset.json", f"checksum of {name!r}, a path that leaves the data set; remove it.")
        elif not (root / name).is_file():
            yield Finding("error", name, "is missing; copy it back, or import the data again.")
        elif sha256_of(root / name) != expected:
            yield Finding("error", name, "has changed since it was written (other checksum); import the data again.")
    present = {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()}
    for name in sorted(present - set(dataset.checksums) - {"dataset.json"}):
        yield Finding("warning", name, "is not listed in dataset.json; remove it if it does not belong here.")
    images = {str(file) for file in dataset.images["file"]}
    by_content = pd.Series({name: value for name, value in dataset.checksums.items() if name in images}, dtype=object)
    for _, same in by_content.groupby(by_content):
        if len(same) > 1:
            yield Finding("warning", str(same.index[0]), f"is the same picture as {some(same.index[1:])}.")


def _check_images_table(dataset: CellDataset) -> Iterator[Finding]:
    images, file = dataset.images, "images.parquet"
    if images.empty:
        yield Finding("error", file, "has no images; import some.")
    twice = images.loc[images["image"].duplicated(), "image"]
    if len(twice):
        yield Finding("error", file, f"names that stand there twice: {some(twice)}; image names must differ.")
    strange = images.loc[~images["split"].isin(SPLITS), ["image", "split"]]
    if len(strange):
        pairs = [f"{image} ({split!r})" for image, split in strange.itertuples(index=False)]
        yield Finding("error", file, f"unknown splits: {some(pairs)}; the splits are {', '.join(SPLITS)}.")
    unscaled = images.loc[images["mpp"].isna(), "image"]
    if len(unscaled):
        yield Finding("warning", file, f"unknown scale (mpp) of {listing(unscaled, 'image')}; no lengths in µm there.")
    wrong = images.loc[images["mpp"].notna() & ~((images["mpp"] > 0) & np.isfinite(images["mpp"])), "image"]
    if len(wrong):
        yield Finding("error", file, f"mpp is not a positive number: {some(wrong)}; correct it, or leave it empty.")


def _check_image_files(dataset: CellDataset, progress: Progress) -> Iterator[Finding]:
    rows = dataset.images[["image", "file", "width", "height"]]
    for done, (image, file, width, height) in enumerate(rows.itertuples(index=False), start=1):
        if file and not is_inside(dataset.root, file):
            text = f"file {file!r} of image {image!r} leaves the data set; it is not read."
            yield Finding("error", "images.parquet", text)
        elif file:
            yield from _check_image_file(dataset.root, file, (height, width))
        progress("checking images", done, len(rows))


def _check_image_file(root: Path, file: str, recorded: tuple[int, int]) -> Iterator[Finding]:
    try:
        pixels = read_image(root / file)
    except InvalidImageError as error:
        yield Finding("error", file, f"cannot be read: {error}")
        return
    if pixels.shape[:2] != recorded:
        found, expected = (f"{width}×{height}" for height, width in (pixels.shape[:2], recorded))
        yield Finding("error", file, f"is {found}, images.parquet says {expected}; import it again.")


def _check_masks(dataset: CellDataset) -> Iterator[Finding]:
    names = [str(name) for name in dataset.images["image"].drop_duplicates()]
    masked = [name for name in names if dataset.has_mask(name)]
    for name in masked:
        file = f"{CLASSES_FOLDER}/{name}.png"
        try:
            codes = np.unique(dataset.read_mask(name).classes)
        except DatasetError as error:
            yield Finding("error", file, str(error))
            continue
        strange = codes[(codes > len(dataset.classes)) & (codes != UNKNOWN)]
        if len(strange):
            text = f"has class code {strange[0]}, but there are {len(dataset.classes)} classes; import the data again."
            yield Finding("error", file, text)
    bare = [name for name in names if not dataset.has_mask(name)]
    if masked and bare:
        yield Finding("warning", CLASSES_FOLDER, f"no mask of {listing(bare, 'image')}, though others have one.")


def _check_cells(dataset: CellDataset) -> Iterator[Finding]:
    cells, file = dataset.cells, "cells.parquet"
    sizes = dataset.images.drop_duplicates("image").set_index("image")[["width", "height"]]
    homeless = cells.loc[~cells["image"].isin(sizes.index), "image"]
    if len(homeless):
        text = f"{counted(len(homeless), 'cell')} of images that images.parquet lacks: {some(homeless.unique())}."
        yield Finding("error", file, text)
    outside = _outside(cells.join(sizes, on="image", how="inner"))
    if len(outside):
        places = (
            f"row {row} of image {image} at ({x:g}, {y:g}), frame {width}×{height}"
            for row, image, x, y, width, height in outside.itertuples()
        )
        yield Finding("error", file, f"{counted(len(outside), 'cell')} outside the frame: {some(places)}.")
    labels = cells["label"].dropna()
    strange = labels[~labels.isin(dataset.class_names)]
    if len(strange):
        known = ", ".join(dataset.class_names)
        text = f"{counted(len(strange), 'cell')} of unknown class: {some(strange.unique())}; known: {known}."
        yield Finding("error", file, text)
    doubles = cells.loc[cells.duplicated(["image", "x", "y"]), "image"]
    if len(doubles):
        text = f"{counted(len(doubles), 'cell')} at the very place of another, in {some(doubles.unique())}."
        yield Finding("warning", file, text)
    empty = sizes.index[~sizes.index.isin(cells["image"])]
    if len(empty):
        yield Finding("warning", file, f"no cells in {listing(empty, 'image')}; have they been annotated?")


def _outside(located: pd.DataFrame) -> pd.DataFrame:
    """Return the cells that lie outside the frame of their image, or nowhere (NaN)."""
    inside = located["x"].between(0, located["width"], inclusive="left")
    inside &= located["y"].between(0, located["height"], inclusive="left")
    return located.loc[~inside, ["image", "x", "y", "width", "height"]]


def _check_groups(dataset: CellDataset) -> Iterator[Finding]:
    splits = dataset.images.groupby("group")["split"].unique()
    spread = splits[splits.map(len) > 1]
    if len(spread):
        named = [f"{group}: {' and '.join(sorted(in_splits))}" for group, in_splits in spread.items()]
        text = f"images in several splits of {listing(named, 'group')}; scores there are too good."
        yield Finding("warning", "images.parquet", text)
