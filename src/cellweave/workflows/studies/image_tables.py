"""The results of a study of image models as tables: measures of the arms, differences of pairs, and references."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cellweave.workflows.studies.arm_values import ArmValues, difference
from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.image_measures import SECONDS
from cellweave.workflows.studies.image_values import BETTER, image_values, reference_values
from cellweave.workflows.studies.table_rows import (
    Place,
    Results,
    arm_rows,
    difference_rows,
    measured_arms,
    row_where,
    score_rows,
    successful_trials,
)


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
        groups: How many groups are drawn with replacement for the intervals, of every arm and fold.
        features: Numbers that a tile is described by.
        alike: Whether all arms were compared with the same real patches, so that their distances compare.
    """

    scores: pd.DataFrame
    differences: pd.DataFrame
    arms: pd.DataFrame
    references: pd.DataFrame
    tiles: dict[str, int]
    groups: dict[str, list[int]]
    features: int
    alike: bool

    def row(self, arm: str, measure: str) -> pd.Series[Any] | None:
        """Return the row of an arm's measure; None where the arm has no result."""
        return row_where(self.scores, arm=arm, measure=measure)

    def group_counts(self) -> list[int]:
        """Return the numbers of groups that arms and folds have, each once, ascending."""
        return sorted({count for counts in self.groups.values() for count in counts})

    def measures(self) -> list[str]:
        """Return the measures that are defined for some arm, in order."""
        if self.scores.empty:
            return []
        return list(dict.fromkeys(self.scores.loc[self.scores["mean"].notna(), "measure"]))

    def without_interval(self) -> list[str]:
        """Return the measures that some arm has a score of without an interval, in order; seconds never have any."""
        if self.scores.empty:
            return []
        bare = self.scores["mean"].notna() & self.scores["low"].isna() & (self.scores["measure"] != SECONDS)
        return list(dict.fromkeys(self.scores.loc[bare, "measure"]))


def make_image_tables(design: Design, results: Results) -> ImageTables:
    """Return the tables of the results that are there; arms without any are left out.

    Args:
        design: Of the study.
        results: By arm and seed.

    Raises:
        OutputError: A result is damaged.
        InvalidInputError: Arms of a pair were compared with different images.
    """
    measured = measured_arms(design, results, image_values)
    references: list[dict[str, Any]] = []
    tiles: dict[str, int] = {}
    groups: dict[str, list[int]] = {}
    features = 0
    scales: set[int] = set()
    for name in measured:
        some = next(iter(successful_trials(results[name]).values()))
        tiles[name] = sum(fold["tiles"] for fold in some["folds"])
        groups[name] = [fold["units"] for fold in some["folds"]]
        scales |= {fold["reduce"] for fold in some["folds"]}
        features = some["folds"][0]["features"]
        for kind, values in reference_values(some).items():
            references += [{"arm": name, "kind": kind, "measure": k, "value": v} for k, v in values.items()]
    differences = difference_rows(
        design, measured, difference, places=_places, better=lambda row: BETTER[row["measure"]]
    )
    return ImageTables(
        pd.DataFrame(score_rows(measured, _places)),
        pd.DataFrame(differences),
        pd.DataFrame(arm_rows(design, results)),
        pd.DataFrame(references),
        tiles,
        groups,
        features,
        len(scales) <= 1,
    )


def _places(values: ArmValues[str]) -> Iterator[Place]:
    for number, measure in enumerate(values.quantities):
        yield (number,), {"measure": measure}


def reference_of(tables: ImageTables, kind: str, measure: str, arms: Sequence[str]) -> float:
    """Return the value of a reference, mean over arms; NaN where there is none."""
    if tables.references.empty:
        return math.nan
    table = tables.references
    rows = table[(table["kind"] == kind) & (table["measure"] == measure) & table["arm"].isin(arms)]
    return float(rows["value"].mean()) if len(rows) else math.nan
