"""Comparing four sets of layouts with real ones: rows of distances, positions, and their bootstrap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from cellweave.core import numpy_generator
from cellweave.metrics.bootstrap import percentile_interval, resampled_sums
from cellweave.metrics.cell_scores import ALL
from cellweave.metrics.layout_bootstrap import Interval, SideWeights, centred_interval
from cellweave.metrics.layout_curves import MEASURES, LayoutCurves, curve_distance, measure_curves, readable
from cellweave.metrics.layout_frechet import frechet_distance
from cellweave.metrics.layout_scores import (
    CLASS_MEAN,
    COLUMNS,
    KINDS,
    PAIR_MEAN,
    Arm,
    CountRow,
    CurveBand,
    Kind,
    LayoutRow,
    Level,
)
from cellweave.metrics.layout_statistics import Floats, LayoutStatistics, Measure, labels_of

Place = tuple[Measure, str]
"""A measure and a label."""

Overall = dict[str, tuple[float | None, Interval | None]]

MEANS = {"class": CLASS_MEAN, "class pair": PAIR_MEAN}


@dataclass(frozen=True, slots=True, eq=False)
class ComparedSets:
    """Four sets of layouts, measured: synthetic, random, fitted and real.

    Attributes:
        classes: Names of the classes.
        counts: Cells of every layout of a kind, by label: ``all``, then classes, (layouts,).
        curves: Of every measure and label, those of every kind.
    """

    classes: tuple[str, ...]
    counts: Mapping[Kind, Mapping[str, Floats]]
    curves: Mapping[Place, Mapping[Kind, LayoutCurves]]

    @classmethod
    def of(
        cls,
        classes: Sequence[str],
        statistics: Mapping[Kind, Sequence[LayoutStatistics]],
        features: Mapping[Kind, LayoutCurves],
        *,
        topology: bool,
    ) -> ComparedSets:
        """Return the sets of what was measured; without spatial-FID where there are no features."""
        left_out = {name for name, there in (("topology", topology), ("spatial_fid", bool(features))) if not there}
        curves: dict[Place, Mapping[Kind, LayoutCurves]] = {}
        for measure in MEASURES:
            if measure in left_out:
                continue
            for label in sum(labels_of(measure, classes).values(), ()):
                curves[measure, label] = (
                    features
                    if measure == "spatial_fid"
                    else {kind: measure_curves(measure, label, each) for kind, each in statistics.items()}
                )
        counts = {
            kind: {label: np.array([one.counts[label] for one in each], np.float64) for label in (ALL, *classes)}
            for kind, each in statistics.items()
        }
        return cls(tuple(classes), counts, curves)

    def with_synthetic(self, statistics: Sequence[LayoutStatistics], features: LayoutCurves | None) -> ComparedSets:
        """Return the same random, fitted and real layouts with other synthetic ones."""
        curves: dict[Place, Mapping[Kind, LayoutCurves]] = {}
        for (measure, label), each in self.curves.items():
            own = features if measure == "spatial_fid" else measure_curves(measure, label, statistics)
            curves[measure, label] = each if own is None else {**each, "synthetic": own}
        own_counts = {label: np.array([one.counts[label] for one in statistics], np.float64) for label in self._labels}
        return ComparedSets(self.classes, {**self.counts, "synthetic": own_counts}, curves)

    @property
    def _labels(self) -> tuple[str, ...]:
        return (ALL, *self.classes)

    def distances(self, weights: SideWeights, *, kinds: Sequence[Kind] = KINDS) -> dict[Place, Floats]:
        """Return the distances from the real layouts to each kind, in the order of ``kinds``, (M, kinds), by place.

        After the classes and after the pairs of classes of a measure comes their mean.
        """
        found: dict[Place, Floats] = {}
        for measure in dict.fromkeys(measure for measure, _ in self.curves):
            for group, labels in labels_of(measure, self.classes).items():
                found |= {(measure, label): self._distances(measure, label, weights, kinds) for label in labels}
                if group in MEANS and len(labels) > 1:
                    found[measure, MEANS[group]] = np.mean([found[measure, label] for label in labels], axis=0)
        return found

    def _distances(self, measure: Measure, label: str, weights: SideWeights, kinds: Sequence[Kind]) -> Floats:
        curves = self.curves[measure, label]
        real = curves["real"].pooled(weights.real)
        columns = []
        for kind in kinds:
            other = curves[kind].pooled(weights.synthetic if kind == "synthetic" else weights.other_real)
            columns.append(
                frechet_distance(real, other, size=weights.size)
                if measure == "spatial_fid"
                else curve_distance(measure, real, other)
            )
        return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class SetDistances:
    """How far the layouts of every kind are from real ones, in all splits and all resamples.

    Attributes:
        found: Of every place, in every split, (splits, 4), in the order of ``KINDS``.
        samples: Of every place, means over the splits in every resample, (resamples, 4); none without intervals.
    """

    found: dict[Place, Floats]
    samples: dict[Place, Floats] = field(default_factory=dict)

    def position_samples(self, place: Place, kind: Kind) -> Floats:
        """Return the position of a kind in every resample, (resamples,)."""
        return _positions(self.samples[place], kind)


def set_distances(
    sets: Sequence[ComparedSets], weights: Sequence[SideWeights], blocks: Iterable[Sequence[SideWeights]]
) -> list[SetDistances]:
    """Return the distances of several sets, which differ in their synthetic layouts alone.

    Args:
        sets: What is compared.
        weights: Of the splits, of every set; those of real layouts are the same.
        blocks: Weights of the same splits, resampled, resample by resample; none without intervals.
    """
    found = _distances_of_sets(sets, weights)
    splits = len(weights[0].real)
    samples: list[dict[Place, list[Floats]]] = [
        {place: [np.zeros((0, len(KINDS)))] for place in each} for each in found
    ]
    for block in blocks:
        for into, distances in zip(samples, _distances_of_sets(sets, block), strict=True):
            for place, values in distances.items():
                into[place].append(values.reshape(-1, splits, len(KINDS)).mean(axis=1))
    return [
        SetDistances(own, {place: np.concatenate(parts) for place, parts in drawn.items()})
        for own, drawn in zip(found, samples, strict=True)
    ]


def _distances_of_sets(sets: Sequence[ComparedSets], weights: Sequence[SideWeights]) -> list[dict[Place, Floats]]:
    """Return the distances of every set; those that all sets share are measured once."""
    first = sets[0].distances(weights[0])
    result = [first]
    for one, own in zip(sets[1:], weights[1:], strict=True):
        made = one.distances(own, kinds=KINDS[:1])
        result.append({place: np.concatenate([made[place], first[place][:, 1:]], axis=1) for place in first})
    return result


def compared_rows(arm: Arm, distances: SetDistances) -> tuple[list[LayoutRow], Overall]:
    """Return the rows of all measures, and the mean position over the columns of the table.

    Args:
        arm: How the layouts were treated.
        distances: Of :func:`set_distances`.
    """
    kinds: tuple[Kind, ...] = ("synthetic", "fitted")
    joined = {
        place: np.stack([distances.position_samples(place, kind) for kind in kinds], axis=1)
        for place in distances.found
    }
    rows = [_row(arm, place, values, joined[place]) for place, values in distances.found.items()]
    return rows, _overall(rows, joined)


def count_rows(
    arm: Arm,
    sets: ComparedSets,
    synthetic: Mapping[str, Floats],
    groups: Sequence[str],
    *,
    resamples: int,
    seed: int,
) -> list[CountRow]:
    """Return the numbers of cells of all layouts.

    Args:
        arm: How the layouts were treated.
        sets: What is compared.
        synthetic: Cells of all synthetic layouts, those in no split included, by label.
        groups: Group of every real layout.
        resamples: Of the bootstrap of the ratio; 0: no interval.
        seed: Of the bootstrap.
    """
    rows = []
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    for label in (ALL, *sets.classes):
        real, made = sets.counts["real"][label], synthetic[label]
        interval = None
        if resamples and real.any():
            rng = numpy_generator(seed, "count resample", label)
            by_group = np.stack([np.bincount(members, real), np.bincount(members)], axis=1)
            true = resampled_sums(by_group, resamples=resamples, generator=rng)
            drawn = resampled_sums(np.stack([made, np.ones(len(made))], axis=1), resamples=resamples, generator=rng)
            true_mean = np.where(true[:, 0] > 0, true[:, 0], np.nan) / true[:, 1]
            low, high = percentile_interval(drawn[:, 0] / drawn[:, 1] / true_mean)
            interval = (float(low), float(high))
        others = {kind: float(sets.counts[kind][label].mean()) for kind in KINDS}
        rows.append(
            CountRow(
                arm,
                label,
                real_mean=float(real.mean()),
                real_sd=_sd(real),
                synthetic_mean=float(made.mean()),
                synthetic_sd=_sd(made),
                random_mean=others["random"],
                fitted_mean=others["fitted"],
                interval=interval,
            )
        )
    return rows


def curve_bands(
    sets: ComparedSets, groups: Sequence[str], *, resamples: int, seed: int, kinds: Sequence[Kind] = KINDS
) -> tuple[CurveBand, ...]:
    """Return the curves of all cells, of every class and of the pairs of classes, with envelopes over patients.

    Pairs of classes have L and g, that is cross-K and cross-g.
    """
    rng = numpy_generator(seed, "curve resample")
    names, members = np.unique(np.asarray(groups), return_inverse=True)
    number = len(sets.counts["synthetic"][ALL])
    of_real = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)[:, members]
    of_synthetic = rng.multinomial(number, np.full(number, 1 / number), size=resamples)
    bands = []
    for (measure, label), curves in sets.curves.items():
        labels = labels_of(measure, sets.classes)
        crossed = labels["class pair"] if measure != "nearest_neighbour" else ()
        if measure == "spatial_fid" or label not in (ALL, *labels["class"], *crossed):
            continue
        for kind in kinds:
            times: npt.NDArray[np.int64] = of_synthetic if kind == "synthetic" else of_real
            whole = np.concatenate([np.ones((1, times.shape[1])), times])
            values = readable(measure, curves[kind].pooled(whole))
            low, high = percentile_interval(values[1:]) if resamples else (values[0], values[0])
            bands.append(CurveBand(kind, measure, label, values[0], low, high))
    return tuple(bands)


def _row(arm: Arm, place: Place, values: Floats, samples: Floats) -> LayoutRow:
    """Return a row from distances (splits, 4) and resampled positions (resamples, 2)."""
    levels = {kind: Level(float(column.mean()), _sd(column)) for kind, column in zip(KINDS, values.T, strict=True)}
    span = values[:, KINDS.index("random")] - values[:, KINDS.index("real")]
    row = LayoutRow(
        arm,
        *place,
        levels["synthetic"],
        levels["fitted"],
        levels["real"],
        levels["random"],
        float(2 * _sd(span) / np.sqrt(len(values))),
    )
    intervals = [
        None if score is None else centred_interval(score, column)
        for score, column in zip((row.position, row.fitted_position), samples.T, strict=True)
    ]
    return replace(row, interval=intervals[0], fitted_interval=intervals[1])


def _overall(rows: Sequence[LayoutRow], samples: Mapping[Place, Floats]) -> Overall:
    by_place = {(row.measure, row.label): row for row in rows}
    columns = [by_place[measure, label] for _, measure, label in COLUMNS if (measure, label) in by_place]
    told = [row for row in columns if row.position is not None and row.fitted_position is not None]
    if not told:
        return {"synthetic": (None, None), "fitted": (None, None)}
    drawn = np.mean([samples[row.measure, row.label] for row in told], axis=0)
    means = (
        float(np.mean([row.position for row in told])),
        float(np.mean([row.fitted_position for row in told])),
    )
    return {
        kind: (mean, centred_interval(mean, column))
        for kind, mean, column in zip(("synthetic", "fitted"), means, drawn.T, strict=True)
    }


def _positions(means: Floats, kind: Kind) -> Floats:
    """Return positions of distances (resamples, 4); NaN where random layouts are no farther than real ones."""
    floor, ceiling = means[:, KINDS.index("real")], means[:, KINDS.index("random")]
    span = np.where(ceiling > floor, ceiling - floor, np.nan)
    return np.asarray((means[:, KINDS.index(kind)] - floor) / span, np.float64)


def _sd(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
