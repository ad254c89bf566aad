"""CoNIC: 256 × 256 patches of Lizard (H&E of colon at 20x), nuclei as masks with six classes.

``images.npy`` (N, 256, 256, 3) and ``labels.npy`` (N, 256, 256, 2: the number of the nucleus at every pixel, and its
class code 1 to 6); ``patch_info.csv`` names the patches, as in ``consep_1-0012``, the part before the hyphen being the
image of Lizard. ``counts.csv`` is not needed. The class of a nucleus is that of most of its pixels.

Relied on: the release's README and the baseline of the challenge. It has no splits: the baseline draws its own.
Source: Graham et al. 2021, "CoNIC: Colon nuclei identification and counting challenge 2022" (arXiv:2111.14485).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, DatasetError, TableError
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.array_files import open_npy, require_shape
from cellweave.data.readers.instance_masks import Nuclei, labels_of
from cellweave.data.readers.lizard import CLASSES, LABELS, MPP
from cellweave.data.tables import read_csv_text

SIDE = 256


def read_conic(source: Path) -> AnnotatedSource:
    """Read the patches, one at a time; groups are the images of Lizard, where ``patch_info.csv`` is there.

    Raises:
        DatasetError: The folder lacks an array, or one is damaged, pickled or of another shape; or (when its patch is
            read) a mask has an unknown class.
        TableError: ``patch_info.csv`` does not name as many patches as there are, or one twice.
    """
    if not source.is_dir():
        raise DatasetError(f"{source} is not a folder; give the folder that holds CoNIC's images.npy and labels.npy.")
    images, labels = open_npy(source / "images.npy"), open_npy(source / "labels.npy")
    require_shape(images, (None, SIDE, SIDE, 3), file=source / "images.npy")
    require_shape(labels, (len(images), SIDE, SIDE, 2), file=source / "labels.npy")
    if images.dtype != np.uint8:
        raise DatasetError(f"{source / 'images.npy'} holds {images.dtype}; the release holds uint8.")
    notes = ["All are of the training split, because the release has no other."]
    table = source / "patch_info.csv"
    if table.is_file():
        names = _read_names(table, len(images))
    else:
        names = [f"patch_{i:05d}" for i in range(len(images))]
        notes.append("Every patch is its own group, because patch_info.csv is missing.")
    return AnnotatedSource(
        name="CoNIC",
        classes=CLASSES,
        licence="CC BY-NC-SA 4.0, for research purposes only (README of the release)",
        origin="CoNIC, Graham et al., 2021 (patches of Lizard: H&E of colon at 20x)",
        total=len(images),
        images=_read_images(images, labels, names, source / "labels.npy"),
        notes=tuple(notes),
    )


def _read_names(path: Path, count: int) -> list[str]:
    table = read_csv_text(path, expected="copy it from the release: it has one column, the names of the patches")
    names = [str(name) for name in table.iloc[:, 0]]
    if len(names) != count or len(set(names)) != count:
        raise TableError(
            f"{path} names {len(set(names))} patches in {len(names)} rows, images.npy holds {count}; "
            "copy both from the same release."
        )
    return names


def _read_images(
    images: npt.NDArray[Any], labels: npt.NDArray[Any], names: Sequence[str], file: Path
) -> Iterator[ImportedImage]:
    classes = tuple(one.name for one in CLASSES)
    for i, name in enumerate(names):
        nuclei = Nuclei.of(np.array(labels[i, :, :, 0]), file=file)
        indices = labels_of(nuclei.codes_of(np.array(labels[i, :, :, 1])), LABELS, file=file)
        cells = Cells(nuclei.xy, indices, classes=classes, shape=(SIDE, SIDE), mpp=MPP)
        group = name.rpartition("-")[0] or name
        mask = nuclei.semantic_mask(indices)
        yield ImportedImage(name, cells, None, "training", group, pixels=np.array(images[i]), mask=mask)
