"""The results of a localiser study as tables: scores of the arms, differences of pairs, cost of the arms."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cellweave.workflows.studies.counts import PROTOCOL_NAMES, gather
from cellweave.workflows.studies.design import Design
from cellweave.workflows.studies.held_out import STUDY_DECODERS
from cellweave.workflows.studies.scores import ArmScores, difference, score_arm
from cellweave.workflows.studies.spread import OPEN
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

LOWER_IS_BETTER = ("mae", "rmse")


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
        wanted: dict[str, str | float] = {"decoder": decoder, "protocol": protocol, "radius_px": radius_px}
        return row_where(self.scores, arm=arm, **wanted, measure=measure)


def make_tables(design: Design, radii_px: Sequence[float], results: Results) -> StudyTables:
    """Return the tables of the results that are there; arms without any are left out.

    Raises:
        OutputError: A result is damaged.
        InvalidInputError: Arms of a pair were scored on different images.
    """

    def places(of_arm: ArmScores) -> Iterator[Place]:
        axes = (STUDY_DECODERS, PROTOCOL_NAMES, [float(radius) for radius in radii_px], of_arm.measures)
        for at in itertools.product(*(range(len(axis)) for axis in axes)):
            decoder, protocol, radius, measure = (axis[i] for axis, i in zip(axes, at, strict=True))
            yield at, {"decoder": decoder, "protocol": protocol, "radius_px": radius, "measure": measure}

    scored = measured_arms(design, results, lambda name, ended: score_arm(gather(name, ended)))
    differences = difference_rows(design, scored, difference, places=places, better=_better, undefined=OPEN)
    any_counts = next((one.counts for one in scored.values()), None)
    return StudyTables(
        pd.DataFrame(score_rows(scored, places)),
        pd.DataFrame(differences),
        pd.DataFrame(arm_rows(design, results, _cost)),
        0 if any_counts is None else len(any_counts.images),
        0 if any_counts is None else len(set(any_counts.groups)),
        () if any_counts is None else any_counts.labels,
    )


def _better(row: Row) -> int:
    return -1 if row["measure"] in LOWER_IS_BETTER else 1


def _cost(results: Mapping[int, TrialResult]) -> Row:
    ended = successful_trials(results).values()
    parameters = next(iter(results.values()))["parameters"]
    medians = ("seconds_per_step", "megapixels_per_second", "megapixels_per_core_second")
    return {"parameters": parameters} | {
        name: median_cost([value for one in ended for value in one[name]]) for name in medians
    }
