"""NuCLS as points in tables without a header, in folders of training and test; see :mod:`.nucls`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from cellweave.core import Cells, DatasetError, InvalidInputError, TableError
from cellweave.data.dataset import CellClass
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.classes import classes_of
from cellweave.data.readers.image_facts import check_mpp
from cellweave.data.readers.image_folder import ImageFolder
from cellweave.data.readers.natural_order import natural_order
from cellweave.data.readers.nucls_boxes import CLASSES
from cellweave.data.readers.placing import label_indices, place_inside

SPLITS = {"train": "training", "test": "test"}
_EXPECTED = "its rows are x,y,code, three whole numbers, without a header"


def read_nucls_points(source: Path, *, mpp: float | None) -> AnnotatedSource:
    """Read the layout of points; see :func:`.nucls.read_nucls`."""
    mpp = check_mpp(mpp)
    names = _read_label_map(source / "label_map.yaml")
    known = {one.name: one.colour for one in CLASSES["super"]}
    try:
        classes = classes_of((), given=list(names.values()), colours=known)
    except InvalidInputError as error:
        raise TableError(f"{source / 'label_map.yaml'}: {error}") from error
    images: list[tuple[str, Path]] = []
    notes = []
    for folder, split in SPLITS.items():
        there = (source / folder / "images").is_dir()
        found = ImageFolder(source / folder / "images").all() if there else []
        images += [(folder, image) for image in sorted(found, key=lambda path: natural_order(path.name))]
        if not found:
            notes.append(f"There is no {split} split: {folder}/images has no image.")
    return AnnotatedSource(
        name="NuCLS",
        classes=classes,
        licence="CC0 1.0",
        origin="points of NuCLS, Amgad et al., GigaScience 2022 (H&E of TCGA-BRCA)",
        total=len(images),
        images=_read_images(source, images, names, classes, mpp),
        notes=tuple(notes),
    )


def _read_label_map(path: Path) -> dict[int, str]:
    """Return the name of every code, in the order of the codes."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TableError(f"{path} is not YAML that can be read; copy it from its source again.") from error
    if not isinstance(content, dict) or not content:
        raise TableError(f"{path} names no classes; it has lines such as 0: tumor_any.")
    for code, name in content.items():
        if type(code) is not int or not isinstance(name, str):
            raise TableError(f"{path}: {code!r}: {name!r} is not a whole number and a name; write 0: tumor_any.")
    return {code: content[code] for code in sorted(content)}


def _read_images(
    source: Path,
    images: list[tuple[str, Path]],
    names: dict[int, str],
    classes: tuple[CellClass, ...],
    mpp: float | None,
) -> Iterator[ImportedImage]:
    class_names = tuple(one.name for one in classes)
    for folder, image in images:
        file = source / folder / "labels" / f"{image.stem}.csv"
        shape = image_size(image)
        numbers, rows = _read_rows(file)
        xy, clipped = place_inside(numbers[:, :2] + 0.5, shape, file=file, rows=rows)
        given = [names.get(code, str(code)) for code in numbers[:, 2].tolist()]
        labels = label_indices(given, class_names, file=file, rows=rows)
        cells = Cells(xy, labels, classes=class_names, shape=shape, mpp=mpp)
        yield ImportedImage(image.stem, cells, image, SPLITS[folder], image.stem, clipped)


def _read_rows(path: Path) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return x, y and code of every nucleus, (N, 3), and where in the file each stands."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing, but its image is there; copy it from its source.") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{path} is not a text file; {_EXPECTED}.") from error
    numbers, rows = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            x, y, code = (int(field) for field in line.split(","))
        except ValueError as error:
            raise TableError(f"{path}: row {number}: {line!r} cannot be used; {_EXPECTED}.") from error
        numbers.append((x, y, code))
        rows.append(f"row {number}")
    return np.array(numbers, dtype=np.int64).reshape(-1, 3), rows
