"""DeepLIIF: IHC (Ki-67) of lung, bladder and breast at 40x, positive and negative nuclei as coloured masks.

Folders of strips: six panels of 512 × 512 pixels side by side, of which the first is the IHC image and the last the
mask, between them other stains of the same tissue. The folders are called ``train``, ``val`` and ``test``, or as in
the archives (``DeepLIIF_Training_Set``, ``BC-DeepLIIF_Validation_Set``, ...). A folder beside which there is one of
the same name with ``_groundtruth`` holds the IHC images alone, and that one the masks.

A mask is red in positive nuclei, blue in negative ones, green on their borders, and black elsewhere. The borders
separate touching nuclei, but for corners: in one of the four samples of the release two nuclei of 700 pixels meet at
one, and so pixels are neighbours by their sides only. Specks below :data:`SPECK_PX` pixels, left over from drawing the
borders and at the edge of images, are no nuclei. Centroids are those of the interiors, without the borders.

Names such as ``Bladder_22000_40000_0_3_neg`` and ``22_2`` are of augmented copies of one region; it is their group, so
that copies stay together. Relied on: samples of the release, a public list of its file names, and public
loaders, one of which found such numbered images to be turned copies. No scale other than 40x is stated.

In the two training strips of the samples the mask fits the second panel and stands 6 and 7 pixels beside the first, the
IHC image, by one translation each; ``align_masks`` mends that. In the test images it fits.
Source: Ghahremani et al. 2022, "Deep learning-inferred multiplex immunofluorescence for immunohistochemical image
quantification" (Nature Machine Intelligence).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import ndimage

from cellweave.core import Cells, DatasetError, InvalidImageError
from cellweave.data.dataset import CellClass
from cellweave.data.images import IMAGE_SUFFIXES, RgbImage, read_image
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.image_facts import check_mpp
from cellweave.data.readers.instance_masks import Nuclei, require_size
from cellweave.data.readers.mask_alignment import Offset, mask_offset, moved_mask
from cellweave.data.readers.released_files import (
    SPLIT_FOLDERS,
    distinct_names,
    files_below,
    note_missing_splits,
    paired,
)
from cellweave.data.wording import counted, some

CLASSES = (CellClass("positive", "#d55e00"), CellClass("negative", "#0072b2"))
PANELS = 6
GROUND_TRUTH = "_groundtruth"
SPECK_PX = 20
"""Smaller parts are no nuclei: a nucleus has some hundred pixels, the specks in the samples have 1 to 13."""

_FOLDER = re.compile(r"(?:BC-)?DeepLIIF_(Training|Validation|Testing)_Set", re.IGNORECASE)
_REGION = re.compile(r"([A-Za-z]+_\d+_\d+)_.*|(\d+)_\d+")


def read_deepliif(source: Path, *, mpp: float | None = None, align_masks: bool = False) -> AnnotatedSource:
    """Read the images of every split that the folder holds.

    Args:
        source: Folder that holds the folders of the splits.
        mpp: µm per pixel; unknown when None, because the release states none.
        align_masks: Move every mask onto the nuclei of its image, where it stands beside them; see
            :func:`.mask_alignment.mask_offset`. All images are read at once for it, and the offsets are noted.

    Raises:
        DatasetError: There is no folder of a split, or an image lacks its mask or a mask its image; or (when its image
            is read) a strip is not six panels, or a mask does not fit or has other colours.
        InvalidImageError: An image or mask is damaged (when it is read).
        InvalidInputError: ``mpp`` is not a positive number.
    """
    mpp = check_mpp(mpp)
    if not source.is_dir():
        raise DatasetError(f"{source} is not a folder; give the folder that holds train/ or DeepLIIF_Training_Set/.")
    found: list[tuple[Path, Path | None, str]] = []
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        split = _split(folder.name)
        if split is None:
            continue
        images, masks = files_below(folder, *IMAGE_SUFFIXES), folder.with_name(folder.name + GROUND_TRUTH)
        if masks.is_dir():
            pairs = paired(images, files_below(masks, *IMAGE_SUFFIXES), lambda path: path.stem)
            found += [(image, mask, split) for image, mask in pairs]
        else:
            found += [(image, None, split) for image in images]
    if not found:
        raise DatasetError(
            f"{source} has no images in train/, val/, test/ or folders such as DeepLIIF_Training_Set/; "
            "give the folder that holds those."
        )
    found.sort(key=lambda one: ("training", "validation", "test").index(one[2]))
    names = distinct_names([image for image, *_ in found], source)
    offsets = [_offset(image, mask) for image, mask, _ in found] if align_masks else [(0, 0)] * len(found)
    notes = note_missing_splits([split for *_, split in found])
    if align_masks:
        notes.append(_note_of(dict(zip(names, offsets, strict=True))))
    return AnnotatedSource(
        name="DeepLIIF",
        classes=CLASSES,
        licence="Apache-2.0 with Commons Clause (samples of the repository), CC BY 4.0 (Zenodo record 4751737)",
        origin="DeepLIIF, Ghahremani et al., Nature Machine Intelligence 2022 (IHC of lung, bladder and breast at 40x)",
        total=len(found),
        images=_read_images(found, names, offsets, mpp),
        notes=tuple(notes),
    )


def cells_of_mask(mask: RgbImage, *, file: Path, mpp: float | None = None) -> Cells:
    """Return the nuclei of a mask as cells of the classes positive and negative.

    Args:
        mask: uint8 (H, W, 3): red positive, blue negative, green borders, black elsewhere.
        file: Where it comes from, for messages.
        mpp: µm per pixel.

    Raises:
        DatasetError: The mask has other colours; it may be a photograph.

    Example:
        >>> mask = np.zeros((8, 20, 3), np.uint8)
        >>> mask[:5, :5, 0] = mask[2:6, 10:20, 2] = 255
        >>> cells = cells_of_mask(mask, file=Path("mask.png"))
        >>> cells.xy.tolist(), cells.label_names()
        ([[2.5, 2.5], [15.0, 4.0]], ['positive', 'negative'])
    """
    high = mask > 127
    if (high.sum(axis=2) > 1).any():
        row, column = np.argwhere(high.sum(axis=2) > 1)[0]
        raise DatasetError(
            f"{file}: the mask has the colour {mask[row, column].tolist()} at x {column}, y {row}; "
            "it must be red, green, blue or black."
        )
    parts = [ndimage.label(high[:, :, channel])[0] for channel in (0, 2)]
    nuclei = [Nuclei.of(np.asarray(part), file=file) for part in parts]
    xy = [one.xy[one.areas >= SPECK_PX] for one in nuclei]
    labels = np.repeat([0, 1], [len(one) for one in xy])
    names = tuple(one.name for one in CLASSES)
    return Cells(np.concatenate(xy), labels, classes=names, shape=mask.shape[:2], mpp=mpp)


def region_of(name: str) -> str:
    """Return what an image has in common with its augmented copies, its own name where nothing tells.

    Example:
        >>> [region_of(name) for name in ("Lung_100_200_0_3_1.20_0.70", "22_2", "22", "Bladder1")]
        ['Lung_100_200', '22', '22', 'Bladder1']
    """
    found = _REGION.fullmatch(name)
    return name if found is None else found.group(1) or found.group(2)


def _split(folder: str) -> str | None:
    archive = _FOLDER.fullmatch(folder)
    return SPLIT_FOLDERS.get(archive.group(1).lower() if archive else folder.lower())


def _read_images(
    found: Sequence[tuple[Path, Path | None, str]], names: Sequence[str], offsets: Sequence[Offset], mpp: float | None
) -> Iterator[ImportedImage]:
    for (image, mask_file, split), name, offset in zip(found, names, offsets, strict=True):
        pixels, mask = _image_and_mask(image, mask_file)
        cells = cells_of_mask(moved_mask(mask, offset), file=mask_file or image, mpp=mpp)
        if mask_file is None:
            yield ImportedImage(name, cells, None, split, region_of(image.stem), pixels=pixels)
        else:
            yield ImportedImage(name, cells, image, split, region_of(image.stem))


def _image_and_mask(image: Path, mask_file: Path | None) -> tuple[RgbImage, RgbImage]:
    """Return the IHC image and its mask, from a strip or from two files."""
    pixels = read_image(image)
    if mask_file is None:
        panels = _panels(pixels, image)
        return panels[0], panels[-1]
    mask = read_image(mask_file)
    require_size(mask.shape[:2], pixels.shape[:2], file=mask_file, image=image)
    return pixels, mask


def _offset(image: Path, mask_file: Path | None) -> Offset:
    pixels, mask = _image_and_mask(image, mask_file)
    return mask_offset(pixels, (mask[:, :, 0] > 127) | (mask[:, :, 2] > 127))


def _note_of(offsets: dict[str, Offset]) -> str:
    moved = [f"{name} ({x}, {y})" for name, (x, y) in offsets.items() if (x, y) != (0, 0)]
    if not moved:
        return "No mask was moved: all stand on the nuclei of their images."
    return f"Moved onto the nuclei of their images, x and y in pixels: {counted(len(moved), 'mask')}, {some(moved)}."


def _panels(strip: RgbImage, file: Path) -> list[RgbImage]:
    height, width = strip.shape[:2]
    if width != PANELS * height:
        raise InvalidImageError(
            f"{file} is {width}×{height} (width×height), not a strip of {PANELS} square panels; "
            f"images alone need their masks in a folder beside them called {file.parent.name}{GROUND_TRUTH}."
        )
    return np.split(strip, PANELS, axis=1)
