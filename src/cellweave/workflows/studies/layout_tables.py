"""The results of a study of layout models as tables: measures of the arms, differences of pairs, cost of the arms."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cellweave.metrics.layout_scores import KINDS
from cellweave.workflows.studies.arm_values import ArmValues, difference
from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.layout_measures import labels_of_numbers
from cellweave.workflows.studies.layout_values import Measured, Quantity, arm_values, fold_means, position
from cellweave.workflows.studies.spread import Spread, verdict

Results = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""Result of every trial that has ended, by arm and seed."""

BETTER: Mapping[Measured, int] = {"position": -1, "distance": -1, "met": 1}
"""What claims are of: 1 where more is better, -1 where less is."""


@dataclass(frozen=True, eq=False)
class LayoutTables:
    """What a study has come to so far.

    Attributes:
        scores: One row an arm and quantity: arm, measured, of, mean and sd over seeds, low and high end of the 95 %
            interval over patients, layouts and seeds, seeds.
        differences: The same for every pair and quantity that claims are of: better, other, ..., verdict.
        arms: One row an arm: title, value, parameters, seconds_per_step, seconds_per_layout, threads, hardware, seeds,
            and why the arm failed if it did.
        references: What positions lie between: one row a measure, with the distances of ``real``, ``random`` and
            ``fitted`` layouts from held-out ones and the position of the latter.
        sizes: Layouts on either side of a comparison, of every fold.
        held_out: Number of images held out, of all folds.
        labels: ``all``, then the classes.
    """

    scores: pd.DataFrame
    differences: pd.DataFrame
    arms: pd.DataFrame
    references: pd.DataFrame
    sizes: tuple[int, ...]
    held_out: int
    labels: tuple[str, ...]

    def row(self, arm: str, measured: Measured, of: str) -> pd.Series[Any] | None:
        """Return the row of an arm's quantity; None where the arm has no result."""
        if self.scores.empty:
            return None
        table = self.scores
        found = table[(table["arm"] == arm) & (table["measured"] == measured) & (table["of"] == of)]
        return found.iloc[0] if len(found) else None

    def columns(self, measured: Measured) -> list[str]:
        """Return what a quantity is measured of, in order."""
        if self.scores.empty:
            return []
        of = self.scores.loc[self.scores["measured"] == measured, "of"]
        return list(dict.fromkeys(of))


def make_layout_tables(design: Design, results: Results) -> LayoutTables:
    """Return the tables of the results that are there; arms without any are left out.

    Raises:
        OutputError: A result is damaged.
        InvalidInputError: Arms of a pair were compared with different images.
    """
    measured: dict[str, ArmValues[Quantity]] = {}
    some: Mapping[str, Any] | None = None
    for arm in design.arms:
        ended = {seed: one for seed, one in results.get(arm.name, {}).items() if one["failed"] is None}
        if ended:
            measured[arm.name] = arm_values(arm.name, ended)
            some = some or next(iter(ended.values()))
    scores: list[dict[str, Any]] = []
    for name, values in measured.items():
        scores += _rows({"arm": name}, values, values.spread())
    differences: list[dict[str, Any]] = []
    for pair in design.pairs:
        if pair.better in measured and pair.other in measured:
            between = difference(measured[pair.better], measured[pair.other])
            if between is not None:
                rows = _rows({"better": pair.better, "other": pair.other}, measured[pair.better], between)
                differences += [row | {"verdict": _verdict(row)} for row in rows if row["measured"] in BETTER]
    return LayoutTables(
        pd.DataFrame(scores),
        pd.DataFrame(differences),
        pd.DataFrame([_cost(arm.name, results[arm.name]) for arm in design.arms if results.get(arm.name)]),
        pd.DataFrame([] if some is None else _references(some)),
        () if some is None else tuple(int(fold["size"]) for fold in some["folds"]),
        0 if some is None else sum(len(fold["held_out"]) for fold in some["folds"]),
        () if some is None else labels_of_numbers(some["classes"]),
    )


def _rows(names: dict[str, str], values: ArmValues[Quantity], of_arm: Spread) -> list[dict[str, Any]]:
    numbers = {"mean": of_arm.mean, "sd": of_arm.sd, "low": of_arm.low, "high": of_arm.high}
    return [
        {**names, "measured": quantity.measured, "of": quantity.of}
        | {name: round(float(array[q]), 6) for name, array in numbers.items()}
        | {"seeds": len(of_arm.seeds)}
        for q, quantity in enumerate(values.quantities)
    ]


def _verdict(row: Mapping[str, Any]) -> str:
    if math.isnan(row["low"]):
        return "–"
    low, high = row["low"], row["high"]
    return verdict(low, high) if BETTER[row["measured"]] > 0 else verdict(-high, -low)


def _references(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for title, distances in fold_means(result).items():
        each = {kind: float(distances[KINDS.index(kind)]) for kind in ("real", "random", "fitted")}
        rows.append({"of": title, **each, "fitted_position": float(position(distances, "fitted"))})
    return rows


def _cost(arm: str, results: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    some = next(iter(results.values()))
    folds = [fold for one in results.values() if one["failed"] is None for fold in one["folds"]]
    reasons = [f"seed {seed}: {one['failed']}" for seed, one in sorted(results.items()) if one["failed"] is not None]
    return {
        "arm": arm,
        "title": some["title"],
        "value": some["value"],
        "parameters": folds[0]["parameters"] if folds else None,
        "seconds_per_step": _median(folds, "seconds_per_step"),
        "seconds_per_layout": _median(folds, "seconds_per_layout"),
        "threads": some["threads"],
        "hardware": some["hardware"],
        "seeds": ",".join(str(seed) for seed in sorted(results)),
        "failed": "; ".join(reasons),
    }


def _median(folds: Sequence[Mapping[str, Any]], key: str) -> float:
    return round(statistics.median(fold[key] for fold in folds), 4) if folds else float("nan")
