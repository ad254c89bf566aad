"""CRCHistoPhenotypes ("UW"): H&E of colon cancer with the centres of all nuclei, three quarters of them with a class.

``Detection/imgN/imgN_detection.mat``, beside the image ``imgN.bmp``, holds every nucleus, and
``Classification/imgN/imgN_KIND.mat`` those of each of four classes. Every MATLAB file holds the array ``detection``,
N×2 (x, y), of pixels counted from 1. Copies of the images in ``Classification`` are not looked at.

Source: Sirinukunwattana et al. 2016, "Locality sensitive deep learning for detection and classification of nuclei in
routine colon cancer histology images" (IEEE Transactions on Medical Imaging), which gives 20x and 0.55 µm per pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from cellweave.core import Cells, DatasetError
from cellweave.data.dataset import CellClass
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.centre_arrays import read_matlab_centres, row_names
from cellweave.data.readers.image_facts import ImageFacts
from cellweave.data.readers.own_folders import VARIABLE, DetectedNuclei, OwnFolders, facts_of, read_detected_nuclei
from cellweave.data.readers.placing import place_inside
from cellweave.data.wording import counted, listing

# Vermilion, yellow, sky blue and reddish purple of Okabe and Ito: apart for colour-blind eyes, and from H&E.
CLASSES = (
    CellClass("epithelial", "#d55e00"),
    CellClass("inflammatory", "#f0e442"),
    CellClass("fibroblast", "#56b4e9"),
    CellClass("others", "#cc79a7"),
)
MPP = 0.55
RELEASED = 100
REACH_PX = 5.0
"""A class belongs to the detected nucleus within this distance, in pixels.

In 80 images of the release, 17,752 of 17,801 nuclei with a class stand at the very place of a detected one, and 42 lie
1 to 5 pixels off one that has no class: the same nucleus, marked twice. Two nuclei are rarely as close to one another.
"""


def read_crchistophenotypes(source: Path, *, image_table: Path | None = None) -> AnnotatedSource:
    """Read the images of the release, which has no splits and does not say which patient an image is of.

    All nuclei of ``Detection`` are cells. Those that ``Classification`` has too get their class, the others have none.

    Args:
        source: Folder that holds ``Detection`` and perhaps ``Classification``.
        image_table: CSV or Parquet with the column image and any of split, group, mpp; without it every image is of the
            training split and its own group, as are those that it does not name (noted).

    Raises:
        DatasetError: The folder lacks the release's layout, or an image its nuclei or the file of a class, or a file is
            damaged.
        TableError: Nuclei are no positions or (when their image is read) lie outside, or the table is damaged.
    """
    if not (source / "Detection").is_dir():
        raise DatasetError(
            f"{source} is not CRCHistoPhenotypes in its released layout; give the folder that holds Detection/."
        )
    folders = OwnFolders(source / "Detection")
    nuclei = read_detected_nuclei(folders)
    facts, notes = facts_of(nuclei, folders, image_table, mpp=MPP)
    if len(nuclei) != RELEASED:
        notes.insert(0, f"There are {len(nuclei)} images, where the release has {RELEASED}.")
    labels: dict[Path, npt.NDArray[np.int64]] = {}
    left = 0
    without = [one.image.stem for one in nuclei if not _folder_of_classes(source, one).is_dir()]
    for one in nuclei:
        kinds = [] if one.image.stem in without else _read_kinds(_folder_of_classes(source, one))
        labels[one.image], unmatched = labels_of(one.xy, kinds)
        left += unmatched
    if without:
        notes.append(f"Without classes, because Classification has no folder of them: {listing(without, 'image')}.")
    if left:
        notes.append(
            f"Left out, because Detection has no nucleus of theirs within {REACH_PX:g} pixels: "
            f"{counted(left, 'mark')} of Classification."
        )
    return AnnotatedSource(
        name="CRCHistoPhenotypes",
        classes=CLASSES,
        licence="research purposes only (Readme.txt of the release)",
        origin="CRCHistoPhenotypes, Sirinukunwattana et al., IEEE TMI 2016 (H&E of colorectal adenocarcinoma at 20x)",
        total=len(nuclei),
        images=_read_images(nuclei, labels, facts),
        notes=tuple(notes),
    )


def labels_of(
    xy: npt.NDArray[np.float64], kinds: list[npt.NDArray[np.float64]], *, reach_px: float = REACH_PX
) -> tuple[npt.NDArray[np.int64], int]:
    """Give detected nuclei the classes of the marks nearest to them, each nucleus one, closest pairs first.

    Args:
        xy: Detected nuclei, (N, 2), in pixels.
        kinds: Marks of each class, (M, 2), in the same pixels.
        reach_px: How far a mark may lie from its nucleus, in pixels.

    Returns:
        Index of the class of every nucleus, int64 (N,), -1 where it has none; and the number of marks left over.

    Example:
        >>> labels_of(np.array([[1.0, 1.0], [9.0, 1.0]]), [np.zeros((0, 2)), np.array([[9.0, 2.0], [9.0, 9.0]])])
        (array([-1,  1]), 1)
    """
    labels = np.full(len(xy), -1, np.int64)
    marks = np.concatenate([np.zeros((0, 2)), *kinds])
    classes = np.repeat(np.arange(len(kinds)), [len(one) for one in kinds])
    distances = cdist(marks, xy)
    near_marks, near_nuclei = np.nonzero(distances <= reach_px)
    order = np.argsort(distances[near_marks, near_nuclei], kind="stable")
    placed = np.zeros(len(marks), bool)
    for mark, nucleus in zip(near_marks[order], near_nuclei[order], strict=True):
        if not placed[mark] and labels[nucleus] < 0:
            labels[nucleus] = classes[mark]
            placed[mark] = True
    return labels, int(np.sum(~placed))


def _folder_of_classes(source: Path, one: DetectedNuclei) -> Path:
    return source / "Classification" / one.image.stem


def _read_kinds(folder: Path) -> list[npt.NDArray[np.float64]]:
    return [read_matlab_centres(folder / f"{folder.name}_{kind.name}.mat", VARIABLE) for kind in CLASSES]


def _read_images(
    nuclei: list[DetectedNuclei], labels: Mapping[Path, npt.NDArray[np.int64]], facts: Mapping[Path, ImageFacts]
) -> Iterator[ImportedImage]:
    names = tuple(one.name for one in CLASSES)
    for one in nuclei:
        about = facts[one.image]
        shape = image_size(one.image)
        xy, clipped = place_inside(one.xy - 0.5, shape, file=one.file, rows=row_names(len(one.xy)))
        cells = Cells(xy, labels[one.image], classes=names, shape=shape, mpp=about.mpp)
        yield ImportedImage(one.image.stem, cells, one.image, about.split, about.group or one.image.stem, clipped)
