"""BCData: Ki-67 stained breast cancer with points of positive and negative tumour cells, in the layout of its release.

``images/{train,validation,test}/N.png`` and ``annotations/{train,validation,test}/{positive,negative}/N.h5``, each with
the data set ``coordinates``, N×2 whole pixels counted from 0. The release's page does not say whether x or y comes
first; public programs that cut cells out of the images take x first, and so does this reader. The files say nothing of
scale and patients, so the scale is unknown unless given, and every image is its own group.

Source: Huang et al. 2020, "BCData: a large-scale dataset and benchmark for cell detection and counting" (MICCAI);
https://sites.google.com/view/bcdataset
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cellweave.core import Cells, DatasetError
from cellweave.data.dataset import CellClass
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.centre_arrays import read_hdf5_centres, row_names
from cellweave.data.readers.image_facts import check_mpp
from cellweave.data.readers.natural_order import natural_order
from cellweave.data.readers.placing import place_inside
from cellweave.data.wording import counted

# Of Okabe and Ito: apart from one another for colour-blind eyes, and light on brown and on blue nuclei.
CLASSES = (CellClass("positive", "#f0e442"), CellClass("negative", "#56b4e9"))
SPLITS = {"train": ("training", 803), "validation": ("validation", 133), "test": ("test", 402)}
"""Our name of every folder of the release, and how many images it has there."""


def read_bcdata(source: Path, *, mpp: float | None = None) -> AnnotatedSource:
    """Read the images of every split that the folder holds.

    The images of every split are numbered from 0, so their names in the data set begin with the folder's: ``train-0``.

    Args:
        source: Folder that holds ``images`` and ``annotations``.
        mpp: µm per pixel; unknown when None.

    Raises:
        DatasetError: The folder lacks the release's layout, or (when an image is read) its annotations are missing or
            damaged.
        TableError: Annotations (when their image is read) are no positions, or lie outside the image.
        InvalidInputError: ``mpp`` is not a positive number.
    """
    mpp = check_mpp(mpp)
    if not ((source / "images").is_dir() and (source / "annotations").is_dir()):
        raise DatasetError(
            f"{source} is not BCData in its released layout; give the folder that holds images/ and annotations/."
        )
    images: list[tuple[str, Path]] = []
    notes: list[str] = []
    for folder, (split, released) in SPLITS.items():
        found = sorted((source / "images" / folder).glob("*.png"), key=lambda path: natural_order(path.name))
        images += [(folder, path) for path in found]
        if not found:
            notes.append(f"There is no {split} split: images/{folder} has no PNG.")
        elif len(found) != released:
            notes.append(f"The {split} split has {counted(len(found), 'image')}, where the release has {released}.")
    return AnnotatedSource(
        name="BCData",
        classes=CLASSES,
        licence="not stated; see the terms at https://sites.google.com/view/bcdataset",
        origin="BCData, Huang et al., MICCAI 2020 (Ki-67 immunohistochemistry of breast cancer)",
        total=len(images),
        images=_read_images(source, images, mpp),
        notes=tuple(notes),
    )


def _read_images(source: Path, images: list[tuple[str, Path]], mpp: float | None) -> Iterator[ImportedImage]:
    names = tuple(one.name for one in CLASSES)
    for folder, image in images:
        shape = image_size(image)
        parts, labels, clipped = [np.zeros((0, 2))], [np.zeros(0, np.int64)], 0
        for label, kind in enumerate(names):
            file = source / "annotations" / folder / kind / f"{image.stem}.h5"
            numbers = read_hdf5_centres(file, "coordinates")
            xy, moved = place_inside(numbers + 0.5, shape, file=file, rows=row_names(len(numbers)))
            parts.append(xy)
            labels.append(np.full(len(xy), label, np.int64))
            clipped += moved
        cells = Cells(np.concatenate(parts), np.concatenate(labels), classes=names, shape=shape, mpp=mpp)
        name = f"{folder}-{image.stem}"
        yield ImportedImage(name, cells, image, SPLITS[folder][0], name, clipped)
