"""Scoring a data set of synthetic layouts against one of real images, both on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, DatasetError, InvalidInputError, atomic_file
from cellweave.core.progress import Progress, silent
from cellweave.data import SPLITS, CellDataset
from cellweave.encoders import LayoutEncoder
from cellweave.metrics import LayoutScores, Memorisation, raster_round_trip, score_layouts, score_memorisation
from cellweave.metrics.layout_frechet import DIMENSIONS
from cellweave.metrics.layout_table import write_layout_table
from cellweave.patterns import homology_is_installed
from cellweave.report.spatial_figures import layout_curves
from cellweave.workflows.score_output import require_place, write_scores

MAX_SPLITS = 10_000
"""The mean over so many does not change with more."""

RESAMPLES = 200

PLACE_DIMENSIONS = 12
"""Features of a place that are compared to find copies."""

WITHOUT_TOPOLOGY = "Topology is not measured: ripser is not installed; pip install 'cellweave[topology]'."


def score_layout_datasets(
    real: str | os.PathLike[str],
    synthetic: str | os.PathLike[str],
    *,
    split: str = "training",
    synthetic_split: str | None = None,
    held_out: str | None = "validation",
    splits: int = 20,
    size: int = 40,
    resamples: int = RESAMPLES,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    table: str | os.PathLike[str] | None = None,
    figure: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> LayoutScores:
    """Score synthetic layouts against real ones, beside random layouts and a fitted point process, and look for copies.

    All layouts go through the raster of layout models, 3×3 markers at half resolution, and are compared without it as
    well; see :func:`cellweave.metrics.score_layouts`. The halves of the real layouts share no group (patient or slide).
    Copies are looked for in the split that is compared with, beside those that the held-out split happens to hold.

    Args:
        real: The data set of real layouts.
        synthetic: The data set of synthetic ones; images are not looked at.
        split: Of the real data set: what the layout model learnt from.
        synthetic_split: Of the synthetic data set; all of it when None.
        held_out: Split of the real data set that no model learnt from, to tell copies from likeness; its patients that
            ``split`` has, too, are left out. None, or no layout left: the share of copies is given without a verdict.
        splits: Number of random splits that the comparisons are averaged over.
        size: Layouts on either side of a comparison.
        resamples: Of the bootstrap over patients; 0: no intervals.
        seed: Of the splits, of the random and fitted layouts, and of the bootstrap.
        out: JSON file to write the scores to.
        table: CSV file to write every row to.
        figure: PNG file to draw the curves in.
        overwrite: Replace outputs that are there already.
        progress: Called after every layout, and after every block of resamples.

    Raises:
        DatasetError: A data set cannot be read, has no such split, or the two do not fit one another.
        InvalidInputError: An option makes no sense.
        OutputError: An output is there already, lies in a data set that is read, or cannot be written.
    """
    for place in (out, table, figure):
        if place is not None:
            require_place(place, real, synthetic, overwrite=overwrite)
    if held_out is not None and held_out not in SPLITS:
        raise InvalidInputError(f"the held-out split is one of {', '.join(SPLITS)}, got {held_out!r}.")
    if not 1 <= splits <= MAX_SPLITS or size < 1 or resamples < 0:
        raise InvalidInputError(
            f"splits are 1 to {MAX_SPLITS:,}, size is >= 1 and resamples >= 0, got {splits}, {size} and {resamples}."
        )
    real_set, synthetic_set = CellDataset.open(real), CellDataset.open(synthetic)
    names, groups = real_set.names(split), real_set.groups()
    made = synthetic_set.names(synthetic_split)
    encoder = LayoutEncoder.from_pretrained()
    topology = homology_is_installed()
    true, drawn = _read(real_set, names), _read(synthetic_set, made)
    try:
        scores = score_layouts(
            true,
            drawn,
            groups=[groups[name] for name in names],
            round_trip=raster_round_trip,
            features=partial(encoder.features, dimensions=DIMENSIONS),
            topology=topology,
            splits=splits,
            size=size,
            resamples=resamples,
            seed=seed,
            progress=progress,
        )
        kept = _held_out(real_set, held_out, {groups[name] for name in names}, scores.frame_px)
        copies = _memorisation(encoder, (true, drawn, kept), real_set.class_names, scores.frame_px, progress)
    except InvalidInputError as error:
        raise DatasetError(
            f"layouts of {synthetic} cannot be scored against split {split!r} of {real}: {error}"
        ) from error
    shared = len(set(names) & set(made)) if real_set.checksum == synthetic_set.checksum else 0
    notes = [f"{shared} layouts are on both sides, real and synthetic: the distance is too small for that."] * (
        shared > 0
    )
    notes += scores.notes
    notes += [WITHOUT_TOPOLOGY] * (not topology)
    scores = replace(scores, memorisation=copies, notes=tuple(notes))
    if out is not None:
        write_scores(out, scores.to_json())
    if table is not None:
        write_layout_table(scores, table)
    if figure is not None:
        with atomic_file(figure) as partial_file:
            layout_curves(scores).savefig(partial_file, format="png", dpi=120)
    return scores


def beside(out: Path | None, ending: str) -> Path | None:
    """Return the place of an output beside the JSON file of the scores: the same name with another ending.

    Raises:
        InvalidInputError: The JSON file itself has that ending.
    """
    if out is not None and out.suffix.lower() == ending:
        raise InvalidInputError(f"the JSON file {out} must not end in {ending}: a file of that name goes beside it.")
    return None if out is None else out.with_suffix(ending)


def _read(dataset: CellDataset, names: Sequence[str]) -> list[Cells]:
    return [dataset.read_cells(name) for name in names]


def _held_out(dataset: CellDataset, held_out: str | None, seen: set[str], frame: tuple[int, int]) -> list[Cells]:
    """Return the held-out layouts of patients that are not among the seen, as large as what is compared."""
    if held_out is None or not (dataset.images["split"] == held_out).any():
        return []
    groups = dataset.groups()
    layouts = _read(dataset, [name for name in dataset.names(held_out) if groups[name] not in seen])
    return [one for one in layouts if one.shape[0] >= frame[0] and one.shape[1] >= frame[1]]


def _memorisation(
    encoder: LayoutEncoder,
    layouts: tuple[Sequence[Cells], Sequence[Cells], Sequence[Cells]],
    classes: Sequence[str],
    frame: tuple[int, int],
    progress: Progress,
) -> Memorisation:
    def places(cells: Cells) -> npt.NDArray[np.float32]:
        return encoder.places(cells, classes, dimensions=PLACE_DIMENSIONS)

    training, synthetic, held_out = layouts
    return score_memorisation(training, synthetic, held_out, frame=frame, places=places, progress=progress)
