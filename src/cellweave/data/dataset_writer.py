"""Writing a data set on disk, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cellweave.core import Cells, DatasetError, OutputError, atomic_folder, sha256_of
from cellweave.data.dataset import DEFAULT_COLOURS, CellClass
from cellweave.data.dataset_format import CELL_SCHEMA, FORMAT, IMAGE_SCHEMA, SPLITS, VERSION, is_safe_name
from cellweave.data.images import RgbImage, write_png
from cellweave.data.semantic_masks import CLASSES_FOLDER, INSTANCES_FOLDER, MOST_CLASSES, UNKNOWN, SemanticMask


def _require_dataset(root: Path) -> None:
    """Let nothing but a data set be replaced: a mistyped output must not cost a folder of originals."""
    if not (root / "dataset.json").is_file():
        raise OutputError(f"{root} is not a data set and is not overwritten; choose another output folder.")


class DatasetWriter:
    """A data set being made; nothing appears at its place before the ``with`` block ends well.

    Args:
        root: The folder to make.
        name: Name of the data set.
        classes: Class names, in label order, or classes with colours.
        licence: Licence of the images and annotations, in words.
        source: Where they come from, in words.
        overwrite: Replace a data set that is there already.

    Raises:
        OutputError: The folder exists already, is to be replaced but is no data set, or cannot be written.

    Example::

        with DatasetWriter("out/mine", name="mine", classes=["lymphocyte"], licence="CC0", source="me") as writer:
            writer.add("slide-1", cells, pixels=image, split="training", group="patient-1")
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        name: str,
        classes: Sequence[str | CellClass],
        licence: str,
        source: str,
        overwrite: bool = False,
    ) -> None:
        self.root = Path(root)
        self.classes = tuple(
            one if isinstance(one, CellClass) else CellClass(one, DEFAULT_COLOURS[i % len(DEFAULT_COLOURS)])
            for i, one in enumerate(classes)
        )
        self._about = {"name": name, "licence": licence, "source": source}
        self._overwrite = overwrite
        self._images: dict[str, list[Any]] = {column: [] for column in IMAGE_SCHEMA.names}
        self._cells: dict[str, list[Any]] = {column: [] for column in CELL_SCHEMA.names}
        self._provenance: list[dict[str, Any]] = []
        self._names: set[str] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._overwrite and self.root.is_dir() and any(self.root.iterdir()):
            _require_dataset(self.root)
        self._folder = self._stack.enter_context(atomic_folder(self.root, overwrite=self._overwrite))
        (self._folder / "images").mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if kind is None:
                self._finish()
            else:
                self._stack.__exit__(kind, error, trace)

    def add(
        self,
        image: str,
        cells: Cells,
        *,
        pixels: RgbImage | None = None,
        file: Path | None = None,
        split: str = "training",
        group: str | None = None,
        mask: SemanticMask | None = None,
        provenance: Mapping[str, str | int | float | None] | None = None,
    ) -> None:
        """Add an image, given as pixels (stored as PNG) or as a file (copied as it is), or a layout with neither.

        Args:
            image: Its name, without ending; unique in the data set.
            cells: Its cells; their frame is the image's size, their classes are those of the data set.
            pixels: uint8 (H, W, 3).
            file: An image file.
            split: training, validation or test.
            group: Patient or slide; the image's own name when None.
            mask: The class of every pixel, and the nucleus where nuclei are told apart.
            provenance: How a generated image was made: model, seed, sampler and so on; goes to
                ``provenance.parquet``.

        Raises:
            DatasetError: The name is used or unusable, the split unknown, the pixels are of another kind, or classes or
                sizes disagree, of the mask too.
        """
        if image in self._names or not is_safe_name(image):
            reason = "is there already" if image in self._names else "cannot be a file name"
            raise DatasetError(f'image name {image!r} {reason}; names must be unique and free of / \\ : * ? " < > |.')
        if split not in SPLITS:
            raise DatasetError(f"image {image!r} has split {split!r}; the splits are {list(SPLITS)}.")
        if cells.classes != tuple(one.name for one in self.classes):
            raise DatasetError(
                f"image {image!r} has cells of classes {list(cells.classes)}, "
                f"the data set has {[one.name for one in self.classes]}."
            )
        if mask is not None:
            self._store_mask(image, cells, mask)
        self._names.add(image)
        row = (image, self._store(image, cells, pixels, file), cells.shape[1], cells.shape[0], cells.mpp, split)
        for column, value in zip(IMAGE_SCHEMA.names, (*row, group or image), strict=True):
            self._images[column].append(value)
        if provenance is not None:
            self._provenance.append({"image": image, **provenance})
        count = len(cells)
        columns: tuple[Any, ...] = (
            [image] * count,
            cells.xy[:, 0],
            cells.xy[:, 1],
            cells.label_names(),
            [None] * count,
        )
        for column, values in zip(CELL_SCHEMA.names, columns, strict=True):
            self._cells[column].extend(values)

    def _store(self, image: str, cells: Cells, pixels: RgbImage | None, file: Path | None) -> str:
        if pixels is not None:
            if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
                raise DatasetError(f"image {image!r} is {pixels.dtype} {pixels.shape}; pixels are uint8 (H, W, 3).")
            if pixels.shape[:2] != cells.shape:
                raise DatasetError(f"image {image!r} is {pixels.shape[:2]}, its cells live in {cells.shape}.")
            relative = f"images/{image}.png"
            write_png(self._folder / relative, pixels)
            return relative
        if file is not None:
            relative = f"images/{image}{file.suffix.lower()}"
            shutil.copyfile(file, self._folder / relative)
            return relative
        return ""

    def _store_mask(self, image: str, cells: Cells, mask: SemanticMask) -> None:
        if mask.shape != cells.shape:
            raise DatasetError(f"the mask of image {image!r} is {mask.shape}, its cells live in {cells.shape}.")
        if len(self.classes) > MOST_CLASSES:
            raise DatasetError(
                f"the data set has {len(self.classes)} classes, and masks of 8 bits can tell {MOST_CLASSES}; leave the "
                "masks out, or merge classes."
            )
        strange = (mask.classes > len(self.classes)) & (mask.classes != UNKNOWN)
        if strange.any():
            raise DatasetError(
                f"the mask of image {image!r} has class code {mask.classes[strange].min()}, the data set has "
                f"{len(self.classes)} classes; codes are 0 for background, then one a class, and {UNKNOWN} for unknown."
            )
        for folder, ids in ((CLASSES_FOLDER, mask.classes), (INSTANCES_FOLDER, mask.instances)):
            if ids is not None:
                (self._folder / folder).mkdir(exist_ok=True)
                write_png(self._folder / folder / f"{image}.png", ids)

    def _finish(self) -> None:
        pq.write_table(pa.table(self._images, schema=IMAGE_SCHEMA), self._folder / "images.parquet")
        pq.write_table(pa.table(self._cells, schema=CELL_SCHEMA), self._folder / "cells.parquet")
        if self._provenance:
            pq.write_table(pa.Table.from_pylist(self._provenance), self._folder / "provenance.parquet")
        files = sorted(path for path in self._folder.rglob("*") if path.is_file())
        about = {
            "format": FORMAT,
            "version": VERSION,
            **self._about,
            "classes": [{"name": one.name, "colour": one.colour} for one in self.classes],
            "checksums": {path.relative_to(self._folder).as_posix(): sha256_of(path) for path in files},
        }
        (self._folder / "dataset.json").write_text(
            json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
