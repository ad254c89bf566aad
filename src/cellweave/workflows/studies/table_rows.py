"""The rows of a study's tables, whatever is measured: scores of the arms, differences of pairs, and the arms."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd

from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.spread import UNKNOWN, Sampled, Spread, verdict

TrialResult = Mapping[str, Any]
"""What a trial has come to, JSON."""

Results = Mapping[str, Mapping[int, TrialResult]]
"""Result of every trial that has ended, by arm and seed."""

Row = dict[str, Any]
Place = tuple[tuple[int, ...], Row]
"""Where a measure stands in the arrays of a spread, and the columns that say which measure it is."""

_MACHINE = ("hardware", "threads")
_AND = "; "
"""Between the values of one cell of a table."""


class Measured(Sampled, Protocol):
    """The measures of one arm."""

    def spread(self) -> Spread:
        """Return mean, spread over seeds and interval."""


MeasuredT = TypeVar("MeasuredT", bound=Measured)
ValueT = TypeVar("ValueT")


def measured_arms(
    design: Design, results: Results, measure: Callable[[str, Mapping[int, TrialResult]], ValueT]
) -> dict[str, ValueT]:
    """Return what was measured of the arms that have results, in the order of the design.

    Args:
        design: Of the study.
        results: All that are there.
        measure: Returns the measures of an arm, given its name and the results of the seeds that did not fail.
    """
    ended = {arm.name: successful_trials(results.get(arm.name, {})) for arm in design.arms}
    return {name: measure(name, of_arm) for name, of_arm in ended.items() if of_arm}


def successful_trials(results: Mapping[int, TrialResult]) -> dict[int, TrialResult]:
    """Return the results of an arm that did not fail, by seed."""
    return {seed: one for seed, one in results.items() if one["failed"] is None}


def score_rows(measured: Mapping[str, MeasuredT], places: Callable[[MeasuredT], Iterable[Place]]) -> list[Row]:
    """Return one row for every arm and measure: arm, the measure's columns, mean, sd, low, high and seeds.

    Args:
        measured: Measures of the arms.
        places: Returns the places of an arm's measures.
    """
    return [row for name, one in measured.items() for row in _rows({"arm": name}, places(one), one.spread())]


def difference_rows(
    design: Design,
    measured: Mapping[str, MeasuredT],
    difference: Callable[[MeasuredT, MeasuredT], Spread | None],
    *,
    places: Callable[[MeasuredT], Iterable[Place]],
    better: Callable[[Row], int | None],
    undefined: str = UNKNOWN,
) -> list[Row]:
    """Return one row for every pair and measure: better, other, then as :func:`score_rows`, and the verdict.

    Args:
        design: Says which pairs there are; those with an arm that is not measured have no rows.
        measured: Measures of the arms.
        difference: Returns the measures of one arm minus those of another, None where these cannot be subtracted.
        places: Returns the places of an arm's measures.
        better: Returns 1 for the row of a measure of which more is better, -1 where less is, None where nothing is
            claimed of it: these have no rows.
        undefined: Verdict where the interval is not defined.

    Raises:
        InvalidInputError: Arms of a pair were measured on different images.
    """
    rows = []
    for pair in design.pairs:
        if pair.better not in measured or pair.other not in measured:
            continue
        between = difference(measured[pair.better], measured[pair.other])
        if between is None:
            continue
        for row in _rows({"better": pair.better, "other": pair.other}, places(measured[pair.better]), between):
            sign = better(row)
            if sign is not None:
                rows.append(row | {"verdict": _verdict(row, sign, undefined)})
    return rows


def arm_rows(
    design: Design, results: Results, cost: Callable[[Mapping[int, TrialResult]], Row] = lambda _: {}
) -> list[Row]:
    """Return one row for every arm that has results: what it is, what it costs, where it was run, and why it failed.

    Args:
        design: Of the study.
        results: All that are there.
        cost: Returns what the results of an arm say of its cost.
    """
    return [_arm_row(arm.name, results[arm.name], cost) for arm in design.arms if results.get(arm.name)]


def row_where(table: pd.DataFrame, **wanted: str | float) -> pd.Series[Any] | None:
    """Return the first row of a table whose columns have these values; None where there is none."""
    if table.empty:
        return None
    keep = np.ones(len(table), bool)
    for column, value in wanted.items():
        keep &= (table[column] == value).to_numpy()
    return table[keep].iloc[0] if keep.any() else None


def median_cost(values: Sequence[float]) -> float:
    """Return the median of times or speeds to four digits after the point; NaN where there are none."""
    return round(statistics.median(values), 4) if values else math.nan


def titles_of(arms: pd.DataFrame) -> dict[str, str]:
    """Return the title of every arm of a table of :func:`arm_rows`, by name."""
    return dict(zip(arms["arm"], arms["title"], strict=True)) if len(arms) else {}


def seeds_in_words(arms: pd.DataFrame) -> str:
    """Return the seeds that some arm of a table of :func:`arm_rows` was run with."""
    return ", ".join(sorted({seed for one in arms["seeds"] for seed in one.split(",")}, key=int))


def machines_in_words(arms: pd.DataFrame) -> str:
    """Return what the arms of a table of :func:`arm_rows` were run on."""
    hardware, threads = ({one for cell in arms[name] for one in str(cell).split(_AND)} for name in _MACHINE)
    return f"{', '.join(sorted(hardware))}, {', '.join(sorted(threads, key=int))} threads"


def _rows(names: Row, places: Iterable[Place], spread: Spread) -> list[Row]:
    arrays = {"mean": spread.mean, "sd": spread.sd, "low": spread.low, "high": spread.high}
    return [
        {**names, **columns}
        | {name: round(float(array[at]), 6) for name, array in arrays.items()}
        | {"seeds": len(spread.seeds)}
        for at, columns in places
    ]


def _verdict(row: Row, better: int, undefined: str) -> str:
    low, high = row["low"], row["high"]
    if math.isnan(low):
        return undefined
    return verdict(low, high) if better > 0 else verdict(-high, -low)


def _arm_row(arm: str, results: Mapping[int, TrialResult], cost: Callable[[Mapping[int, TrialResult]], Row]) -> Row:
    some = next(iter(results.values()))
    reasons = [f"seed {seed}: {one['failed']}" for seed, one in sorted(results.items()) if one["failed"] is not None]
    return {
        "arm": arm,
        "title": some["title"],
        "value": some["value"],
        **cost(results),
        "threads": _distinct(results, "threads"),
        "hardware": _distinct(results, "hardware"),
        "seeds": ",".join(str(seed) for seed in sorted(results)),
        "failed": _AND.join(reasons),
    }


def _distinct(results: Mapping[int, TrialResult], name: str) -> str | int:
    """Return what the results of all seeds say, as it is where they agree."""
    found = sorted({one[name] for one in results.values()})
    return found[0] if len(found) == 1 else _AND.join(str(one) for one in found)
