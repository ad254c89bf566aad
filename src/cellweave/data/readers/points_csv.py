"""Points in a table (``image, x, y`` and perhaps ``label``) beside a folder of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from cellweave.core import Cells, InvalidInputError
from cellweave.data.dataset import CellClass
from cellweave.data.images import image_size
from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.classes import classes_of
from cellweave.data.readers.image_facts import ImageFacts, check_mpp, note_unlisted, read_image_facts
from cellweave.data.readers.image_folder import ImageFolder
from cellweave.data.readers.placing import label_indices, place_inside
from cellweave.data.tables import PointTable
from cellweave.data.wording import listing

Coordinates = Literal["continuous", "zero-based", "one-based"]
"""How the table counts: see :data:`SHIFTS`."""

SHIFTS: dict[str, float] = {"continuous": 0.0, "zero-based": 0.5, "one-based": -0.5}
"""What to add to a coordinate: none where (0, 0) is the corner of the image; otherwise the numbers are those of whole
pixels, counted from 0 or from 1, and the centre of the first pixel is 0.5."""


def read_points_csv(
    source: Path,
    *,
    images: Path | None = None,
    coordinates: Coordinates = "continuous",
    image_table: Path | None = None,
    classes: Sequence[str] | None = None,
    mpp: float | None = None,
    unlisted_are_empty: bool = False,
) -> AnnotatedSource:
    """Read the images that a table names, with their points.

    Args:
        source: CSV or Parquet with the columns image (name, with or without ending), x, y, and perhaps label; it may
            hold split, group and mpp as well.
        images: Folder of the images; the table's own when None.
        coordinates: How the table counts pixels.
        image_table: Another table with the column image and any of split, group, mpp; ``source`` itself when None.
            Images that it does not name (noted) are of the training split and their own group.
        classes: The classes to expect, in label order; all that occur, sorted by name, when None.
        mpp: µm per pixel of the images that no table gives one for; unknown when None.
        unlisted_are_empty: Take images that no row of ``source`` names for images without cells; otherwise they are
            left out and noted.

    Raises:
        TableError: A table lacks a column or has an unusable value, or an image is not there.
        DatasetError: The folder of the images does not exist.
        InvalidInputError: ``coordinates``, ``mpp`` or ``classes`` make no sense.
    """
    if coordinates not in get_args(Coordinates):
        raise InvalidInputError(f"coordinates are {', '.join(get_args(Coordinates))}, got {coordinates!r}.")
    mpp = check_mpp(mpp)
    table = PointTable.read(source)
    shift = SHIFTS[coordinates]
    rows = [table.row_name(i) for i in range(len(table.points))]
    points = table.points.assign(x=table.points["x"] + shift, y=table.points["y"] + shift, row=rows)
    folder = ImageFolder(images or source.parent)
    facts = read_image_facts(image_table or source, folder, mpp=mpp)
    found = classes_of(points["label"], given=classes)
    by_image = _by_image(points, folder, source)
    unlisted = [path for path in folder.all() if path not in by_image]
    names = [path.name for path in unlisted]
    notes = []
    if unlisted and unlisted_are_empty:
        by_image |= dict.fromkeys(unlisted, points.iloc[:0])
        notes.append(
            f"Taken for images without cells, because the table does not name them: {listing(names, 'image')}."
        )
    elif unlisted:
        notes.append(f"Left out, because the table does not name them: {listing(names, 'image')}.")
    if image_table is not None:
        notes += note_unlisted(facts, by_image, image_table)
    return AnnotatedSource(
        name=source.stem,
        classes=found,
        licence="not stated",
        origin=f"points of {source.name}",
        total=len(by_image),
        images=_read_images(by_image, facts, ImageFacts(mpp=mpp), found, source),
        notes=tuple(notes),
    )


def _by_image(points: pd.DataFrame, folder: ImageFolder, source: Path) -> dict[Path, pd.DataFrame]:
    files = {name: folder.find(str(name), file=source) for name in points["image"].unique()}
    return dict(iter(points.groupby(points["image"].map(files), sort=True)))


def _read_images(
    by_image: dict[Path, pd.DataFrame],
    facts: dict[Path, ImageFacts],
    unknown: ImageFacts,
    classes: tuple[CellClass, ...],
    source: Path,
) -> Iterator[ImportedImage]:
    names = tuple(one.name for one in classes)
    for file, points in by_image.items():
        about = facts.get(file, unknown)
        shape = image_size(file)
        rows = points["row"].tolist()
        xy, clipped = place_inside(points[["x", "y"]].to_numpy(), shape, file=source, rows=rows)
        labels = label_indices(points["label"].tolist(), names, file=source, rows=rows)
        cells = Cells(xy, labels, classes=names, shape=shape, mpp=about.mpp)
        yield ImportedImage(file.stem, cells, file, about.split, about.group or file.stem, clipped)
