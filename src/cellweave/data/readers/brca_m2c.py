"""BRCA-M2C: H&E of breast cancer with points of three classes, in the layout of its release.

``images/*.png``, ``labels/*_gt_class_coords.txt`` (row, column, class; 0-based pixels) and the lists
``brca_ds_train.txt``, ``brca_ds_val.txt``, ``brca_ds_test.txt`` of image file names.

Source: Abousamra et al. 2021, "Multi-class cell detection using spatial context representation" (ICCV).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, DatasetError, TableError
from cellweave.data.dataset import CellClass
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.placing import label_indices, place_inside
from cellweave.data.wording import listing

# Yellow, vermilion and sky blue of Okabe and Ito: apart from one another for colour-blind eyes, and from H&E.
CLASSES = (CellClass("lymphocyte", "#f0e442"), CellClass("tumor", "#d55e00"), CellClass("stromal", "#56b4e9"))
CODES: dict[float, str] = {1: "lymphocyte", 2: "tumor", 3: "stromal"}
LISTS = {"training": "brca_ds_train.txt", "validation": "brca_ds_val.txt", "test": "brca_ds_test.txt"}
MPP = 0.5
"""Every image was resampled to 20x: its side in pixels is 1000 × the last number of its file name / 2."""

_PATIENT = re.compile(r"TCGA-\w{2}-\w{4}")


def read_brca_m2c(source: Path) -> AnnotatedSource:
    """Read the images of every split that the folder holds; groups are the patients of the file names.

    Raises:
        DatasetError: The folder lacks the release's layout, or a listed image has no labels or stands in two lists.
        TableError: A list is no text, or a label file (when its image is read) holds something else than row, column
            and class.
    """
    _require_layout(source)
    splits: dict[str, str] = {}
    notes: list[str] = []
    for split, list_name in LISTS.items():
        files, note = _listed_images(source, split, list_name)
        twice = sorted(set(files) & set(splits))
        if twice:
            raise DatasetError(
                f"{source / list_name} names {twice[0]}, as the list of the {splits[twice[0]]} images does."
            )
        splits |= dict.fromkeys(files, split)
        notes += [note] if note else []
    if not splits:
        raise DatasetError(f"{source} has none of the images that its lists name; {' '.join(notes)}")
    unlisted = sorted({path.name for path in (source / "images").glob("*.png")} - set(splits))
    if unlisted:
        notes.append(f"Left out, because they stand in no list: {listing(unlisted, 'image')}.")
    return AnnotatedSource(
        name="BRCA-M2C",
        classes=CLASSES,
        licence="BSD-3-Clause",
        origin="BRCA-M2C, Abousamra et al., ICCV 2021 (H&E of TCGA-BRCA at 20x)",
        total=len(splits),
        images=_read_images(source, splits),
        notes=tuple(notes),
    )


def _require_layout(source: Path) -> None:
    if not source.is_dir():
        raise DatasetError(f"{source} is not a folder; give the folder that holds BRCA-M2C's images/ and labels/.")
    there = [name for name in LISTS.values() if (source / name).is_file()]
    if not ((source / "images").is_dir() and (source / "labels").is_dir() and there):
        raise DatasetError(
            f"{source} is not BRCA-M2C in its released layout: it needs images/, labels/ and at least one of "
            f"{', '.join(LISTS.values())}."
        )


def _listed_images(source: Path, split: str, list_name: str) -> tuple[list[str], str]:
    """Return the file names of a split whose images are there, and a sentence on what is not."""
    path = source / list_name
    if not path.is_file():
        return [], f"There is no {split} split: {list_name} is missing."
    try:
        listed = list(dict.fromkeys(path.read_text(encoding="utf-8").split()))
    except UnicodeDecodeError as error:
        raise TableError(f"{path} is not a text file; copy it from the release again.") from error
    present = [name for name in listed if Path(name).name == name and (source / "images" / name).is_file()]
    if len(present) == len(listed):
        return present, ""
    return present, f"The {split} split has {len(present)} of the {len(listed)} images that {list_name} names."


def _read_images(source: Path, splits: dict[str, str]) -> Iterator[ImportedImage]:
    names = tuple(one.name for one in CLASSES)
    for file_name, split in splits.items():
        image = source / "images" / file_name
        labels = source / "labels" / f"{image.stem}_gt_class_coords.txt"
        shape = image_size(image)
        numbers, rows = _read_labels(labels)
        xy, clipped = place_inside(numbers[:, 1::-1] + 0.5, shape, file=labels, rows=rows)
        codes = [CODES.get(code, f"{code:g}") for code in numbers[:, 2]]
        cells = Cells(xy, label_indices(codes, names, file=labels, rows=rows), classes=names, shape=shape, mpp=MPP)
        yield ImportedImage(image.stem, cells, image, split, _patient(image), clipped)


def _read_labels(path: Path) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Return row, column and class of every cell, (N, 3), and where in the file each stands."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing, but its image is there; copy it from the release.") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{path} is not a text file; copy it from the release again.") from error
    numbers, rows = [], []
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            row, column, code = map(float, fields)
        except ValueError as error:
            raise TableError(f"{path}: row {number}: {line!r} is not row, column and class, three numbers.") from error
        numbers.append((row, column, code))
        rows.append(f"row {number}")
    return np.array(numbers, dtype=np.float64).reshape(-1, 3), rows


def _patient(image: Path) -> str:
    found = _PATIENT.match(image.name)
    if found is None:
        raise DatasetError(
            f"{image}: the name does not begin with a patient's code as in TCGA-A7-A0DA; is it BRCA-M2C?"
        )
    return found.group()
