"""Several sets of synthetic layouts beside one another: each one's scores, their spread, and paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from cellweave.metrics.cell_scores import ALL
from cellweave.metrics.layout_bootstrap import Interval, centred_interval
from cellweave.metrics.layout_comparison import Place, SetDistances
from cellweave.metrics.layout_curves import MEASURES
from cellweave.metrics.layout_scores import COLUMNS, LayoutRow, LayoutScores
from cellweave.metrics.layout_statistics import Floats, Measure


class Spread(NamedTuple):
    """The mean of a number over several sets, the smallest and the largest."""

    mean: float
    smallest: float
    largest: float

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Spread | None:
        """Return the spread of numbers; None where one of them is not defined."""
        known = np.array([np.nan if one is None else one for one in values], np.float64)
        if not np.isfinite(known).all():
            return None
        return cls(float(known.mean()), float(known.min()), float(known.max()))

    def to_json(self) -> dict[str, float]:
        """Return the spread as JSON."""
        return self._asdict()


class Change(NamedTuple):
    """A number of a set less that of the first set.

    Attributes:
        value: The difference; None where one of the two is not defined.
        interval: Its 95 % bootstrap interval over the same patients and layouts drawn for both sets; None where not
            asked for, or hardly ever defined.
    """

    value: float | None
    interval: Interval | None

    def to_json(self) -> dict[str, Any]:
        """Return the difference as JSON."""
        return {"value": self.value, "interval": None if self.interval is None else list(self.interval)}


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """How much farther from real layouts a set is than the first one, in one measure; below 0: it is nearer.

    Attributes:
        measure: Which.
        label: ``all``, a class, ``a → b``, ``a – b``, or ``mean of classes``, ``mean of class pairs``.
        distance: Of the distances.
        position: Of the positions.
    """

    measure: Measure
    label: str
    distance: Change
    position: Change

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON."""
        return {
            "measure": self.measure,
            "unit": MEASURES[self.measure],
            "label": self.label,
            "distance": self.distance.to_json(),
            "position": self.position.to_json(),
        }


@dataclass(frozen=True, slots=True)
class SetDifference:
    """A set beside the first one.

    Attributes:
        name: Of the set.
        first: Of the first set.
        rows: In every measure.
        overall: Of the mean position over the columns of the table that have one for both.
    """

    name: str
    first: str
    rows: tuple[DifferenceRow, ...]
    overall: Change

    def row(self, measure: Measure, label: str = ALL) -> DifferenceRow:
        """Return the row of a measure and label.

        Raises:
            KeyError: There is none.
        """
        for one in self.rows:
            if (one.measure, one.label) == (measure, label):
                return one
        raise KeyError(f"no row {(measure, label)}")

    def to_json(self) -> dict[str, Any]:
        """Return the differences as JSON."""
        return {
            "set": self.name,
            "less": self.first,
            "overall_position": self.overall.to_json(),
            "rows": [row.to_json() for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class LayoutSetScores:
    """Scores of several sets of synthetic layouts against the same real ones.

    Attributes:
        names: Of the sets.
        scores: Of every set. Random, fitted and real layouts, and so floors and ceilings, are the same in all; their
            curves are those of the first.
        differences: Of every set after the first from the first, in the first arm.
    """

    names: tuple[str, ...]
    scores: tuple[LayoutScores, ...]
    differences: tuple[SetDifference, ...]

    def distance(self, measure: Measure, label: str = ALL) -> Spread | None:
        """Return the spread of a distance, in the first arm; None where a set has none."""
        return Spread.of([one.row(measure, label).distance.mean for one in self.scores])

    def position(self, measure: Measure, label: str = ALL) -> Spread | None:
        """Return the spread of a position, in the first arm; None where a set has none."""
        return Spread.of([one.row(measure, label).position for one in self.scores])

    @property
    def overall(self) -> Spread | None:
        """The spread of the mean position of the sets over the columns of the table."""
        return Spread.of([one.overall["synthetic"][0] for one in self.scores])

    @property
    def count_ratio(self) -> Spread | None:
        """The spread of the numbers of cells relative to those of real layouts."""
        return Spread.of([one.count_row().ratio for one in self.scores])

    def to_json(self) -> dict[str, Any]:
        """Return the scores as JSON: numbers, text, lists and null only."""
        arm = self.scores[0].arms[0]
        spreads = [
            {
                "arm": arm,
                "measure": row.measure,
                "unit": MEASURES[row.measure],
                "label": row.label,
                "distance": _json(self.distance(row.measure, row.label)),
                "position": _json(self.position(row.measure, row.label)),
            }
            for row in self.scores[0].rows
            if row.arm == arm
        ]
        return {
            "sets": [{"name": name, **one.to_json()} for name, one in zip(self.names, self.scores, strict=True)],
            "mean": {
                "sets": len(self.names),
                "overall_position": _json(self.overall),
                "count_ratio": _json(self.count_ratio),
                "rows": spreads,
            },
            "differences": [one.to_json() for one in self.differences],
        }


def set_differences(
    names: Sequence[str], rows: Sequence[Sequence[LayoutRow]], distances: Sequence[SetDistances]
) -> tuple[SetDifference, ...]:
    """Return the differences of every set after the first from the first.

    Args:
        names: Of the sets.
        rows: Of every set, of one arm.
        distances: What the rows were made of, by the same resamples.
    """
    by_place = [{(row.measure, row.label): row for row in each} for each in rows]
    result = []
    for name, own, measured in zip(names[1:], by_place[1:], distances[1:], strict=True):
        found = [_difference(place, (by_place[0][place], own[place]), (distances[0], measured)) for place in own]
        result.append(SetDifference(name, names[0], tuple(found), _overall(found, (distances[0], measured))))
    return tuple(result)


def _difference(
    place: Place, rows: tuple[LayoutRow, LayoutRow], distances: tuple[SetDistances, SetDistances]
) -> DifferenceRow:
    before, after = rows
    drawn = distances[1].samples[place][:, 0] - distances[0].samples[place][:, 0]
    return DifferenceRow(
        *place,
        distance=_change(after.distance.mean - before.distance.mean, drawn),
        position=(
            Change(None, None)
            if before.position is None or after.position is None
            else _change(after.position - before.position, _position_samples(place, distances))
        ),
    )


def _overall(rows: Sequence[DifferenceRow], distances: tuple[SetDistances, SetDistances]) -> Change:
    by_place = {(row.measure, row.label): row.position.value for row in rows}
    columns: list[Place] = [(measure, label) for _, measure, label in COLUMNS]
    told = {place: value for place in columns if (value := by_place.get(place)) is not None}
    if not told:
        return Change(None, None)
    drawn = np.mean([_position_samples(place, distances) for place in told], axis=0)
    return _change(float(np.mean(list(told.values()))), drawn)


def _position_samples(place: Place, distances: tuple[SetDistances, SetDistances]) -> Floats:
    before, after = (one.position_samples(place, "synthetic") for one in distances)
    return np.asarray(after - before, np.float64)


def _change(value: float, samples: Floats) -> Change:
    return Change(value if np.isfinite(value) else None, centred_interval(value, samples))


def _json(spread: Spread | None) -> dict[str, float] | None:
    return None if spread is None else spread.to_json()
