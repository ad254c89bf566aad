"""PanNuke: 256 × 256 H&E patches of 19 tissues at 40x, nuclei as masks with five classes, in three folds.

A fold is ``images.npy`` (N, 256, 256, 3), ``masks.npy`` (N, 256, 256, 6) and ``types.npy`` (N, the tissue), as they
are unpacked (``Fold 1/images/fold1/images.npy``, ``Fold 1/masks/fold1/masks.npy``) or together in a folder ``fold1``.
Images and masks are mostly float64 with whole values. Channels 0 to 4 of the masks hold the numbers of the nuclei of
one class each, 0 outside; the last one is the background and not needed.

Relied on: the README of the release (channels) and public loaders (folders, types of values).
Source: Gamper et al. 2020, "PanNuke dataset extension, insights and baselines" (arXiv:2003.10778), with patches at
40x, 0.25 µm per pixel; its three folds are for cross-validation: here training, validation and test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, DatasetError
from cellweave.data.dataset import CellClass
from cellweave.data.images import RgbImage
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.array_files import open_npy, require_shape
from cellweave.data.readers.instance_masks import Nuclei
from cellweave.data.readers.released_files import files_below, note_missing_splits

# Five of the palette of Okabe and Ito: apart from one another for colour-blind eyes, and from H&E.
CLASSES = (
    CellClass("neoplastic", "#d55e00"),
    CellClass("inflammatory", "#f0e442"),
    CellClass("connective", "#56b4e9"),
    CellClass("dead", "#0072b2"),
    CellClass("epithelial", "#e69f00"),
)
FOLDS = {1: "training", 2: "validation", 3: "test"}
SIDE = 256
MPP = 0.25

_FOLD = re.compile(r"fold[ _-]?(\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fold:
    """A fold: its number, its arrays, left on disk, and the files of images and masks."""

    number: int
    images: npt.NDArray[Any]
    masks: npt.NDArray[Any]
    types: npt.NDArray[Any] | None
    image_file: Path
    mask_file: Path


def read_pannuke(source: Path) -> AnnotatedSource:
    """Read the patches of the folds that the folder holds, one at a time.

    The names of the patches begin with fold and tissue; which patient or slide they are of is not known.

    Raises:
        DatasetError: There is no fold, one lacks an array, or an array is damaged, pickled or of another shape; or
            (when its patch is read) holds something else than whole numbers.
    """
    found: dict[int, dict[str, Path]] = {}
    for path in files_below(source, ".npy"):
        number = _fold_number(path, source)
        if path.stem in {"images", "masks", "types"} and number in FOLDS:
            other = found.setdefault(number, {}).setdefault(path.stem, path)
            if other != path:
                raise DatasetError(f"{path} and {other} are both of fold {number}; remove one of them.")
    if not found:
        raise DatasetError(
            f"{source} is not PanNuke in its released layout; give the folder that holds Fold 1/, Fold 2/ and Fold 3/."
        )
    folds = [_open(number, files, source) for number, files in sorted(found.items())]
    notes = note_missing_splits([FOLDS[fold.number] for fold in folds])
    notes.append("Every patch is its own group, because the release does not say which slide it is of.")
    notes += [
        f"The names of the patches of fold {one.number} lack the tissue, because types.npy is missing."
        for one in folds
        if one.types is None
    ]
    return AnnotatedSource(
        name="PanNuke",
        classes=CLASSES,
        licence="CC BY-NC-SA 4.0",
        origin="PanNuke, Gamper et al., 2020 (H&E of 19 tissues at 40x)",
        total=sum(len(fold.images) for fold in folds),
        images=_read_images(folds),
        notes=tuple(notes),
    )


def _fold_number(path: Path, source: Path) -> int:
    parts = (source.resolve().name, *path.relative_to(source).parts[:-1])
    numbers = [int(found.group(1)) for found in map(_FOLD.fullmatch, parts) if found]
    return numbers[-1] if numbers else 0


def _open(number: int, files: dict[str, Path], source: Path) -> Fold:
    missing = [name for name in ("images", "masks") if name not in files]
    if missing:
        raise DatasetError(f"{source} has no {missing[0]}.npy of fold {number}; copy it from the release.")
    images, masks = open_npy(files["images"]), open_npy(files["masks"])
    require_shape(images, (None, SIDE, SIDE, 3), file=files["images"])
    require_shape(masks, (len(images), SIDE, SIDE, len(CLASSES) + 1), file=files["masks"])
    types = open_npy(files["types"]) if "types" in files else None
    if types is not None and (types.shape != (len(images),) or types.dtype.kind != "U"):
        raise DatasetError(f"{files['types']} holds {types.dtype} {types.shape}; it must hold {len(images)} names.")
    return Fold(number, images, masks, types, files["images"], files["masks"])


def _read_images(folds: Sequence[Fold]) -> Iterator[ImportedImage]:
    classes = tuple(one.name for one in CLASSES)
    for fold in folds:
        for i in range(len(fold.images)):
            tissue = "" if fold.types is None else f"_{fold.types[i]}"
            name = f"fold{fold.number}{tissue}_{i:05d}"
            masks = np.array(fold.masks[i])
            nuclei = [Nuclei.of(masks[:, :, label], file=fold.mask_file) for label in range(len(CLASSES))]
            xy = np.concatenate([one.xy for one in nuclei])
            labels = np.repeat(np.arange(len(nuclei)), [len(one.xy) for one in nuclei])
            cells = Cells(xy, labels, classes=classes, shape=(SIDE, SIDE), mpp=MPP)
            pixels = _to_rgb(np.array(fold.images[i]), fold.image_file)
            yield ImportedImage(name, cells, None, FOLDS[fold.number], name, pixels=pixels)


def _to_rgb(image: npt.NDArray[Any], file: Path) -> RgbImage:
    bad = ~((image >= 0) & (image <= 255))  # True for NaN
    if bad.any():
        raise DatasetError(f"{file} holds {image[bad].flat[0]}; pixels lie between 0 and 255.")
    return np.round(image).astype(np.uint8)
