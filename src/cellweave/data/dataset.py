"""The data set on disk: one folder of images, their cells, and a checksum of every file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellweave.core import Cells, CellweaveError, DatasetError, InvalidInputError
from cellweave.data.dataset_format import (
    CELL_SCHEMA,
    FORMAT,
    IMAGE_SCHEMA,
    SPLITS,
    VERSION,
    is_inside,
    is_safe_name,
    read_description,
    read_table,
)
from cellweave.data.images import RgbImage, read_ids, read_image
from cellweave.data.semantic_masks import CLASSES_FOLDER, INSTANCES_FOLDER, SemanticMask

__all__ = [
    "ALL",
    "CELL_SCHEMA",
    "DEFAULT_COLOURS",
    "FORMAT",
    "IMAGE_SCHEMA",
    "SPLITS",
    "VERSION",
    "CellClass",
    "CellDataset",
    "is_inside",
    "is_safe_name",
]

DEFAULT_COLOURS = ("#1f77e0", "#e03131", "#2f9e44", "#f59f00", "#9c36b5", "#0ca678", "#e64980", "#495057")
ALL = "all"
"""Stands for all classes together, cells of unknown class included; no class is called so."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class CellClass:
    """A class of cells: its name and the colour, ``#rrggbb``, that it is drawn in.

    Raises:
        InvalidInputError: The name is empty or ``all``, or the colour is not written so.
    """

    name: str
    colour: str

    def __post_init__(self) -> None:
        if not self.name.strip() or self.name == ALL:
            raise InvalidInputError(
                f"a class cannot be called {self.name!r}; {ALL!r} stands for all of them: rename it."
            )
        if not _COLOUR.fullmatch(self.colour):
            raise InvalidInputError(f"the colour of class {self.name!r} is {self.colour!r}; write it as #rrggbb.")


