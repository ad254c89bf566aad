"""The results of a localiser study as tables: scores of the arms, differences of pairs, cost of the arms."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cellweave.metrics.rates import Floats
from cellweave.workflows.studies.counts import PROTOCOL_NAMES, gather
from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.held_out import STUDY_DECODERS
from cellweave.workflows.studies.scores import ArmScores, difference, score_arm, spread
from cellweave.workflows.studies.spread import Spread, verdict

LOWER_IS_BETTER = ("mae", "rmse")

Results = Mapping[str, Mapping[int, Mapping[str, Any]]]
"""Result of every trial that has ended, by arm and seed."""


@dataclass(frozen=True, eq=False)
class StudyTables:
    """What a study has come to so far.

    Attributes:
        scores: One row for every arm, decoder, protocol, radius and measure: mean and sd over seeds, low and high end
            of the 95 % interval over groups, seeds.
        differences: The same for every pair: the better arm by the claim minus the other, and the verdict on the claim.
        arms: One row an arm: title, value, parameters, seconds_per_step, megapixels_per_second (by the clock),
            megapixels_per_core_second (of work, CPUs only), threads, hardware, seeds, and why the arm failed if it did.
        images: Number of images held out.
        groups: Number of patients or slides.
        labels: ``all``, then the classes.
    """

    scores: pd.DataFrame
    differences: pd.DataFrame
    arms: pd.DataFrame
    images: int
    groups: int
    labels: tuple[str, ...]

    def row(self, arm: str, *, decoder: str, protocol: str, radius_px: float, measure: str) -> pd.Series[Any] | None:
        """Return the row of an arm's score; None where the arm has no result."""
        return _only(self.scores, arm=arm, decoder=decoder, protocol=protocol, radius_px=radius_px, measure=measure)


def make_tables(design: Design, radii_px: Sequence[float], results: Results) -> StudyTables:
    """Return the tables of the results that are there; arms without any are left out.

    Raises:
        OutputError: A result is damaged.
        InvalidInputError: Arms of a pair were scored on different images.
    """
    scored: dict[str, ArmScores] = {}
    for arm in design.arms:
        ended = {seed: one for seed, one in results.get(arm.name, {}).items() if one["failed"] is None}
        if ended:
            scored[arm.name] = score_arm(gather(arm.name, ended))
    scores: list[dict[str, Any]] = []
    for name, arm_scores in scored.items():
        scores += _rows({"arm": name}, spread(arm_scores), arm_scores.measures, radii_px)
    differences: list[dict[str, Any]] = []
    for pair in design.pairs:
        if pair.better in scored and pair.other in scored:
            between = difference(scored[pair.better], scored[pair.other])
            if between is not None:
                measures = scored[pair.better].measures
                rows = _rows({"better": pair.better, "other": pair.other}, between, measures, radii_px)
                differences += [row | {"verdict": _verdict(row)} for row in rows]
    any_counts = next((one.counts for one in scored.values()), None)
    return StudyTables(
        pd.DataFrame(scores),
        pd.DataFrame(differences),
        pd.DataFrame([_cost(arm.name, results[arm.name]) for arm in design.arms if results.get(arm.name)]),
        0 if any_counts is None else len(any_counts.images),
        0 if any_counts is None else len(set(any_counts.groups)),
        () if any_counts is None else any_counts.labels,
    )


def _rows(
    names: dict[str, str], of_arm: Spread, measures: Sequence[str], radii_px: Sequence[float]
) -> list[dict[str, Any]]:
    rows = []
    for d, decoder in enumerate(STUDY_DECODERS):
        for p, protocol in enumerate(PROTOCOL_NAMES):
            for r, radius in enumerate(radii_px):
                for m, measure in enumerate(measures):
                    at = (d, p, r, m)
                    values = {"mean": of_arm.mean, "sd": of_arm.sd, "low": of_arm.low, "high": of_arm.high}
                    where = {"decoder": decoder, "protocol": protocol, "radius_px": float(radius), "measure": measure}
                    numbers: dict[str, Any] = {name: _at(array, at) for name, array in values.items()}
                    rows.append(names | where | numbers | {"seeds": len(of_arm.seeds)})
    return rows


def _at(array: Floats, at: tuple[int, int, int, int]) -> float:
    return round(float(array[at]), 6)


def _verdict(row: Mapping[str, Any]) -> str:
    low, high = row["low"], row["high"]
    return verdict(-high, -low) if row["measure"] in LOWER_IS_BETTER else verdict(low, high)


def _cost(arm: str, results: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    some = next(iter(results.values()))
    ended = [one for one in results.values() if one["failed"] is None]
    reasons = [f"seed {seed}: {one['failed']}" for seed, one in sorted(results.items()) if one["failed"] is not None]
    return {
        "arm": arm,
        "title": some["title"],
        "value": some["value"],
        "parameters": some["parameters"],
        "seconds_per_step": _median(ended, "seconds_per_step"),
        "megapixels_per_second": _median(ended, "megapixels_per_second"),
        "megapixels_per_core_second": _median(ended, "megapixels_per_core_second"),
        "threads": some["threads"],
        "hardware": some["hardware"],
        "seeds": ",".join(str(seed) for seed in sorted(results)),
        "failed": "; ".join(reasons),
    }


def _median(results: Sequence[Mapping[str, Any]], key: str) -> float:
    values = [value for one in results for value in one[key]]
    return round(statistics.median(values), 4) if values else float("nan")


def _only(table: pd.DataFrame, **wanted: str | float) -> pd.Series[Any] | None:
    if table.empty:
        return None
    keep = np.ones(len(table), bool)
    for column, value in wanted.items():
        keep &= (table[column] == value).to_numpy()
    return table[keep].iloc[0] if keep.any() else None
