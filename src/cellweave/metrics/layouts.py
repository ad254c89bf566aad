"""Scoring synthetic layouts against real ones, beside random layouts and a point process fitted to the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from cellweave.core import Cells, InvalidInputError
from cellweave.core.progress import Progress, silent
from cellweave.metrics.cell_scores import ALL
from cellweave.metrics.layout_arms import RoundTrip, crop_to_centre, smallest_frame, throw_at_random
from cellweave.metrics.layout_bootstrap import SideWeights, resampled_weights, split_weights
from cellweave.metrics.layout_clusters import CellClusters
from cellweave.metrics.layout_comparison import ComparedSets, compared_rows, count_rows, curve_bands, set_distances
from cellweave.metrics.layout_curves import NAMES, LayoutCurves, feature_curves
from cellweave.metrics.layout_scores import COLUMNS, KINDS, Arm, Kind, LayoutRow, LayoutScores
from cellweave.metrics.layout_set_scores import LayoutSetScores, SetDifference, set_differences
from cellweave.metrics.layout_splits import LayoutSplit, layout_splits
from cellweave.metrics.layout_statistics import Floats, LayoutStatistics, frame_um, layout_statistics

MPP_RANGE = (1e-3, 1e3)
"""µm per pixel that an image of tissue can have, generously."""

SPLITS = 20
SIZE = 40

Features = Callable[[Sequence[Cells], Sequence[str]], Floats]
"""Features of layouts, (N, D), from the layouts and the classes to look at."""


def score_layouts(
    real: Sequence[Cells],
    synthetic: Sequence[Cells],
    *,
    groups: Sequence[str] | None = None,
    round_trip: RoundTrip | None = None,
    features: Features | None = None,
    topology: bool = False,
    splits: int = SPLITS,
    size: int = SIZE,
    resamples: int = 0,
    seed: int = 0,
    progress: Progress = silent,
) -> LayoutScores:
    """Say how far synthetic layouts are from real ones, beside how far real ones are from one another and from random.

    Every comparison is between equally many layouts: half of the real ones against synthetic ones (the distance),
    against real ones of other patients (the floor), against layouts with the counts of the latter whose cells are
    thrown anywhere (the ceiling), and against layouts with these counts of a cluster process with a hard core, fitted
    to the real layouts; means over random splits. All layouts are cropped to the smallest frame among them.
    Nearest neighbours, topology and spatial-FID answer to the number of cells as well as to their arrangement; L and
    the pair correlation do not.

    Args:
        real: Real layouts, of known scale.
        synthetic: Synthetic layouts, of the same scale and classes.
        groups: Group (patient or slide) of every real layout; each is its own when None.
        round_trip: What all layouts go through before they are compared, real and random ones too, so that none is
            told by its raster alone; see :func:`cellweave.metrics.raster_round_trip`. The comparison without it is
            reported as well. None: only that one.
        features: Of layouts, for the spatial-FID; left out when None.
        topology: Compare pieces and holes, too; needs the extra ``topology``.
        splits: Number of random splits.
        size: Layouts on either side of a comparison; as many as there are, where these are fewer.
        resamples: Of the bootstrap over groups and synthetic layouts, for the intervals of the first arm; 0: none.
        seed: Of the splits, of the random and the fitted layouts, and of the bootstrap.
        progress: Called after every layout measured and every measure resampled.

    Raises:
        InvalidInputError: There are too few layouts or groups, or scales, classes or frames do not allow a comparison.
    """
    sets = {"synthetic": synthetic}
    return score_layout_sets(
        real,
        sets,
        groups=groups,
        round_trip=round_trip,
        features=features,
        topology=topology,
        splits=splits,
        size=size,
        resamples=resamples,
        seed=seed,
        progress=progress,
    ).scores[0]


def score_layout_sets(
    real: Sequence[Cells],
    sets: Mapping[str, Sequence[Cells]],
    *,
    groups: Sequence[str] | None = None,
    round_trip: RoundTrip | None = None,
    features: Features | None = None,
    topology: bool = False,
    splits: int = SPLITS,
    size: int = SIZE,
    resamples: int = 0,
    seed: int = 0,
    progress: Progress = silent,
) -> LayoutSetScores:
    """Score several sets of synthetic layouts against the same real ones, and each set against the first.

    All sets are compared with the same halves of the real layouts, in the same frame and with equally many layouts;
    what has no part in any set is measured once. In a resample all sets are compared with the same patients drawn, and
    sets of equally many layouts have the same ones drawn; so differences between sets, which have this in common,
    are told apart far better than by the intervals of either.

    Args:
        real: Real layouts, of known scale.
        sets: Synthetic layouts of every set, by name, of the same scale and classes; the first is what the others
            are compared with.
        groups, round_trip, features, topology, splits, size, resamples, seed, progress: See :func:`score_layouts`.

    Raises:
        InvalidInputError: There is no set; or there are too few layouts or groups, or scales, classes or frames do not
            allow a comparison.
    """
    if not sets:
        raise InvalidInputError("there is no set of synthetic layouts to score; give at least one.")
    names = [f"real layout {i + 1}" for i in range(len(real))] if groups is None else [str(one) for one in groups]
    if len(names) != len(real):
        raise InvalidInputError(f"every real layout has one group, got {len(names)} groups for {len(real)} layouts.")
    fewest = min(map(len, sets.values()))
    chosen = [
        layout_splits(names, len(each) if fewest else 0, splits=splits, size=min(size, fewest or size), seed=seed)
        for each in sets.values()
    ]
    classes, mpp = _common_terms([("real", real), *sets.items()])
    frame = smallest_frame([*real, *chain(*sets.values())])
    frame_um(frame, mpp)
    process = CellClusters.fit(real, classes)
    crops = [crop_to_centre(one, frame) for one in real]
    thrown = [process.throw(one, seed=seed, index=i) for i, one in enumerate(crops)]
    shared: dict[Kind, list[Cells]] = {
        "random": [throw_at_random(one, seed=seed, index=i) for i, one in enumerate(crops)],
        "fitted": [one for one, _ in thrown],
        "real": crops,
    }
    made = [[crop_to_centre(one, frame) for one in each] for each in sets.values()]
    compared = [_only_compared(one) for one in chosen]
    weights = [split_weights(own, len(real), len(drawn)) for own, drawn in compared]
    ways: dict[Arm, RoundTrip] = {"raw": _as_it_is} if round_trip is None else {"raster": round_trip, "raw": _as_it_is}
    arms = tuple(ways)
    all_scores = [
        LayoutScores(
            frame_px=frame,
            mpp=mpp,
            real=len(real),
            groups=len(set(names)),
            synthetic=len(each),
            splits=splits,
            layouts_per_side=len(chosen[0][0].real),
            seed=seed,
            resamples=resamples,
            process=tuple(process.to_json()),
        )
        for each in made
    ]
    differences: tuple[SetDifference, ...] = ()
    for arm, way in ways.items():
        first = arm == arms[0]  # the arm to quote: only it has intervals, topology, curves and differences
        drawn_anew = resamples if first else 0
        treated = [list(map(way, each)) for each in made]
        layouts = {kind: list(map(way, each)) for kind, each in shared.items()}
        only = [[each[i] for i in drawn] for each, (_, drawn) in zip(treated, compared, strict=True)]
        found_sets = _measure(layouts, only, classes, features, topology=topology and first, arm=arm, progress=progress)
        anew = zip(*(resampled_weights(one, names, resamples=drawn_anew, seed=seed) for one in weights), strict=True)
        distances = set_distances(found_sets, weights, _told(anew, resamples * splits, progress))
        for i, (own, there) in enumerate(zip(distances, found_sets, strict=True)):
            scores = all_scores[i]
            rows, overall = compared_rows(arm, own)
            numbers = {label: _numbers(treated[i], label) for label in (ALL, *classes)}
            counts = count_rows(arm, there, numbers, names, resamples=drawn_anew, seed=seed)
            scores = replace(scores, counts=(*scores.counts, *counts), rows=(*scores.rows, *rows))
            if first:
                kinds = KINDS if i == 0 else KINDS[:1]
                curves = curve_bands(there, names, resamples=resamples, seed=seed, kinds=kinds)
                told = {(row.measure, row.label) for row in rows if row.position is not None}
                columns = tuple(title for title, measure, label in COLUMNS if (measure, label) in told)
                scores = replace(scores, overall=overall, columns=columns, curves=curves)
            all_scores[i] = scores
        if first:
            differences = set_differences(tuple(sets), [one.rows for one in all_scores], distances)
    crowded = sum(number for _, number in thrown)
    noted = (
        replace(one, notes=_notes(one.rows, size=size, found=one.layouts_per_side, crowded=crowded))
        for one in all_scores
    )
    return LayoutSetScores(tuple(sets), tuple(noted), differences)


def _as_it_is(cells: Cells) -> Cells:
    return cells


def _only_compared(chosen: Sequence[LayoutSplit]) -> tuple[tuple[LayoutSplit, ...], list[int]]:
    """Return the splits with synthetic layouts numbered anew, and which these are: the others need not be measured."""
    drawn = np.unique(np.concatenate([split.synthetic for split in chosen]))
    renamed = [split._replace(synthetic=np.searchsorted(drawn, split.synthetic)) for split in chosen]
    return tuple(renamed), drawn.tolist()


def _numbers(layouts: Sequence[Cells], label: str) -> Floats:
    """Return the number of cells of a class, or of all, in every layout."""
    return np.array([len(one) if label == ALL else one.counts()[label] for one in layouts], np.float64)


def _measure(
    layouts: Mapping[Kind, Sequence[Cells]],
    made: Sequence[Sequence[Cells]],
    classes: Sequence[str],
    features: Features | None,
    *,
    topology: bool,
    arm: Arm,
    progress: Progress,
) -> list[ComparedSets]:
    """Return what is compared: the random, fitted and real layouts with those of every set in turn."""
    total = sum(map(len, (*layouts.values(), *made)))
    done = 0

    def statistics_of(each: Sequence[Cells]) -> list[LayoutStatistics]:
        nonlocal done
        measured = []
        for one in each:
            measured.append(layout_statistics(one, classes, topology=topology))
            done += 1
            progress(f"measuring layouts, {arm}", done, total)
        return measured

    def encoded(each: Sequence[Cells]) -> LayoutCurves | None:
        return None if features is None else feature_curves(features(each, classes))

    kinds: dict[Kind, Sequence[Cells]] = {"synthetic": made[0], **layouts}
    statistics = {kind: statistics_of(each) for kind, each in kinds.items()}
    coded = {kind: one for kind, each in kinds.items() if (one := encoded(each)) is not None}
    first = ComparedSets.of(classes, statistics, coded, topology=topology)
    return [first, *(first.with_synthetic(statistics_of(each), encoded(each)) for each in made[1:])]


def _told(blocks: Iterable[Sequence[SideWeights]], total: int, progress: Progress) -> Iterable[Sequence[SideWeights]]:
    """Yield blocks of resamples, saying how many are done."""
    done = 0
    for block in blocks:
        yield block
        done += len(block[0].real)
        progress("drawing patients anew", done, total)


def _common_terms(sets: Sequence[tuple[str, Sequence[Cells]]]) -> tuple[tuple[str, ...], float]:
    """Return the classes and the scale that all layouts share; the real ones are the first set."""
    first = sets[0][1][0]
    classes, mpp = first.classes, first.mpp
    for kind, layouts in sets:
        for i, one in enumerate(layouts):
            if sorted(one.classes) != sorted(classes):
                raise InvalidInputError(
                    f"{kind} layout {i + 1} has the classes {list(one.classes)}, the first real one {list(classes)}; "
                    "compare layouts of the same classes."
                )
            if one.mpp is None or mpp is None or not np.isclose(one.mpp, mpp, rtol=1e-3):
                raise InvalidInputError(
                    f"{kind} layout {i + 1} has {one.mpp} µm per pixel, the first real one {mpp}; "
                    "layouts are compared at one known scale."
                )
    if mpp is not None and not MPP_RANGE[0] <= mpp <= MPP_RANGE[1]:
        raise InvalidInputError(f"layouts have {mpp:g} µm per pixel, which no microscope has; correct their mpp.")
    return classes, float(mpp or 0)


def _notes(rows: Sequence[LayoutRow], *, size: int, found: int, crowded: int) -> tuple[str, ...]:
    notes = []
    if found < size:
        notes.append(f"There are layouts for comparisons of {found} against {found} only, not {size}.")
    if crowded:
        notes.append(f"{crowded} cells of the fitted point process found no place outside the hard core of others.")
    silent_rows: dict[str, list[str]] = {}
    for row in rows:
        if row.position is None:
            measured = np.isfinite([row.distance.mean, row.floor.mean, row.ceiling.mean]).all()
            reason = "random layouts are hardly farther than real ones" if measured else "one side has too few cells"
            silent_rows.setdefault(reason, []).append(f"{NAMES[row.measure]} of {row.label} ({row.arm})")
    notes += [f"No position, as {reason}: {', '.join(where)}." for reason, where in silent_rows.items()]
    return tuple(notes)
