"""The positive index (as of Ki-67) of cells on disk, and the files that it is written to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cellweave.core import Cells, InvalidInputError, TableError, atomic_file
from cellweave.data import CellDataset, counted
from cellweave.data.regions import Region, read_regions, require_inside
from cellweave.data.tables import PointTable
from cellweave.metrics.index_scores import IndexScores, score_index
from cellweave.metrics.positive_index import IndexClasses
from cellweave.workflows.score_output import require_place, write_scores
from cellweave.workflows.score_sides import (
    Sides,
    cells_of_dataset,
    prediction_file,
    with_dataset,
    with_table,
    without_truth,
)


def score_index_files(
    cells: str | os.PathLike[str],
    index: str,
    *,
    truth: str | os.PathLike[str] | None = None,
    regions: str | os.PathLike[str] | None = None,
    split: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> IndexScores:
    """Compute positive / (positive + negative) of cells on disk: of images, regions, groups and all together.

    Args:
        cells: A data set, a table of points, or an output of ``cellweave locate``.
        index: The two classes, ``POSITIVE:NEGATIVE``.
        truth: Annotations to compare with: a data set or a table of points; ``cells`` are predictions then.
        regions: QuPath GeoJSON of the regions of the only image, or a folder with one, ``IMAGE.geojson``, for each
            image that has some.
        split: Images of this split of the data set only.
        resamples: Bootstrap resamples.
        seed: Of the resamples.
        out: JSON file to write; the table is written beside it as CSV.
        overwrite: Replace them where they are there already.

    Raises:
        TableError: A table or the regions are missing or unusable, or do not fit.
        DatasetError: A data set cannot be used, or has no image in the split.
        InvalidInputError: There are no such classes, or an option makes no sense.
        OutputError: ``out`` is there already, lies in what is read, or cannot be written.
    """
    cells = Path(cells)
    read = [cells if _is_dataset(cells) else prediction_file(cells), *(Path(one) for one in (truth, regions) if one)]
    if out is not None:
        for place in (Path(out), table_beside(out)):
            require_place(place, *read, overwrite=overwrite)
    sides = _sides(cells, None if truth is None else Path(truth), split)
    classes = index_classes(index, sides)
    scores = score_index(
        sides.predictions,
        classes,
        truth=None if truth is None else sides.truth,
        regions=None if regions is None else regions_of(regions, sides.frames),
        groups=sides.groups,
        resamples=resamples,
        seed=seed,
    )
    scores = replace(scores, notes=(*sides.notes, *scores.notes))
    if out is not None:
        write_scores(out, scores.to_json())
        write_index_table(table_beside(out), scores)
    return scores


def index_classes(index: str, sides: Sides) -> IndexClasses:
    """Return the two classes of an index of cells on disk.

    A data set knows its classes. Tables know those that occur: one that has no cell is taken to exist where all others
    are the other class, since an image may well be without a positive cell.

    Raises:
        InvalidInputError: There are no such classes.
    """
    if not sides.classes:
        raise InvalidInputError(f"--index {index!r} needs the classes of the cells, and the table has none.")
    if not sides.complete and len(sides.classes) == 1:
        classes = IndexClasses.parse(index)
        if sides.classes[0] in (classes.positive, classes.negative):
            return classes
    return IndexClasses.parse(index, sides.classes)


def regions_of(
    regions: str | os.PathLike[str], frames: Mapping[str, tuple[int, int] | None]
) -> dict[str, tuple[Region, ...]]:
    """Return the regions of images.

    Args:
        regions: GeoJSON of the only image, or a folder with ``IMAGE.geojson`` for each image that has some.
        frames: Height and width of every image, in pixels; None where unknown.

    Raises:
        InvalidInputError: It is one file, and there are several images.
        TableError: A file cannot be used, is of no image, or a region lies outside its image.
    """
    path = Path(regions)
    if path.is_dir():
        files = {file.stem: file for file in sorted(path.glob("*.geojson"))}
        strange = sorted(set(files) - set(frames))
        if strange:
            raise TableError(f"{files[strange[0]]} is of no image; the images are {', '.join(sorted(frames)[:5])}, …")
        if not files:
            raise TableError(f"{path} holds no .geojson; name the regions of an image IMAGE.geojson.")
    elif len(frames) == 1:
        files = dict.fromkeys(frames, path)
    else:
        raise InvalidInputError(
            f"--regions {path} is one file for {counted(len(frames), 'image')}; give a folder with an IMAGE.geojson "
            "for each image that has regions."
        )
    found = {image: read_regions(file) for image, file in files.items()}
    for image, own in found.items():
        frame = frames[image]
        if frame is not None:
            require_inside(own, image, frame)
    return found


def table_beside(out: str | os.PathLike[str]) -> Path:
    """Return the CSV file that goes with a JSON file.

    Raises:
        InvalidInputError: The JSON file itself ends in ``.csv``, or ``out`` names no file.
    """
    if Path(out).name in ("", ".."):
        raise InvalidInputError(f"--out {out} is a folder; give the JSON file to write, such as index.json.")
    if Path(out).suffix.lower() == ".csv":
        raise InvalidInputError(f"--out {out} is the JSON file, beside which the CSV is written; end it in .json.")
    return Path(out).with_suffix(".csv")


def write_index_table(path: Path, scores: IndexScores) -> None:
    """Write the rows as CSV, empty where undefined; whole or not at all.

    Raises:
        OutputError: The place cannot be written.
    """
    with atomic_file(path) as partial:
        pd.DataFrame([row.to_record() for row in scores.rows]).to_csv(partial, index=False)


def _is_dataset(path: Path) -> bool:
    return (path / "dataset.json").is_file()


def _sides(cells: Path, truth: Path | None, split: str | None) -> Sides:
    if truth is not None:
        table = PointTable.read(prediction_file(cells))
        if not truth.exists():
            raise TableError(f"{truth} does not exist; give a data set, or a CSV or Parquet table of points.")
        return with_dataset(truth, table, split) if truth.is_dir() else with_table(truth, table, split)
    if _is_dataset(cells):
        return cells_of_dataset(CellDataset.open(cells), split)
    if split is not None:
        raise InvalidInputError(f"split {split!r} is given, but {cells} is no data set; leave it out.")
    return without_truth(PointTable.read(prediction_file(cells)))


def index_of_located(
    located: Mapping[str, Cells],
    classes: IndexClasses,
    *,
    regions: Mapping[str, tuple[Region, ...]],
    groups: Mapping[str, str],
    folder: Path,
) -> IndexScores:
    """Compute the index of cells just found, and write it beside them as ``index.json`` and ``index.csv``.

    Raises:
        OutputError: They cannot be written.
    """
    scores = score_index(located, classes, regions=regions, groups=groups)
    write_scores(folder / "index.json", scores.to_json())
    write_index_table(folder / "index.csv", scores)
    return scores
