"""Scoring what a localiser found against annotations, both on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cellweave.core import Cells, InvalidInputError, Length, TableError
from cellweave.data import IMAGE_SUFFIXES, CellDataset
from cellweave.data.tables import PointTable, cells_by_image
from cellweave.metrics import CellScores, ScoringProtocol, score_cells
from cellweave.workflows.score_output import require_place, write_scores


def score_cells_files(
    truth: str | os.PathLike[str],
    predictions: str | os.PathLike[str],
    *,
    radii: Sequence[Length],
    protocol: ScoringProtocol = "matching",
    split: str | None = None,
    unseen_groups: bool = False,
    mpp: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> CellScores:
    """Score predicted cells against annotated ones.

    Images go by name; a known image ending (``a.png`` for ``a``) makes no difference. Against a data set the images of
    the split are scored, and its groups are those of the bootstrap; predictions for its other images are left out, for
    images that it does not have an error, as is a class that it does not have. Of two tables, every image is scored
    that either names, and a class that only the predictions have is one without truth. Where one side has no classes,
    only all cells together are scored. What was left out is said in the notes of the result.

    Args:
        truth: A data set, or a table of points (see :class:`cellweave.data.tables.PointTable`).
        predictions: A table of points, or a folder that holds ``cells.parquet`` or ``cells.csv``.
        radii: Distances within which a cell counts as found.
        protocol: How cells are paired, see :func:`cellweave.metrics.score_cells`.
        split: Images of this split of the data set only; all of it when None.
        unseen_groups: Leave out images whose group (patient or slide) has training images, too.
        mpp: µm per pixel of the images of two tables, which radii in µm need; a data set knows its own.
        resamples: Bootstrap resamples; 0 for no intervals.
        seed: Of the resamples.
        out: JSON file to write the scores to.
        overwrite: Replace ``out`` where it is there already.

    Raises:
        TableError: A table is missing or unusable, or does not fit the data set.
        DatasetError: The truth is a folder but no data set, or has no image in the split.
        InvalidInputError: An option makes no sense, see :func:`cellweave.metrics.score_cells`.
        OutputError: ``out`` is there already, lies in what is read, or cannot be written.
    """
    truth, predictions = Path(truth), Path(predictions)
    if out is not None:  # beside the predictions it may lie
        require_place(out, truth, _prediction_file(predictions), overwrite=overwrite)
    if not truth.exists():
        raise TableError(f"{truth} does not exist; give a data set, or a CSV or Parquet table of points.")
    table = PointTable.read(_prediction_file(predictions))
    sides = (
        _with_dataset(truth, table, split, mpp, unseen_groups=unseen_groups)
        if truth.is_dir()
        else _with_table(truth, table, split, mpp)
    )
    scores = score_cells(
        sides.truth,
        sides.predictions,
        protocol=protocol,
        radii=radii,
        groups=sides.groups,
        resamples=resamples,
        seed=seed,
    )
    scores = replace(scores, notes=(*sides.notes, *scores.notes))
    if out is not None:
        write_scores(out, scores.to_json())
    return scores


@dataclass(frozen=True, eq=False)
class _Sides:
    truth: dict[str, Cells]
    predictions: dict[str, Cells]
    groups: dict[str, str]
    notes: tuple[str, ...]


def _with_dataset(
    root: Path, table: PointTable, split: str | None, mpp: float | None, *, unseen_groups: bool
) -> _Sides:
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
    predicted = cells_by_image(
        scored,
        shapes={name: cells.shape for name, cells in truth.items()},
        classes=dataset.class_names if table.has_labels else (),
        mpp={name: cells.mpp for name, cells in truth.items()},
    )
    if len(elsewhere):
        notes.append(f"{len(elsewhere)} predicted cells in {elsewhere.nunique()} other images are left out.")
    if dataset.class_names and not table.has_labels:
        notes.append(f"{table.path} has no classes: only all cells together are scored.")
    return _Sides(truth, predicted, {name: groups[name] for name in names}, tuple(notes))


def _with_table(path: Path, predicted: PointTable, split: str | None, mpp: float | None) -> _Sides:
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
    return _Sides(truth, found, {}, tuple(notes) if len(unlabelled) == 1 else ())


def _prediction_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    for name in ("cells.parquet", "cells.csv"):
        if (path / name).is_file():
            return path / name
    raise TableError(f"{path} holds neither cells.parquet nor cells.csv; give an output of `cellweave locate`.")


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
