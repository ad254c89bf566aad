"""NuCLS in the layout of its release: a table of boxes for every field of view; see :mod:`.nucls`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from cellweave.core import Cells, DatasetError, TableError
from cellweave.data.dataset import CellClass
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.placing import label_indices, place_inside
from cellweave.data.tables import read_csv_text, require_unique_columns
from cellweave.data.wording import listing

# Of Okabe and Ito: apart from one another for colour-blind eyes, and from H&E.
CLASSES = {
    "super": (
        CellClass("tumor_any", "#d55e00"),
        CellClass("nonTIL_stromal", "#56b4e9"),
        CellClass("sTIL", "#f0e442"),
        CellClass("other_nucleus", "#cc79a7"),
    ),
    "main": (
        CellClass("tumor_nonMitotic", "#d55e00"),
        CellClass("tumor_mitotic", "#0072b2"),
        CellClass("nonTILnonMQ_stromal", "#56b4e9"),
        CellClass("macrophage", "#009e73"),
        CellClass("lymphocyte", "#f0e442"),
        CellClass("plasma_cell", "#e69f00"),
        CellClass("other_nucleus", "#cc79a7"),
    ),
}
AMBIGUOUS = "AMBIGUOUS"
MPP = 0.2
BOX = ("xmin", "ymin", "xmax", "ymax")
FIELDS_OF_VIEW = "all_fov_locations"
"""A table of the release beside those of nuclei, which has none."""

_PATIENT = re.compile(r"TCGA-\w{2}-\w{4}")
_EXPECTED = "a table of NuCLS has the columns main_classification, super_classification, xmin, ymin, xmax and ymax"


@dataclass(frozen=True, slots=True)
class _FieldOfView:
    image: Path
    table: Path
    split: str

    @property
    def patient(self) -> str:
        found = _PATIENT.search(self.image.name)
        if found is None:
            raise DatasetError(f"{self.image}: the name holds no patient's code as in TCGA-A1-A0SP; is it NuCLS?")
        return found.group()


def read_released_nucls(source: Path, *, level: str, fold: int | None) -> AnnotatedSource:
    """Read the released layout; see :func:`.nucls.read_nucls`."""
    tables = {path.stem: path for path in (source / "csv").glob("*.csv") if path.stem.lower() != FIELDS_OF_VIEW}
    images = sorted((source / "rgb").glob("*.png"))
    bare = [image.name for image in images if image.stem not in tables]
    if bare:
        raise DatasetError(
            f"{source / 'csv'} has no table for {listing(bare, 'image')} of rgb; copy it from the release."
        )
    notes = []
    unseen = sorted(set(tables) - {image.stem for image in images})
    if unseen:
        notes.append(f"Left out, because rgb has no image of theirs: {listing(unseen, 'table')}.")
    splits, note = _splits(source, images, fold)
    return AnnotatedSource(
        name="NuCLS",
        classes=CLASSES[level],
        licence="CC0 1.0",
        origin="NuCLS, Amgad et al., GigaScience 2022 (H&E of TCGA-BRCA at 0.2 µm per pixel)",
        total=len(images),
        images=_read_images([_FieldOfView(one, tables[one.stem], splits[one]) for one in images], level),
        notes=(*notes, *note),
    )


def _splits(source: Path, images: list[Path], fold: int | None) -> tuple[dict[Path, str], list[str]]:
    """Return the split of every image, and a sentence on those whose slide is in neither list of the fold."""
    if fold is None:
        return dict.fromkeys(images, "training"), []
    slides = {name: _slides(source, fold, part) for name, part in (("training", "train"), ("test", "test"))}
    splits = {}
    for image in images:
        found = [name for name, listed in slides.items() if any(slide in image.name for slide in listed)]
        if len(found) > 1:
            raise TableError(f"both lists of fold {fold} of {source} hold the slide of {image.name}; copy them again.")
        splits[image] = found[0] if found else "training"
    listed = slides["training"] | slides["test"]
    strange = [image.name for image in images if not any(slide in image.name for slide in listed)]
    told = [f"Of the training split, because fold {fold} does not list their slide: {listing(strange, 'image')}."]
    return splits, told if strange else []


def _slides(source: Path, fold: int, part: str) -> set[str]:
    path = source / "train_test_splits" / f"fold_{fold}_{part}.csv"
    if not path.is_file():
        raise DatasetError(f"{path} is missing; copy it from the release, or choose another fold or none.")
    table = read_csv_text(path, expected="a list of a fold has the column slide_name")
    if "slide_name" not in table.columns or (table["slide_name"] == "").any():
        raise TableError(f"{path} lacks the column slide_name, or a value in it; copy it from the release again.")
    return set(table["slide_name"])


def _read_images(fields: list[_FieldOfView], level: str) -> Iterator[ImportedImage]:
    names = tuple(one.name for one in CLASSES[level])
    for one in fields:
        shape = image_size(one.image)
        table = _read_table(one.table, f"{level}_classification")
        rows = [f"row {i}" for i in range(1, len(table) + 1)]
        box = np.stack([_numbers(table[name], one.table) for name in BOX], axis=-1)
        _require_boxes(box, one.table)
        xy, clipped = place_inside((box[:, :2] + box[:, 2:]) / 2, shape, file=one.table, rows=rows)
        given = [None if label == AMBIGUOUS else str(label) for label in table[f"{level}_classification"]]
        labels = label_indices(given, names, file=one.table, rows=rows)
        cells = Cells(xy, labels, classes=names, shape=shape, mpp=MPP)
        yield ImportedImage(one.image.stem, cells, one.image, one.split, one.patient, clipped)


def _read_table(path: Path, classification: str) -> pd.DataFrame:
    table = read_csv_text(path, expected=_EXPECTED)
    wanted = (classification, *BOX)
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise TableError(f"{path} lacks {', '.join(missing)}; {_EXPECTED}.")
    require_unique_columns(list(table.columns), wanted, path)
    return table[list(wanted)]


def _numbers(values: pd.Series[str], path: Path) -> npt.NDArray[np.float64]:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if not np.isfinite(numbers).all():
        row = int(np.argmin(np.isfinite(numbers)))
        raise TableError(f"{path}: row {row + 1}: {values.name} is {values.iloc[row]!r}, which is not a number.")
    return numbers


def _require_boxes(box: npt.NDArray[np.float64], path: Path) -> None:
    upright = (box[:, :2] <= box[:, 2:]).all(axis=1)
    if not upright.all():
        row = int(np.argmin(upright))
        raise TableError(
            f"{path}: row {row + 1}: the box {box[row].tolist()} ends before it begins (xmin, ymin, xmax, ymax); "
            "correct or remove the row."
        )
