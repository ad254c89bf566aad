"""Scoring synthetic layouts against real ones: counts, nearest neighbours and pair correlation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics.cell_scores import ALL
from cellweave.metrics.layout_arms import RoundTrip, crop_to_centre, smallest_frame, throw_at_random
from cellweave.metrics.layout_scores import Arm, CountRow, LayoutRow, LayoutScores, Level
from cellweave.metrics.layout_splits import LayoutSplit, layout_splits
from cellweave.metrics.layout_statistics import (
    UNITS,
    Floats,
    LayoutStatistics,
    Measure,
    frame_um,
    labels_of,
    layout_distance,
    layout_statistics,
)

MPP_RANGE = (1e-3, 1e3)
"""µm per pixel that an image of tissue can have, generously."""

SPLITS = 20
SIZE = 40


def score_layouts(
    real: Sequence[Cells],
    synthetic: Sequence[Cells],
    *,
    groups: Sequence[str] | None = None,
    round_trip: RoundTrip | None = None,
    splits: int = SPLITS,
    size: int = SIZE,
    seed: int = 0,
) -> LayoutScores:
    """Say how far synthetic layouts are from real ones, beside how far real ones are from one another and from random.

    Every comparison is between equally many layouts: half of the real ones against synthetic ones (the distance),
    against real ones of other patients (the floor), and against layouts with the counts of the latter whose cells are
    thrown anywhere (the ceiling); means over random splits. All layouts are cropped to the smallest frame among them.
    Nearest neighbours answer to the number of cells as well as to their arrangement; pair correlation does not.

    Args:
        real: Real layouts, of known scale.
        synthetic: Synthetic layouts, of the same scale and classes.
        groups: Group (patient or slide) of every real layout; each is its own when None.
        round_trip: What all layouts go through before they are compared, real and random ones too, so that none is
            told by its raster alone; see :func:`cellweave.metrics.raster_round_trip`. The comparison without it is
            reported as well. None: only that one.
        splits: Number of random splits.
        size: Layouts on either side of a comparison; as many as there are, where these are fewer.
        seed: Of the splits and of the random layouts.

    Raises:
        InvalidInputError: There are too few layouts or groups, or scales, classes or frames do not allow a comparison.
    """
    names = [f"real layout {i + 1}" for i in range(len(real))] if groups is None else [str(one) for one in groups]
    if len(names) != len(real):
        raise InvalidInputError(f"every real layout has one group, got {len(names)} groups for {len(real)} layouts.")
    chosen = layout_splits(names, len(synthetic), splits=splits, size=size, seed=seed)
    classes, mpp = _common_terms(real, synthetic)
    frame = smallest_frame([*real, *synthetic])
    frame_um(frame, mpp)
    crops = [crop_to_centre(one, frame) for one in real]
    sets = {
        "real": crops,
        "random": [throw_at_random(one, seed=seed, index=i) for i, one in enumerate(crops)],
        "synthetic": [crop_to_centre(one, frame) for one in synthetic],
    }
    rows: list[LayoutRow] = []
    counts: list[CountRow] = []
    ways: dict[Arm, RoundTrip | None] = {"raw": None} if round_trip is None else {"raster": round_trip, "raw": None}
    for arm, way in ways.items():
        measured = {
            kind: [layout_statistics(one if way is None else way(one), classes) for one in layouts]
            for kind, layouts in sets.items()
        }
        counts += _count_rows(arm, classes, measured)
        for measure in UNITS:
            rows += _rows(arm, measure, classes, measured, chosen)
    return LayoutScores(
        counts=tuple(counts),
        rows=tuple(rows),
        frame_px=frame,
        mpp=mpp,
        real=len(real),
        groups=len(set(names)),
        synthetic=len(synthetic),
        splits=splits,
        layouts_per_side=len(chosen[0].real),
        seed=seed,
        notes=_notes(rows, size=size, found=len(chosen[0].real)),
    )


def _common_terms(real: Sequence[Cells], synthetic: Sequence[Cells]) -> tuple[tuple[str, ...], float]:
    """Return the classes and the scale that all layouts share."""
    classes, mpp = real[0].classes, real[0].mpp
    for kind, layouts in (("real", real), ("synthetic", synthetic)):
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


def _count_rows(arm: Arm, classes: Sequence[str], measured: dict[str, list[LayoutStatistics]]) -> list[CountRow]:
    rows = []
    for label in (ALL, *classes):
        real, synthetic = (
            np.array([one.counts[label] for one in measured[kind]], np.float64) for kind in ("real", "synthetic")
        )
        rows.append(CountRow(arm, label, float(real.mean()), _sd(real), float(synthetic.mean()), _sd(synthetic)))
    return rows


def _rows(
    arm: Arm,
    measure: Measure,
    classes: Sequence[str],
    measured: dict[str, list[LayoutStatistics]],
    chosen: Sequence[LayoutSplit],
) -> list[LayoutRow]:
    """Return the rows of a measure: of all cells, of classes, of pairs of classes, and the mean of either."""
    rows = []
    for kind, labels in labels_of(measure, classes).items():
        distances = np.array([[_compare(measure, label, measured, split) for split in chosen] for label in labels])
        rows += [_row(arm, measure, label, values) for label, values in zip(labels, distances, strict=True)]
        if kind != ALL and len(labels) > 1:
            plural = {"class": "classes", "class pair": "class pairs"}[kind]
            rows.append(_row(arm, measure, f"mean of {plural}", distances.mean(axis=0)))
    return rows


def _compare(
    measure: Measure, label: str, measured: dict[str, list[LayoutStatistics]], split: LayoutSplit
) -> tuple[float, float, float]:
    """Return distance, floor and ceiling of one split."""
    real = [measured["real"][i] for i in split.real]
    synthetic = [measured["synthetic"][i] for i in split.synthetic]
    other = [measured["real"][i] for i in split.other_real]
    random = [measured["random"][i] for i in split.other_real]
    distance, floor, ceiling = (layout_distance(measure, label, real, side) for side in (synthetic, other, random))
    return distance, floor, ceiling


def _row(arm: Arm, measure: Measure, label: str, values: Floats) -> LayoutRow:
    """Return a row from (splits, 3) distances, floors and ceilings."""
    distance, floor, ceiling = (Level(float(column.mean()), _sd(column)) for column in values.T)
    least_span = 2 * _sd(values[:, 2] - values[:, 1]) / np.sqrt(len(values))
    return LayoutRow(arm, measure, label, distance, floor, ceiling, float(least_span))


def _sd(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _notes(rows: Sequence[LayoutRow], *, size: int, found: int) -> tuple[str, ...]:
    notes = []
    if found < size:
        notes.append(f"There are layouts for comparisons of {found} against {found} only, not {size}.")
    silent: dict[str, list[str]] = {}
    for row in rows:
        if row.position is None:
            measured = np.isfinite([row.distance.mean, row.floor.mean, row.ceiling.mean]).all()
            reason = "random layouts are hardly farther than real ones" if measured else "one side has too few cells"
            silent.setdefault(reason, []).append(f"{row.measure.replace('_', ' ')} of {row.label} ({row.arm})")
    notes += [f"No position, as {reason}: {', '.join(where)}." for reason, where in silent.items()]
    return tuple(notes)
