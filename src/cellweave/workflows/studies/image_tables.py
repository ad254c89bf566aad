"""The results of a study of image models as tables: measures of the arms, differences of pairs, and references."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cellweave.workflows.studies.arm_values import ArmValues, difference
from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.image_values import BETTER, image_values, reference_values
from cellweave.workflows.studies.spread import Spread, verdict

Results = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""Result of every trial that has ended, by arm and seed."""


@dataclass(frozen=True, eq=False)
class ImageTables:
    """What a study has come to so far.

    Attributes:
        scores: One row an arm and measure: arm, measure, mean and sd over seeds, low and high end of the 95 % interval,
            seeds.
        differences: The same for every pair and measure: better, other, ..., verdict.
        arms: One row an arm: title, value, threads, hardware, seeds, and why the arm failed if it did.
        references: What values lie between: one row an arm, kind (``real``, ``learnt``, ``dots``) and measure.
        tiles: Squares of 32 µm on either side of a comparison, all folds; of every arm.
        features: Numbers that a tile is described by.
        alike: Whether all arms were compared with the same real patches, so that their distances compare.
    """

    scores: pd.DataFrame
    differences: pd.DataFrame
    arms: pd.DataFrame
    references: pd.DataFrame
    tiles: dict[str, int]
    features: int
    alike: bool

    def row(self, arm: str, measure: str) -> pd.Series[Any] | None:
        """Return the row of an arm's measure; None where the arm has no result."""
        if self.scores.empty:
            return None
        found = self.scores[(self.scores["arm"] == arm) & (self.scores["measure"] == measure)]
        return found.iloc[0] if len(found) else None

    def measures(self) -> list[str]:
        """Return the measures that are defined for some arm, in order."""
        if self.scores.empty:
            return []
        return list(dict.fromkeys(self.scores.loc[self.scores["mean"].notna(), "measure"]))


def make_image_tables(design: Design, results: Results) -> ImageTables:
    """Return the tables of the results that are there; arms without any are left out.

    Raises:
        OutputError: A result is damaged.
        InvalidInputError: Arms of a pair were compared with different images.
    """
    measured: dict[str, ArmValues[str]] = {}
    references: list[dict[str, Any]] = []
    tiles: dict[str, int] = {}
    features = 0
    scales: set[int] = set()
    for arm in design.arms:
        ended = {seed: one for seed, one in results.get(arm.name, {}).items() if one["failed"] is None}
        if ended:
            measured[arm.name] = image_values(arm.name, ended)
            some = next(iter(ended.values()))
            tiles[arm.name] = sum(fold["tiles"] for fold in some["folds"])
            scales |= {fold["reduce"] for fold in some["folds"]}
            features = some["folds"][0]["features"]
            for kind, values in reference_values(some).items():
                references += [{"arm": arm.name, "kind": kind, "measure": k, "value": v} for k, v in values.items()]
    scores: list[dict[str, Any]] = []
    for name, values_of_arm in measured.items():
        scores += _rows({"arm": name}, values_of_arm, values_of_arm.spread())
    differences: list[dict[str, Any]] = []
    for pair in design.pairs:
        if pair.better in measured and pair.other in measured:
            between = difference(measured[pair.better], measured[pair.other])
            if between is not None:
                rows = _rows({"better": pair.better, "other": pair.other}, measured[pair.better], between)
                differences += [row | {"verdict": _verdict(row)} for row in rows]
    arms = [_about(arm.name, results[arm.name]) for arm in design.arms if results.get(arm.name)]
    return ImageTables(
        pd.DataFrame(scores),
        pd.DataFrame(differences),
        pd.DataFrame(arms),
        pd.DataFrame(references),
        tiles,
        features,
        len(scales) <= 1,
    )


def _rows(names: dict[str, str], values: ArmValues[str], of_arm: Spread) -> list[dict[str, Any]]:
    numbers = {"mean": of_arm.mean, "sd": of_arm.sd, "low": of_arm.low, "high": of_arm.high}
    return [
        {**names, "measure": measure}
        | {name: round(float(array[q]), 6) for name, array in numbers.items()}
        | {"seeds": len(of_arm.seeds)}
        for q, measure in enumerate(values.quantities)
    ]


def _verdict(row: Mapping[str, Any]) -> str:
    if math.isnan(row["low"]):
        return "–"
    low, high = row["low"], row["high"]
    return verdict(low, high) if BETTER[row["measure"]] > 0 else verdict(-high, -low)


def _about(arm: str, results: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    some = next(iter(results.values()))
    reasons = [f"seed {seed}: {one['failed']}" for seed, one in sorted(results.items()) if one["failed"] is not None]
    return {
        "arm": arm,
        "title": some["title"],
        "value": some["value"],
        "threads": some["threads"],
        "hardware": some["hardware"],
        "seeds": ",".join(str(seed) for seed in sorted(results)),
        "failed": "; ".join(reasons),
    }


def titles_of(tables: ImageTables) -> dict[str, str]:
    """Return the title of every arm that has a result."""
    return dict(zip(tables.arms["arm"], tables.arms["title"], strict=True)) if len(tables.arms) else {}


def reference_of(tables: ImageTables, kind: str, measure: str, arms: Sequence[str]) -> float:
    """Return the value of a reference, mean over arms; NaN where there is none."""
    if tables.references.empty:
        return math.nan
    table = tables.references
    rows = table[(table["kind"] == kind) & (table["measure"] == measure) & table["arm"].isin(arms)]
    return float(rows["value"].mean()) if len(rows) else math.nan
