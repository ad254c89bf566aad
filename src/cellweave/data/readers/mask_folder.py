"""Masks of any origin: ``images/`` and ``instances/``, and classes in a table or in ``classes/``.

``instances/`` holds a mask an image, of the image's name: the number of the nucleus at every pixel, 0 outside, as PNG
or TIFF of 8, 16 or 32 bits or as ``.npy``. Classes come from a table with the columns image, instance and class, or
from masks of class codes in ``classes/``, where 0 is no class and 255 an unknown one. Where there is no ``instances/``,
the connected parts of a class in ``classes/`` are taken for its nuclei; nuclei that touch are one part then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from cellweave.core import Cells, DatasetError, InvalidInputError
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.array_files import read_mask
from cellweave.data.readers.classes import classes_of
from cellweave.data.readers.image_facts import ImageFacts, check_mpp, note_unlisted, read_image_facts
from cellweave.data.readers.image_folder import ImageFolder
from cellweave.data.readers.instance_masks import Nuclei, require_size
from cellweave.data.readers.mask_classes import (
    UNKNOWN_CODE,
    MaskClasses,
    MasksOfClasses,
    NoClasses,
    TableOfClasses,
    parse_codes,
)
from cellweave.data.readers.released_files import paired
from cellweave.data.semantic_masks import UNKNOWN, SemanticMask
from cellweave.data.wording import some

MASK_SUFFIXES = (".png", ".tif", ".tiff", ".npy")


def read_mask_folder(
    source: Path,
    *,
    images: Path | None = None,
    class_table: Path | None = None,
    class_codes: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    image_table: Path | None = None,
    mpp: float | None = None,
) -> AnnotatedSource:
    """Read the images that have a mask of instances; without a table or codes their cells have no class.

    Args:
        source: Folder that holds ``instances/``, or ``classes/`` with class codes, and perhaps ``images/``.
        images: Folder of the images; ``images/`` in ``source`` when None.
        class_table: CSV with the columns image, instance and class; nuclei that it lacks or gives no class have none.
        class_codes: What the codes in the masks of ``classes/`` mean, as ``1=tumor``; that folder is read then.
        classes: The classes to expect, in label order; when None those of the table, sorted, or of the codes.
        image_table: CSV or Parquet with the column image and any of split, group, mpp; without it every image is of the
            training split and its own group, as are those that it does not name (noted).
        mpp: µm per pixel of the images that the table gives none for; unknown when None.

    Raises:
        DatasetError: A folder is missing, an image lacks its mask or a mask its image; or (when its image is read) a
            mask is damaged, does not fit, has an unknown class code or does not tell its nuclei apart.
        TableError: A table is damaged, or names an image that is not there.
        InvalidInputError: Options contradict one another, or make no sense.
    """
    mpp = check_mpp(mpp)
    folder = ImageFolder(images or source / "images")
    numbered = (source / "instances").is_dir() or class_codes is None or class_table is not None
    place = source / ("instances" if numbered else "classes")
    masks = paired(folder.all(), _masks_in(place), lambda path: path.stem)
    if not masks:
        raise DatasetError(f"{folder.root} and {place} hold no image and no mask.")
    given = _classes_given(source, folder, class_table, class_codes)
    found = classes_of(given.names, given=classes or given.names)
    names = tuple(one.name for one in found)
    strange = [name for name in given.names if name not in names]
    if strange:
        raise InvalidInputError(f"the masks have the classes {some(strange)}, which are not among {list(names)}.")
    facts = {} if image_table is None else read_image_facts(image_table, folder, mpp=mpp)
    notes = [] if image_table is None else note_unlisted(facts, (image for image, _ in masks), image_table)
    if isinstance(given, NoClasses):
        notes.append("The cells have no class, because neither a table of classes nor class codes were given.")
    if not numbered:
        notes.append(
            "There is no instances/: the connected parts of every class are taken for its nuclei, so that those of one "
            "class that touch are one cell."
        )
    return AnnotatedSource(
        name=source.resolve().name,
        classes=found,
        licence="not stated",
        origin=f"masks of {source.resolve().name}",
        total=len(masks),
        images=_read_images(masks, given, names, facts, ImageFacts(mpp=mpp), numbered=numbered),
        notes=tuple(notes),
    )


def _classes_given(source: Path, images: ImageFolder, table: Path | None, codes: Sequence[str] | None) -> MaskClasses:
    if table is not None and codes is not None:
        raise InvalidInputError("classes come from a table of classes or from class codes; give one of them.")
    if table is not None:
        return TableOfClasses.read(table, images)
    if codes is not None:
        files = paired(images.all(), _masks_in(source / "classes"), lambda path: path.stem)
        return MasksOfClasses(parse_codes(codes), dict(files))
    return NoClasses([])


def _masks_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder; masks lie there, one an image and of its name.")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in MASK_SUFFIXES and path.is_file())


def _read_images(
    masks: Sequence[tuple[Path, Path]],
    given: MaskClasses,
    classes: tuple[str, ...],
    facts: Mapping[Path, ImageFacts],
    unknown: ImageFacts,
    *,
    numbered: bool,
) -> Iterator[ImportedImage]:
    for image, file in masks:
        about = facts.get(image, unknown)
        nuclei = Nuclei.of(read_mask(file) if numbered else _parts_of_classes(read_mask(file), given), file=file)
        require_size(nuclei.shape, image_size(image), file=file, image=image)
        if numbered:
            _require_apart(nuclei)
        labels = given.labels(nuclei, image, classes)
        cells = Cells(nuclei.xy, labels, classes=classes, shape=nuclei.shape, mpp=about.mpp)
        mask = nuclei.semantic_mask(labels) if classes else None
        if mask is not None and isinstance(given, MasksOfClasses):
            mask = _with_unknown(mask, given, image, numbered=numbered)
        yield ImportedImage(image.stem, cells, image, about.split, about.group or image.stem, mask=mask)


def _parts_of_classes(codes: npt.NDArray[Any], given: MaskClasses) -> npt.NDArray[np.int64]:
    """Return a mask of instances: the connected parts, corners included, of every code that stands for a class."""
    parts = np.zeros(codes.shape, np.int64)
    named = given.codes if isinstance(given, MasksOfClasses) else {}
    for code in np.unique(codes):
        if code and (code != UNKNOWN_CODE or code in named):
            found, _ = ndimage.label(codes == code, np.ones((3,) * codes.ndim))
            parts += np.where(found, found + parts.max(initial=0), 0)
    return parts


def _with_unknown(mask: SemanticMask, given: MasksOfClasses, image: Path, *, numbered: bool) -> SemanticMask:
    """Return a mask in which what the mask of classes says to be unknown is so outside nuclei, too."""
    classes = mask.classes.copy()
    if UNKNOWN_CODE not in given.codes:
        classes[(read_mask(given.files[image]) == UNKNOWN_CODE) & (classes == 0)] = UNKNOWN
    return SemanticMask(classes, mask.instances if numbered else None)


def _require_apart(nuclei: Nuclei) -> None:
    """Refuse a mask that only tells nuclei from background, which would pass for a single nucleus."""
    if nuclei.numbers.tolist() != [255]:
        return
    parts = ndimage.label(nuclei.mask())[1]
    if parts > 1:
        raise DatasetError(
            f"{nuclei.file}: all {parts} parts of the mask have the number 255; it tells nuclei from background, not "
            "from one another: give each nucleus a number of its own."
        )