@dataclass(frozen=True)
class CellDataset:
    """Annotated images on disk; open one with :meth:`open`, make one with :class:`cellweave.data.DatasetWriter`.

    Attributes:
        root: The folder.
        name: Name of the data set.
        classes: The classes, in the order of the label indices of :class:`Cells`.
        licence: Licence of the images and annotations, in words.
        source: Where they come from, in words.
        checksums: SHA-256 of every other file, by path relative to ``root``.
        images: One row an image: image, file (relative to ``root``; empty for a layout without an image), width,
            height (pixels), mpp (µm per pixel; NaN where unknown), split, group (patient or slide).
        cells: One row a cell: image, x, y (pixels), label (class name; None where unknown), instance.
    """

    root: Path
    name: str
    classes: tuple[CellClass, ...]
    licence: str
    source: str
    checksums: dict[str, str]
    images: pd.DataFrame
    cells: pd.DataFrame

    @classmethod
    def open(cls, root: str | os.PathLike[str]) -> CellDataset:
        """Open a data set; tables are read, images are not.

        Raises:
            DatasetError: The folder is no data set, of a later version, or its tables are damaged.
        """
        root = Path(root)
        about = read_description(root)
        try:
            classes = tuple(CellClass(str(one["name"]), str(one["colour"])) for one in about["classes"])
            name, licence, source = (str(about[key]) for key in ("name", "licence", "source"))
            checksums = {str(path): str(value) for path, value in about["checksums"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"{root / 'dataset.json'} lacks or garbles {error}; import the data again.") from error
        except InvalidInputError as error:
            raise DatasetError(f"{root / 'dataset.json'}: {error}") from error
        twice = [one.name for i, one in enumerate(classes) if one.name in {other.name for other in classes[:i]}]
        if twice:
            raise DatasetError(f"{root / 'dataset.json'} has the class {twice[0]!r} twice; class names must differ.")
        images = read_table(root / "images.parquet", IMAGE_SCHEMA)
        cells = read_table(root / "cells.parquet", CELL_SCHEMA)
        for image in images["image"]:
            if not is_safe_name(str(image)):
                raise DatasetError(
                    f"{root / 'images.parquet'}: image name {image!r} cannot be a file name; names are free of "
                    '/ \\ : * ? " < > |.'
                )
        return cls(root, name, classes, licence, source, checksums, images, cells)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in label order."""
        return tuple(one.name for one in self.classes)

    @property
    def colours(self) -> dict[str, str]:
        """Colour of every class, ``#rrggbb``."""
        return {one.name: one.colour for one in self.classes}

    @property
    def checksum(self) -> str:
        """One SHA-256 over the checksums of all files: equal for equal data."""
        return sha256(
            "\n".join(f"{path} {self.checksums[path]}" for path in sorted(self.checksums)).encode()
        ).hexdigest()

    def names(self, split: str | None = None) -> list[str]:
        """Return the names of the images of a split, or of all.

        Raises:
            DatasetError: The data set has no image, or none in that split.
        """
        if self.images.empty:
            raise DatasetError(f"{self.root / 'images.parquet'} has no images; import some.")
        if split is None:
            return [str(name) for name in self.images["image"]]
        names = [str(name) for name in self.images.loc[self.images["split"] == split, "image"]]
        if not names:
            there = {str(key): int(count) for key, count in self.images["split"].value_counts().items()}
            raise DatasetError(f"{self.root} has no image in split {split!r}; it has {there}.")
        return names

    def one_scale(self, split: str) -> float | None:
        """Return the scale of the images of a split, µm per pixel; None where unknown.

        Raises:
            DatasetError: They differ by more than 5 %, or only some are known.
        """
        scales = self.images.loc[self.images["split"] == split, "mpp"]
        known = scales.dropna()
        if 0 < len(known) < len(scales):
            raise DatasetError(
                f"{len(known)} of the {len(scales)} {split} images of {self.root} have a scale, and a generative model "
                "needs one for all; give the others theirs, or leave all unknown."
            )
        if len(known) and not known.max() <= 1.05 * known.min():
            raise DatasetError(
                f"the {split} images of {self.root} differ in scale ({known.min():g} to {known.max():g} µm per "
                "pixel), and a generative model needs one scale; import them resampled to one."
            )
        return float(known.median()) if len(known) else None

    def groups(self) -> dict[str, str]:
        """Return the group (patient or slide) of every image."""
        return dict(zip(self.images["image"].astype(str), self.images["group"].astype(str), strict=True))

    def read_cells(self, image: str) -> Cells:
        """Return the cells of one image.

        Raises:
            DatasetError: There is no such image, or its scale or its cells make no sense.
        """
        row = self._row(image)
        table = self._cells_by_image.get(image)
        mpp = None if np.isnan(row["mpp"]) else float(row["mpp"])
        shape = (int(row["height"]), int(row["width"]))
        try:
            frame = Cells.empty(classes=self.class_names, shape=shape, mpp=mpp)
        except CellweaveError as error:
            raise DatasetError(f"{self.root / 'images.parquet'}: image {image!r}: {error}") from error
        if table is None:
            return frame
        index = {name: i for i, name in enumerate(self.class_names)}
        try:
            labels = [-1 if label is None else index[label] for label in table["label"]]
            return Cells(table[["x", "y"]].to_numpy(), labels, classes=self.class_names, shape=shape, mpp=mpp)
        except KeyError as error:
            raise DatasetError(
                f"{self.root / 'cells.parquet'}: image {image!r} has a cell of class {error}, "
                f"which is not among the classes {list(self.class_names)} of dataset.json."
            ) from error
        except CellweaveError as error:
            raise DatasetError(f"{self.root / 'cells.parquet'}: image {image!r}: {error}") from error

    def image_path(self, image: str) -> Path:
        """Return the path of an image's file.

        Raises:
            DatasetError: There is no such image, it has no file, or its file lies outside the data set.
        """
        file = str(self._row(image)["file"])
        if not file:
            raise DatasetError(f"image {image!r} of {self.root} is a layout without an image file.")
        path = self.root / file
        if not is_inside(self.root, file):
            raise DatasetError(f"{self.root / 'images.parquet'}: file {file!r} of image {image!r} leaves the data set.")
        return path

    def read_image(self, image: str) -> RgbImage:
        """Return the pixels of one image, uint8 (H, W, 3).

        Raises:
            DatasetError: There is no such image, or its size is not the recorded one.
            InvalidImageError: The file cannot be read.
        """
        pixels = read_image(self.image_path(image))
        row = self._row(image)
        recorded = (int(row["height"]), int(row["width"]))
        if pixels.shape[:2] != recorded:
            raise DatasetError(
                f"{self.image_path(image)} is {pixels.shape[1]}×{pixels.shape[0]}, but images.parquet says "
                f"{recorded[1]}×{recorded[0]}; import the data again."
            )
        return pixels

    def has_mask(self, image: str) -> bool:
        """Return whether an image has a mask of classes."""
        return (self.root / CLASSES_FOLDER / f"{image}.png").is_file()

    def read_mask(self, image: str) -> SemanticMask:
        """Return the classes of the pixels of one image, and their nuclei where those are stored.

        Raises:
            DatasetError: There is no such image, it has no mask, or its mask is damaged, of another size or kind.
        """
        row = self._row(image)
        if not self.has_mask(image):
            raise DatasetError(
                f"image {image!r} of {self.root} has no mask of classes ({CLASSES_FOLDER}/{image}.png); import data "
                "that are annotated by masks."
            )
        instances = self.root / INSTANCES_FOLDER / f"{image}.png"
        try:
            mask = SemanticMask(
                np.asarray(read_ids(self.root / CLASSES_FOLDER / f"{image}.png")),
                read_ids(instances).astype(np.uint16) if instances.is_file() else None,
            )
        except CellweaveError as error:
            raise DatasetError(f"the mask of image {image!r} of {self.root} cannot be used: {error}") from error
        recorded = (int(row["height"]), int(row["width"]))
        if mask.shape != recorded:
            raise DatasetError(
                f"the mask of image {image!r} of {self.root} is {mask.shape[1]}×{mask.shape[0]}, but images.parquet "
                f"says {recorded[1]}×{recorded[0]}; import the data again."
            )
        return mask

    def _row(self, image: str) -> dict[Any, Any]:
        try:
            return self._rows[image]
        except KeyError as error:
            raise DatasetError(f"{self.root} has no image {image!r}; `cellweave data stats` lists them.") from error

    @cached_property
    def _rows(self) -> dict[str, dict[Any, Any]]:
        twice = self.images.loc[self.images["image"].duplicated(), "image"]
        if len(twice):
            raise DatasetError(
                f"{self.root / 'images.parquet'} names the image {twice.iloc[0]!r} twice; import the data again."
            )
        return {str(row["image"]): row for row in self.images.to_dict("records")}

    @cached_property
    def _cells_by_image(self) -> dict[str, pd.DataFrame]:
        return {str(image): table for image, table in self.cells.groupby("image", sort=False)}
