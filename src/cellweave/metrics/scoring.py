"""Scoring predicted cells against annotated ones, over a set of images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.metrics.bootstrap import percentile_interval, resampled_sums
from cellweave.metrics.cell_scores import CellScores, ImageScore, Interval, ScoreIntervals, ScoreRow, radius_key
from cellweave.metrics.frame_radius import Radius
from cellweave.metrics.protocols import ScoringProtocol, pairing_rule
from cellweave.metrics.rates import Floats, count_errors, detection_rates, mean_of_defined
from cellweave.metrics.tally import Tally, tally_images

RATES = ("precision", "recall", "f1")


def score_cells(
    truth: Mapping[str, Cells],
    predictions: Mapping[str, Cells],
    *,
    protocol: ScoringProtocol,
    radii: Sequence[Radius],
    groups: Mapping[str, str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> CellScores:
    """Score predicted cells against annotated ones: of all cells regardless of class, and of every class by itself.

    True positives, false positives and false negatives are summed over the images before the rates are computed. Cells
    of unknown class count in ``all`` only. The classes are those of the truth, then those that only predictions have;
    where one side declares none, only ``all`` is scored. An image that only one side names is empty on the other.

    Args:
        truth: Annotated cells of every image.
        predictions: Predicted cells of every image, in the same frames.
        protocol: How cells are paired, see :data:`cellweave.metrics.PROTOCOLS`.
        radii: Distances within which a cell counts as found, lengths or radii of the 512-frame; those in µm need
            images of known scale.
        groups: Patient or slide of images; an image that is not named is a group by itself.
        resamples: Bootstrap resamples of the groups; 0 for no intervals. With few groups intervals are too narrow.
        seed: Of the resamples.

    Raises:
        InvalidInputError: There are no images or radii, a radius is there twice or needs a scale that is not known, the
            frames of an image differ, the protocol is unknown, or a class is called ``all``.

    Example:
        >>> from cellweave.core import Length
        >>> cells = Cells([[2, 2], [7, 7]], [0, 0], classes=["tumor"], shape=(9, 9))
        >>> scores = score_cells({"a": cells}, {"a": cells.select([0])}, protocol="matching", radii=[Length(5)])
        >>> scores.row("tumor", Length(5)).recall, scores.mae
        (0.5, 1.0)
    """
    _check(protocol, radii, resamples)
    tally = tally_images(truth, predictions, protocol=protocol, radii=radii, confusion=True)
    group = _group_numbers(tally.images, groups or {})
    sums = _sums_by_group(tally, group)
    measured = _measure(sums.sum(axis=0), tally)
    ends = None
    if resamples and len(sums) > 1:  # one group tells nothing about others
        drawn = resampled_sums(sums, resamples=resamples, generator=numpy_generator(seed, "bootstrap"))
        samples = _measure(drawn, tally)
        ends = _Measured(*(percentile_interval(values) for values in (samples.rates, samples.mean_f1, samples.errors)))
    keys = [radius_key(radius) for radius in radii]
    mae, rmse = measured.errors.tolist()
    return CellScores(
        protocol,
        _rows(tally, radii, measured, ends),
        {key: _or_none(value) for key, value in zip(keys, measured.mean_f1, strict=True)},
        mae,
        rmse,
        images=len(tally.images),
        groups=len(sums),
        intervals=None if ends is None else _intervals(ends, keys, groups=len(sums), resamples=resamples),
        notes=_notes(tally),
        confusions=dict(zip(keys, tally.confusions, strict=False)),  # none without classes
        per_image=_per_image(tally, radii, groups or {}),
    )


@dataclass(frozen=True, eq=False)
class _Measured:
    """Rates (..., radii, labels, 3), mean class F1 (..., radii), MAE and RMSE (..., 2); NaN where undefined."""

    rates: Floats
    mean_f1: Floats
    errors: Floats


def _check(protocol: str, radii: Sequence[Radius], resamples: int) -> None:
    pairing_rule(protocol)
    if not radii:
        raise InvalidInputError("there is no radius to score at; give one, such as 6 px.")
    if len(set(radii)) < len(radii):
        given = ", ".join(f"{radius.value:g} {radius.unit}" for radius in radii)
        raise InvalidInputError(f"a radius is given twice ({given}); give each once.")
    if resamples < 0:
        raise InvalidInputError(f"the number of resamples must be >= 0, got {resamples}.")


def _group_numbers(images: Sequence[str], groups: Mapping[str, str]) -> npt.NDArray[np.int64]:
    """Return the number of the group of every image, from 0; an image's own name is never taken for a group's."""
    keys = [("group", groups[image]) if image in groups else ("image", image) for image in images]
    numbers = {key: number for number, key in enumerate(sorted(set(keys)))}
    return np.array([numbers[key] for key in keys], np.int64)


def _sums_by_group(tally: Tally, group: npt.NDArray[np.int64]) -> Floats:
    """Return the counts and count errors, flattened and joined, summed over the images of a group."""
    terms = np.concatenate([tally.counts.reshape(len(group), -1), tally.errors], axis=1)
    sums = np.zeros((group.max() + 1, terms.shape[1]))
    np.add.at(sums, group, terms)
    return sums


def _measure(sums: Floats, tally: Tally) -> _Measured:
    counts = sums[..., :-3].reshape(*sums.shape[:-1], *tally.counts.shape[1:])
    rates = detection_rates(counts)
    return _Measured(rates, mean_of_defined(rates[..., 1:, RATES.index("f1")]), count_errors(sums[..., -3:]))


def _rows(tally: Tally, radii: Sequence[Radius], measured: _Measured, ends: _Measured | None) -> tuple[ScoreRow, ...]:
    totals = tally.counts.sum(axis=0)
    equal = tally.radii_px.min(axis=0) == tally.radii_px.max(axis=0)  # False for NaN
    radii_px = np.where(equal, tally.radii_px[0], np.nan)
    rows = _rows_of(tally.labels, radii, radii_px, totals, measured.rates)
    if ends is None:
        return rows
    per_row = ends.rates.reshape(2, -1, len(RATES))
    return tuple(
        replace(row, intervals={name: _interval(per_row[:, n, i]) for i, name in enumerate(RATES)})
        for n, row in enumerate(rows)
    )


def _rows_of(
    labels: Sequence[str], radii: Sequence[Radius], radii_px: Floats, counts: npt.NDArray[np.int64], rates: Floats
) -> tuple[ScoreRow, ...]:
    """Return the rows of counts and rates (radii, labels, 3)."""
    rows = []
    for radius, in_px, of_radius, rates_of_radius in zip(
        radii, radii_px.tolist(), counts.tolist(), rates.tolist(), strict=True
    ):
        for label, (tp, fp, fn), values in zip(labels, of_radius, rates_of_radius, strict=True):
            precision, recall, f1 = (_or_none(value) for value in values)
            rows.append(ScoreRow(radius, _or_none(in_px), label, precision, recall, f1, tp, fp, fn))
    return tuple(rows)


def _per_image(tally: Tally, radii: Sequence[Radius], groups: Mapping[str, str]) -> tuple[ImageScore, ...]:
    rates = detection_rates(tally.counts)
    tp, fp, fn = np.moveaxis(tally.counts[:, 0, 0], -1, 0)  # of all cells; any radius tells
    return tuple(
        ImageScore(
            image,
            groups.get(image),
            int(tp[i] + fn[i]),
            int(tp[i] + fp[i]),
            _rows_of(tally.labels, radii, tally.radii_px[i], tally.counts[i], rates[i]),
        )
        for i, image in enumerate(tally.images)
    )


def _intervals(ends: _Measured, keys: Sequence[str], *, groups: int, resamples: int) -> ScoreIntervals:
    mean_f1 = {key: _interval(ends.mean_f1[:, r]) for r, key in enumerate(keys)}
    mae, rmse = (_interval(ends.errors[:, i]) for i in (0, 1))
    return ScoreIntervals(groups, resamples, mean_f1, mae, rmse)


def _notes(tally: Tally) -> tuple[str, ...]:
    tp, fp, fn = np.moveaxis(tally.counts[:, 0].sum(axis=0), -1, 0)  # (labels,) each; any radius tells
    classes = list(zip(tally.labels, tp + fn, tp + fp, strict=True))[1:]
    absent = [name for name, true, predicted in classes if true == predicted == 0]
    spurious = [name for name, true, predicted in classes if true == 0 < predicted]
    notes = []
    if absent:
        notes.append(f"neither truth nor predictions have a cell of {', '.join(absent)}: left out of the class mean.")
    if spurious:
        notes.append(f"only predictions have cells of {', '.join(spurious)}: F1 is 0 and counts in the class mean.")
    return tuple(notes)


def _interval(ends: Floats) -> Interval:
    low, high = ends.tolist()
    return None if math.isnan(low) else (low, high)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
