"""The results of a study of layout models as tables: measures of the arms, differences of pairs, cost of the arms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cellweave.metrics.layout_scores import KINDS
from cellweave.workflows.studies.arm_values import ArmValues, difference
from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.layout_measures import labels_of_numbers
from cellweave.workflows.studies.layout_values import Measured, Quantity, arm_values, fold_means, position
from cellweave.workflows.studies.table_rows import (
    Place,
    Results,
    Row,
    TrialResult,
    arm_rows,
    difference_rows,
    measured_arms,
    median_cost,
    row_where,
    score_rows,
    successful_trials,
)

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
        return row_where(self.scores, arm=arm, measured=measured, of=of)

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
    measured = measured_arms(design, results, arm_values)
    some = next((one for name in measured for one in successful_trials(results[name]).values()), None)
    differences = difference_rows(
        design, measured, difference, places=_places, better=lambda row: BETTER.get(row["measured"])
    )
    return LayoutTables(
        pd.DataFrame(score_rows(measured, _places)),
        pd.DataFrame(differences),
        pd.DataFrame(arm_rows(design, results, _cost)),
        pd.DataFrame([] if some is None else _references(some)),
        () if some is None else tuple(int(fold["size"]) for fold in some["folds"]),
        0 if some is None else sum(len(fold["held_out"]) for fold in some["folds"]),
        () if some is None else labels_of_numbers(some["classes"]),
    )


def _places(values: ArmValues[Quantity]) -> Iterator[Place]:
    for number, quantity in enumerate(values.quantities):
        yield (number,), {"measured": quantity.measured, "of": quantity.of}


def _references(result: TrialResult) -> list[Row]:
    rows = []
    for title, distances in fold_means(result).items():
        each = {kind: float(distances[KINDS.index(kind)]) for kind in ("real", "random", "fitted")}
        rows.append({"of": title, **each, "fitted_position": float(position(distances, "fitted"))})
    return rows


def _cost(results: Mapping[int, TrialResult]) -> Row:
    folds = [fold for one in successful_trials(results).values() for fold in one["folds"]]
    medians = ("seconds_per_step", "seconds_per_layout")
    return {"parameters": folds[0]["parameters"] if folds else None} | {
        name: median_cost([fold[name] for fold in folds]) for name in medians
    }
