"""The cells that are scored and those that they are scored against, from what lies on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cellweave.core import Cells, InvalidInputError, TableError
from cellweave.data import IMAGE_SUFFIXES, CellDataset
from cellweave.data.tables import PointTable, cells_by_image


@dataclass(frozen=True, eq=False)
class Sides:
    """What is scored, and what it is scored against.

    Attributes:
        truth: Annotated cells of every image; empty where there is nothing to compare with.
        predictions: Predicted cells of every image, with their scores where every one has one.
        groups: Patient or slide of images; empty where not known.
        frames: Height and width of every image, in pixels; None where not known: that of tables' cells only holds them.
        classes: Classes that both sides speak of.
        complete: Whether these are all classes that there are, and not just those that occur.
        notes: What was left out, one sentence each.
        colours: Colour of classes, ``#rrggbb``; empty where not known.
    """

    truth: dict[str, Cells]
    predictions: dict[str, Cells]
    groups: dict[str, str]
    frames: dict[str, tuple[int, int] | None]
    classes: tuple[str, ...]
    complete: bool
    notes: tuple[str, ...] = ()
    colours: Mapping[str, str] = field(default_factory=dict)


def with_dataset(
    root: Path, table: PointTable, split: str | None, mpp: float | None = None, *, unseen_groups: bool = False
) -> Sides:
    """Return the cells of a data set and of a table of predictions for it.

    Args:
        root: The data set.
        table: The predictions.
        split: Images of this split only; all when None.
        mpp: Refused: a data set knows its own.
        unseen_groups: Leave out images whose group has training images, too.

    Raises:
        DatasetError: The data set cannot be used, or has no image in the split.
        TableError: The table does not fit it.
        InvalidInputError: ``mpp`` is given, or no group is unseen.
    """
    dataset = CellDataset.open(root)
    if mpp is not None:
        raise InvalidInputError(f"mpp {mpp:g} is given, but the data set {root} knows its own; leave it out.")
    names, groups = dataset.names(split), dataset.groups()
    notes = []
    if unseen_groups:
        seen = {groups[name] for name in dataset.names("training")}
        left_out = sorted({groups[name] for name in names} & seen)
        names = [name for name in names if groups[name] not in seen]
        if not names:
            raise InvalidInputError(f"every group of split {split!r} of {root} has training images; none is unseen.")
        notes.append(f"Left out, because they have training images, too: {', '.join(left_out) or 'no group'}.")
    table = _with_names(table, known=set(groups))
    strange = ~table.points["image"].isin(groups).to_numpy()
    if strange.any():
        row = table.row_name(int(np.argmax(strange)))
        raise TableError(f"{table.path}: {row}: the data set {root} has no such image; score with its own data set.")
    kept = table.points["image"].isin(names)
    if len(kept) and not kept.any():
        raise TableError(f"{table.path} has no cell in any image of split {split!r} of {root}; predict that split.")
    elsewhere = table.points.loc[~kept, "image"]
    truth = {name: dataset.read_cells(name) for name in names}
    scored = replace(table, points=table.points[kept])
    frames = {name: cells.shape for name, cells in truth.items()}
    classes = dataset.class_names if table.has_labels else ()
    scales = {name: cells.mpp for name, cells in truth.items()}
    predicted = _with_scores(scored, cells_by_image(scored, shapes=frames, classes=classes, mpp=scales))
    if len(elsewhere):
        notes.append(f"{len(elsewhere)} predicted cells in {elsewhere.nunique()} other images are left out.")
    if dataset.class_names and not table.has_labels:
        notes.append(f"{table.path} has no classes: only all cells together are scored.")
    own_groups = {name: groups[name] for name in names}
    return Sides(truth, predicted, own_groups, {**frames}, classes, True, tuple(notes), dataset.colours)


def with_table(path: Path, predicted: PointTable, split: str | None, mpp: float | None = None) -> Sides:
    """Return the cells of two tables.

    Args:
        path: Table of the truth.
        predicted: The predictions.
        split: Refused: a table has none.
        mpp: µm per pixel of all images; None where unknown.

    Raises:
        TableError: A table cannot be used, or neither has a row.
        InvalidInputError: ``split`` is given.
    """
    if split is not None:
        raise InvalidInputError(f"split {split!r} is given, but {path} is a table, not a data set; leave it out.")
    tables = [_with_names(table) for table in (PointTable.read(path), predicted)]
    shapes = _frames(tables)
    if not shapes:
        raise TableError(f"neither {path} nor {predicted.path} has a row: there is no image to score.")
    unlabelled = [table for table in tables if not table.has_labels]
    names = [sorted(set(table.points["label"].dropna())) for table in tables]
    classes = () if unlabelled else tuple(dict.fromkeys([*names[0], *names[1]]))
    scales = dict.fromkeys(shapes, mpp)
    truth, found = (cells_by_image(table, shapes=shapes, classes=classes, mpp=scales) for table in tables)
    notes = [f"{table.path} has no classes: only all cells together are scored." for table in unlabelled]
    notes = notes if len(unlabelled) == 1 else []
    return Sides(truth, _with_scores(tables[1], found), {}, dict.fromkeys(shapes), classes, False, tuple(notes))


def without_truth(table: PointTable) -> Sides:
    """Return the cells of a table that is compared with nothing.

    Raises:
        TableError: The table has no row, or a negative position.
    """
    table = _with_names(table)
    shapes = _frames([table])
    if not shapes:
        raise TableError(f"{table.path} has no row, so there is no image.")
    classes = tuple(sorted(set(table.points["label"].dropna()))) if table.has_labels else ()
    cells = cells_by_image(table, shapes=shapes, classes=classes)
    return Sides({}, cells, {}, dict.fromkeys(shapes), classes, False)


def cells_of_dataset(dataset: CellDataset, split: str | None) -> Sides:
    """Return the annotated cells of a data set, as they are, to be compared with nothing.

    Raises:
        DatasetError: The data set has no image in the split, or its cells make no sense.
    """
    groups = dataset.groups()
    cells = {name: dataset.read_cells(name) for name in dataset.names(split)}
    own_groups = {name: groups[name] for name in cells}
    frames: dict[str, tuple[int, int] | None] = {name: one.shape for name, one in cells.items()}
    return Sides({}, cells, own_groups, frames, dataset.class_names, True)


def prediction_file(path: Path) -> Path:
    """Return the table of predictions: the path itself, or the table in an output folder.

    Raises:
        TableError: The folder holds none.
    """
    if not path.is_dir():
        return path
    for name in ("cells.parquet", "cells.csv"):
        if (path / name).is_file():
            return path / name
    raise TableError(f"{path} holds neither cells.parquet nor cells.csv; give an output of `cellweave locate`.")


def _with_scores(table: PointTable, cells: dict[str, Cells]) -> dict[str, Cells]:
    """Return the cells of a table with their scores, or as they are where one has none."""
    scores = table.points["score"].to_numpy()
    if np.isnan(scores).any():
        return cells
    rows = table.points.groupby("image", sort=False).indices  # in the order of `cells_by_image`
    return {
        image: Cells(
            one.xy, one.labels, classes=one.classes, shape=one.shape, mpp=one.mpp, scores=scores[rows.get(image, [])]
        )
        for image, one in cells.items()
    }


def _with_names(table: PointTable, *, known: frozenset[str] | set[str] = frozenset()) -> PointTable:
    """Return the table with its images called as they are known, or else without an image ending."""
    given = table.points["image"].unique().tolist()
    called = {name: name if name in known else _without_suffix(name) for name in given}
    origin: dict[str, str] = {}
    for name, final in called.items():
        if origin.setdefault(final, name) != name:
            raise TableError(
                f"{table.path} names the images {origin[final]!r} and {name!r}, which are both taken for {final!r}; "
                "give one name to one image."
            )
    return replace(table, points=table.points.assign(image=table.points["image"].map(called)))


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if stem and dot + suffix.lower() in IMAGE_SUFFIXES else name


def _frames(tables: Sequence[PointTable]) -> dict[str, tuple[int, int]]:
    """Return (height, width) of every image: the smallest that holds the points of all tables, as nothing is known."""
    frames: dict[str, tuple[int, int]] = {}
    for table in tables:
        negative = (table.points[["x", "y"]] < 0).any(axis=1).to_numpy()
        if negative.any():
            i = int(np.argmax(negative))
            x, y = table.points[["x", "y"]].iloc[i]
            raise TableError(
                f"{table.path}: {table.row_name(i)}: x {x:g}, y {y:g} is negative; positions are pixels from the top "
                "left corner of the image: correct or remove the row."
            )
        for image, (x, y) in table.points.groupby("image")[["x", "y"]].max().iterrows():
            height, width = frames.get(str(image), (1, 1))
            frames[str(image)] = (max(height, int(y) + 1), max(width, int(x) + 1))
    return dict(sorted(frames.items()))
