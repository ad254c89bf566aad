"""Releases that keep every image in a folder of its own, beside its centres: ``img7/img7.bmp``, ``img7_detection.mat``.

The layout of the nucleus data sets of Warwick (CRCHistoPhenotypes) and of Penn State (PSU).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cellweave.core import DatasetError
from cellweave.data.readers.centre_arrays import read_matlab_centres
from cellweave.data.readers.image_facts import ImageFacts, note_unlisted, read_image_facts
from cellweave.data.readers.image_folder import ImageFolder
from cellweave.data.readers.natural_order import natural_order

VARIABLE = "detection"
"""Every MATLAB file of these releases holds one array of this name, x and y of every nucleus."""


class OwnFolders(ImageFolder):
    """The images of such a release; a table may call one ``img7``, ``img7.bmp`` or ``img7/img7.bmp``."""

    def all(self) -> list[Path]:
        """Return the image of every folder, in the order of their numbers.

        Raises:
            DatasetError: A folder holds no image of its own name.
        """
        folders = [path for path in self.root.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))]
        return [self._image_of(folder) for folder in sorted(folders, key=lambda folder: natural_order(folder.name))]

    def find(self, name: str, *, file: Path) -> Path:
        """Return the image called ``name``; see :meth:`ImageFolder.find`."""
        return super().find(name if "/" in name else f"{Path(name).stem}/{name}", file=file)

    def _image_of(self, folder: Path) -> Path:
        found = [path for path in self._list(folder) if path.stem == folder.name]
        if len(found) != 1:
            raise DatasetError(
                f"{folder} holds {len(found)} images called {folder.name}, where the release has one; "
                "copy the folder from the release again, or remove it."
            )
        return found[0]


@dataclass(frozen=True, slots=True)
class DetectedNuclei:
    """An image of such a release, and all of its nuclei.

    Attributes:
        image: The image file.
        file: The MATLAB file of its nuclei.
        xy: Their centres, float64 (N, 2), x and y of pixels that are counted from 1, as they stand in the file.
    """

    image: Path
    file: Path
    xy: npt.NDArray[np.float64]


def read_detected_nuclei(folders: OwnFolders) -> list[DetectedNuclei]:
    """Read the nuclei of every image.

    Raises:
        DatasetError: There is no image, a folder lacks its image or its nuclei, or a file of nuclei is damaged.
        TableError: A file of nuclei holds something else than N×2 numbers.
    """
    images = folders.all()
    if not images:
        raise DatasetError(f"{folders.root} holds no folders such as img1/, one an image; give the released folder.")
    files = [image.with_name(f"{image.stem}_detection.mat") for image in images]
    return [
        DetectedNuclei(image, file, read_matlab_centres(file, VARIABLE))
        for image, file in zip(images, files, strict=True)
    ]


def facts_of(
    nuclei: list[DetectedNuclei], folders: OwnFolders, table: Path | None, *, mpp: float | None
) -> tuple[Mapping[Path, ImageFacts], list[str]]:
    """Return split, group and scale of every image, and a sentence on those that the table does not name.

    Args:
        nuclei: The images.
        folders: Where they are.
        table: CSV or Parquet with the column image and any of split, group, mpp; None puts every image into the
            training split and a group of its own.
        mpp: µm per pixel of the images that the table gives none for.

    Raises:
        TableError: The table is damaged, or names an image that is not there.
    """
    images = [one.image for one in nuclei]
    said = {} if table is None else read_image_facts(table, folders, mpp=mpp)
    notes = [] if table is None else note_unlisted(dict(said), images, table)
    return {image: said.get(image, ImageFacts(mpp=mpp)) for image in images}, notes
