"""Scoring what a localiser found against annotations, both on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellweave.core import InvalidInputError, TableError, atomic_file
from cellweave.data.tables import PointTable
from cellweave.metrics import CellScores, FrameRadius, Radius, ScoringProtocol, score_cells
from cellweave.metrics.threshold_sweep import sweep_thresholds
from cellweave.report.sweep_figure import sweep_figure
from cellweave.workflows.score_output import require_place, write_scores
from cellweave.workflows.score_sides import prediction_file, with_dataset, with_table


def score_cells_files(
    truth: str | os.PathLike[str],
    predictions: str | os.PathLike[str],
    *,
    radii: Sequence[Radius],
    protocol: ScoringProtocol = "matching",
    split: str | None = None,
    unseen_groups: bool = False,
    mpp: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
    sweep: bool = False,
    figure: str | os.PathLike[str] | None = None,
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
        sweep: Score over thresholds of the predictions' scores, too.
        figure: PNG file to draw the sweep in; see :func:`figure_place` for where it goes when None.
        out: JSON file to write the scores to, those of every image among them.
        overwrite: Replace the outputs where they are there already.

    Raises:
        TableError: A table is missing or unusable, does not fit the data set, or lacks scores to sweep over.
        DatasetError: The truth is a folder but no data set, or has no image in the split.
        InvalidInputError: An option makes no sense, see :func:`cellweave.metrics.score_cells`.
        OutputError: An output is there already, lies in what is read, or cannot be written.
    """
    truth, predictions = Path(truth), Path(predictions)
    drawn = figure_place(figure, out, sweep=sweep)
    for place in (out, drawn):
        if place is not None:  # beside the predictions it may lie
            require_place(place, truth, prediction_file(predictions), overwrite=overwrite)
    if not truth.exists():
        raise TableError(f"{truth} does not exist; give a data set, or a CSV or Parquet table of points.")
    table = PointTable.read(prediction_file(predictions))
    if sweep:
        _require_scores(table)
    sides = (
        with_dataset(truth, table, split, mpp, unseen_groups=unseen_groups)
        if truth.is_dir()
        else with_table(truth, table, split, mpp)
    )
    framed = [radius for radius in radii if isinstance(radius, FrameRadius)]
    if framed and None in sides.frames.values():
        raise InvalidInputError(
            f"a radius of {framed[0].value:g} px of the 512-frame needs the sizes of the images, which tables do not "
            "know; give a data set as the truth, or the radius in pixels."
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
    if sweep:
        sides_of = sides.truth, sides.predictions
        scores = replace(scores, sweeps=sweep_thresholds(*sides_of, protocol=protocol, radii=radii))
    if drawn is not None:
        with atomic_file(drawn) as partial:
            sweep_figure(scores.sweeps, colours=sides.colours).savefig(partial, format="png", dpi=150)
    if out is not None:
        write_scores(out, scores.to_json(per_image=True))
    return scores


def figure_place(
    figure: str | os.PathLike[str] | None, out: str | os.PathLike[str] | None, *, sweep: bool
) -> Path | None:
    """Return where the figure of a sweep goes: where it was asked for, or beside the JSON file; None for nowhere.

    Raises:
        InvalidInputError: A figure is asked for without a sweep, or it does not end in ``.png``.
    """
    if not sweep:
        if figure is not None:
            raise InvalidInputError(f"--figure {figure} shows scores over thresholds; give --sweep as well.")
        return None
    place = Path(figure) if figure is not None else None if out is None else Path(out).with_suffix(".png")
    if place is not None and (place.suffix.lower() != ".png" or (out is not None and place == Path(out))):
        raise InvalidInputError(f"the figure {place} must end in .png, and the JSON file must not.")
    return place


def _require_scores(table: PointTable) -> None:
    if table.points.empty:
        raise TableError(f"{table.path} has no predictions, so there is no threshold to go over; leave out --sweep.")
    missing = table.points["score"].isna().to_numpy()
    if missing.any():
        row = table.row_name(int(np.argmax(missing)))
        raise TableError(f"{table.path}: {row} has no score, which --sweep needs of every prediction; leave it out.")
