"""Scoring a data set of synthetic layouts against one of real images, both on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, DatasetError, InvalidInputError, atomic_file
from cellweave.core.progress import Progress, silent
from cellweave.data import SPLITS, CellDataset
from cellweave.encoders import LayoutEncoder
from cellweave.metrics import (
    CopySearch,
    LayoutScores,
    LayoutSetScores,
    Memorisation,
    raster_round_trip,
    score_layout_sets,
)
from cellweave.metrics.layout_copies import FEWEST_GROUPS
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

WITHOUT_COPIES = (
    f"Copies are not looked for: they are told by how training layouts of {FEWEST_GROUPS} or more groups differ."
)

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
    options = _Options(split, synthetic_split, held_out, splits, size, resamples, seed)
    outputs = _Outputs(out, table, figure)
    outputs.require(real, synthetic, overwrite=overwrite)
    [scores] = _scored(real, {"synthetic": synthetic}, options, progress).scores
    outputs.write(scores)
    return scores


def compare_layout_datasets(
    real: str | os.PathLike[str],
    synthetic: Sequence[str | os.PathLike[str]],
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
) -> LayoutSetScores:
    """Score several data sets of synthetic layouts against the same real ones, and each of them against the first.

    See :func:`score_layout_datasets`, of which the options are, and :func:`cellweave.metrics.score_layout_sets`.

    Args:
        real: The data set of real layouts.
        synthetic: The data sets of synthetic ones, each given once; named by their folders, or by their paths where
            folders have the same name.
        split, synthetic_split, held_out, splits, size, resamples, seed: See :func:`score_layout_datasets`.
        out, table, figure, overwrite, progress: Likewise.

    Raises:
        DatasetError: A data set cannot be read, has no such split, or they do not fit one another.
        InvalidInputError: An option makes no sense, or a data set is given twice.
        OutputError: An output is there already, lies in a data set that is read, or cannot be written.
    """
    options = _Options(split, synthetic_split, held_out, splits, size, resamples, seed)
    outputs = _Outputs(out, table, figure)
    outputs.require(real, *synthetic, overwrite=overwrite)
    scores = _scored(real, _named(synthetic), options, progress)
    outputs.write(scores)
    return scores


class _Options(NamedTuple):
    """What :func:`score_layout_datasets` says of them."""

    split: str
    synthetic_split: str | None
    held_out: str | None
    splits: int
    size: int
    resamples: int
    seed: int

    def check(self) -> None:
        if self.held_out is not None and self.held_out not in SPLITS:
            raise InvalidInputError(f"the held-out split is one of {', '.join(SPLITS)}, got {self.held_out!r}.")
        if not 1 <= self.splits <= MAX_SPLITS or self.size < 1 or self.resamples < 0:
            raise InvalidInputError(
                f"splits are 1 to {MAX_SPLITS:,}, size is >= 1 and resamples >= 0, got {self.splits}, {self.size} and "
                f"{self.resamples}."
            )


class _Outputs(NamedTuple):
    out: str | os.PathLike[str] | None
    table: str | os.PathLike[str] | None
    figure: str | os.PathLike[str] | None

    def require(self, *read: str | os.PathLike[str], overwrite: bool) -> None:
        for place in self:
            if place is not None:
                require_place(place, *read, overwrite=overwrite)

    def write(self, scores: LayoutScores | LayoutSetScores) -> None:
        if self.out is not None:
            write_scores(self.out, scores.to_json())
        if self.table is not None:
            write_layout_table(scores, self.table)
        if self.figure is not None:
            with atomic_file(self.figure) as partial_file:
                layout_curves(scores).savefig(partial_file, format="png", dpi=120)


def _named(places: Sequence[str | os.PathLike[str]]) -> dict[str, str | os.PathLike[str]]:
    """Return data sets by the names of their folders, or by their paths where two have the same."""
    resolved = [os.path.realpath(place) for place in places]
    for place, real in zip(places, resolved, strict=True):
        if resolved.count(real) > 1:
            raise InvalidInputError(f"the synthetic data set {place} is given twice; give every one once.")
    names = [os.path.basename(real) for real in resolved]
    if len(set(names)) < len(names):
        names = [os.fspath(place) for place in places]
    return dict(zip(names, places, strict=True))


def _scored(
    real: str | os.PathLike[str],
    synthetic: Mapping[str, str | os.PathLike[str]],
    options: _Options,
    progress: Progress,
) -> LayoutSetScores:
    options.check()
    real_set = CellDataset.open(real)
    made = {name: CellDataset.open(place) for name, place in synthetic.items()}
    split, seed = options.split, options.seed
    names, groups = real_set.names(split), real_set.groups()
    made_names = {name: one.names(options.synthetic_split) for name, one in made.items()}
    encoder = LayoutEncoder.from_pretrained()
    topology = homology_is_installed()
    true = _read(real_set, names)
    drawn = {name: _read(one, made_names[name]) for name, one in made.items()}
    try:
        found = score_layout_sets(
            true,
            drawn,
            groups=[groups[name] for name in names],
            round_trip=raster_round_trip,
            features=partial(encoder.features, dimensions=DIMENSIONS),
            topology=topology,
            splits=options.splits,
            size=options.size,
            resamples=options.resamples,
            seed=seed,
            progress=progress,
        )
        copies = _memorisation(encoder, real_set, options, list(drawn.values()), found.scores[0].frame_px, progress)
    except InvalidInputError as error:
        places = ", ".join(map(str, synthetic.values()))
        raise DatasetError(
            f"layouts of {places} cannot be scored against split {split!r} of {real}: {error}"
        ) from error
    scores = []
    for (name, one), own, copied in zip(made.items(), found.scores, copies, strict=True):
        shared = len(set(names) & set(made_names[name])) if real_set.checksum == one.checksum else 0
        notes = [f"{shared} layouts are on both sides, real and synthetic: the distance is too small for that."]
        notes = [*notes * (shared > 0), *own.notes, *[WITHOUT_TOPOLOGY] * (not topology)]
        notes += [WITHOUT_COPIES] * (copied is None)
        scores.append(replace(own, memorisation=copied, notes=tuple(notes)))
    return replace(found, scores=tuple(scores))


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


def _memorisation(
    encoder: LayoutEncoder,
    real: CellDataset,
    options: _Options,
    synthetic: Sequence[Sequence[Cells]],
    frame: tuple[int, int],
    progress: Progress,
) -> list[Memorisation | None]:
    """Return what every set of synthetic layouts has copied; None where too few patients were learnt from to tell."""
    groups, names = real.groups(), real.names(options.split)
    seen = [groups[name] for name in names]
    if len(set(seen)) < FEWEST_GROUPS:
        return [None] * len(synthetic)

    def places(cells: Cells) -> npt.NDArray[np.float32]:
        return encoder.places(cells, real.class_names, dimensions=PLACE_DIMENSIONS)

    kept = _held_out(real, options.held_out, set(seen), frame)
    search = CopySearch(
        _read(real, names),
        list(kept.values()),
        frame=frame,
        places=places,
        training_groups=seen,
        held_out_groups=[groups[name] for name in kept],
        seed=options.seed,
        progress=progress,
    )
    return [search.judge(each) for each in synthetic]


def _held_out(dataset: CellDataset, held_out: str | None, seen: set[str], frame: tuple[int, int]) -> dict[str, Cells]:
    """Return the held-out layouts of patients that are not among the seen, as large as what is compared."""
    if held_out is None or not (dataset.images["split"] == held_out).any():
        return {}
    groups = dataset.groups()
    layouts = {name: dataset.read_cells(name) for name in dataset.names(held_out) if groups[name] not in seen}
    return {name: one for name, one in layouts.items() if one.shape[0] >= frame[0] and one.shape[1] >= frame[1]}
