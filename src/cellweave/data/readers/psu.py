"""The Penn State (PSU) colon data set: H&E of pig colon with the centres of all nuclei, no classes.

``imgN/imgN.bmp`` and ``imgN/imgN_detection.mat`` for N = 1 to 120; a MATLAB file holds the array ``detection``, N×2
(x, y). This is the layout that two public programs which prepare the data read, one of the authors of the exponential
distance transform; the names are those of CRCHistoPhenotypes, whose MATLAB evaluation the data set was made for, and so
pixels are taken to be counted from 1 as there. The scale is not known.

Source: Tofighi et al. 2019, "Prior information guided regularized deep learning for cell nucleus detection" (IEEE
Transactions on Medical Imaging); Li et al. 2024, section 4.1, who train on 90 of the images and validate on 30.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from cellweave.core import Cells
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.centre_arrays import row_names
from cellweave.data.readers.image_facts import ImageFacts, check_mpp
from cellweave.data.readers.own_folders import DetectedNuclei, OwnFolders, facts_of, read_detected_nuclei
from cellweave.data.readers.placing import place_inside

RELEASED = 120


def read_psu(source: Path, *, image_table: Path | None = None, mpp: float | None = None) -> AnnotatedSource:
    """Read the images of the release, which has no splits and names no animals.

    Args:
        source: Folder of the folders ``img1``, ``img2``, … (``PSU_dataset``).
        image_table: CSV or Parquet with the column image and any of split, group, mpp; without it every image is of the
            training split and its own group, as are those that it does not name (noted).
        mpp: µm per pixel of the images that the table gives none for; unknown when None.

    Raises:
        DatasetError: The folder lacks the release's layout, or an image its centres, or a file of centres is damaged.
        TableError: Centres are no positions or (when their image is read) lie outside, or the table is damaged.
        InvalidInputError: ``mpp`` is not a positive number.
    """
    folders = OwnFolders(source)
    nuclei = read_detected_nuclei(folders)
    facts, notes = facts_of(nuclei, folders, image_table, mpp=check_mpp(mpp))
    if len(nuclei) != RELEASED:
        notes.insert(0, f"There are {len(nuclei)} images, where the release has {RELEASED}.")
    return AnnotatedSource(
        name="PSU",
        classes=(),
        licence="not stated; see the terms of the release at Penn State",
        origin="PSU, Tofighi et al., IEEE TMI 2019 (H&E of pig colon)",
        total=len(nuclei),
        images=_read_images(nuclei, facts),
        notes=tuple(notes),
    )


def _read_images(nuclei: list[DetectedNuclei], facts: Mapping[Path, ImageFacts]) -> Iterator[ImportedImage]:
    for one in nuclei:
        about = facts[one.image]
        shape = image_size(one.image)
        xy, clipped = place_inside(one.xy - 0.5, shape, file=one.file, rows=row_names(len(one.xy)))
        cells = Cells(xy, classes=(), shape=shape, mpp=about.mpp)
        yield ImportedImage(one.image.stem, cells, one.image, about.split, about.group or one.image.stem, clipped)
