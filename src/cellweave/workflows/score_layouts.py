"""Scoring a data set of synthetic layouts against one of real images, both on disk."""

from __future__ import annotations

import os
from dataclasses import replace

from cellweave.core import DatasetError, InvalidInputError
from cellweave.data import CellDataset
from cellweave.metrics import LayoutScores, raster_round_trip, score_layouts
from cellweave.workflows.score_output import require_place, write_scores

MAX_SPLITS = 10_000
"""The mean over so many does not change with more."""


def score_layout_datasets(
    real: str | os.PathLike[str],
    synthetic: str | os.PathLike[str],
    *,
    split: str = "training",
    synthetic_split: str | None = None,
    splits: int = 20,
    size: int = 40,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> LayoutScores:
    """Score synthetic layouts against real ones: counts, nearest neighbours and pair correlation.

    All layouts go through the raster of layout models, 3×3 markers at half resolution, and are compared without it as
    well; see :func:`cellweave.metrics.score_layouts`. The halves of the real layouts share no group (patient or slide).

    Args:
        real: The data set of real layouts.
        synthetic: The data set of synthetic ones; images are not looked at.
        split: Of the real data set.
        synthetic_split: Of the synthetic data set; all of it when None.
        splits: Number of random splits that the comparisons are averaged over.
        size: Layouts on either side of a comparison.
        seed: Of the splits and of the random layouts.
        out: JSON file to write the scores to.
        overwrite: Replace ``out`` where it is there already.

    Raises:
        DatasetError: A data set cannot be read, has no such split, or the two do not fit one another.
        InvalidInputError: An option makes no sense.
        OutputError: ``out`` is there already, lies in a data set that is read, or cannot be written.
    """
    if out is not None:
        require_place(out, real, synthetic, overwrite=overwrite)
    if not 1 <= splits <= MAX_SPLITS or size < 1:
        raise InvalidInputError(f"splits are 1 to {MAX_SPLITS:,} and size is >= 1, got {splits} and {size}.")
    real_set, synthetic_set = CellDataset.open(real), CellDataset.open(synthetic)
    names, groups = real_set.names(split), real_set.groups()
    made = synthetic_set.names(synthetic_split)
    try:
        scores = score_layouts(
            [real_set.read_cells(name) for name in names],
            [synthetic_set.read_cells(name) for name in made],
            groups=[groups[name] for name in names],
            round_trip=raster_round_trip,
            splits=splits,
            size=size,
            seed=seed,
        )
    except InvalidInputError as error:
        raise DatasetError(
            f"layouts of {synthetic} cannot be scored against split {split!r} of {real}: {error}"
        ) from error
    shared = len(set(names) & set(made)) if real_set.checksum == synthetic_set.checksum else 0
    if shared:
        note = f"{shared} layouts are on both sides, real and synthetic: the distance is too small for that."
        scores = replace(scores, notes=(note, *scores.notes))
    if out is not None:
        write_scores(out, scores.to_json())
    return scores
