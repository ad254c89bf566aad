"""The result of scoring synthetic layouts, and its JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cellweave.metrics.cell_scores import ALL
from cellweave.metrics.layout_statistics import UNITS, Measure

Arm = Literal["raster", "raw"]
"""Whether all layouts went through the raster and back, or were taken as they are."""


@dataclass(frozen=True, slots=True)
class Level:
    """A distance between two sets of layouts: mean and standard deviation over the splits; NaN where undefined."""

    mean: float
    sd: float

    def to_json(self) -> dict[str, float | None]:
        """Return the level as JSON."""
        return {"mean": _or_none(self.mean), "sd": _or_none(self.sd)}


@dataclass(frozen=True, slots=True)
class LayoutRow:
    """How far synthetic layouts are from real ones in one measure.

    Attributes:
        arm: How the layouts were treated.
        measure: ``nearest_neighbour``, Wasserstein-1 of the distances in µm; ``pair_correlation``, mean |difference|.
        label: ``all``, a class, ``a → b``, ``a – b``, or ``mean of classes``, ``mean of class pairs``.
        distance: Real against synthetic.
        floor: Real against real of other patients.
        ceiling: Real against random: cells of the same counts as those other patients', each anywhere.
        least_span: Twice the standard error, over the splits, of the ceiling's distance from the floor.
    """

    arm: Arm
    measure: Measure
    label: str
    distance: Level
    floor: Level
    ceiling: Level
    least_span: float

    @property
    def position(self) -> float | None:
        """Place between floor (0, like real) and ceiling (1, like random); may lie beyond either.

        None where a distance is undefined, or the ceiling is not above the floor by more than ``least_span``: there
        real layouts differ from one another about as much as from random ones, and the measure says nothing.
        """
        span = self.ceiling.mean - self.floor.mean
        place = (self.distance.mean - self.floor.mean) / span if span > self.least_span else math.nan
        return _or_none(place)

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON."""
        return {
            "arm": self.arm,
            "measure": self.measure,
            "unit": UNITS[self.measure],
            "label": self.label,
            "position": self.position,
            "distance": self.distance.to_json(),
            "floor": self.floor.to_json(),
            "ceiling": self.ceiling.to_json(),
        }


@dataclass(frozen=True, slots=True)
class CountRow:
    """Numbers of cells of a layout, over all layouts of either kind.

    Attributes:
        arm: How the layouts were treated.
        label: ``all``, or a class.
        real_mean, real_sd: Of the real layouts; the standard deviation is that of the layouts themselves.
        synthetic_mean, synthetic_sd: Of the synthetic ones.
    """

    arm: Arm
    label: str
    real_mean: float
    real_sd: float
    synthetic_mean: float
    synthetic_sd: float

    @property
    def ratio(self) -> float | None:
        """Synthetic mean over real mean; None where real layouts have no such cell."""
        return self.synthetic_mean / self.real_mean if self.real_mean else None

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON."""
        return {
            "arm": self.arm,
            "label": self.label,
            "ratio": self.ratio,
            "real": {"mean": self.real_mean, "sd": self.real_sd},
            "synthetic": {"mean": self.synthetic_mean, "sd": self.synthetic_sd},
        }


@dataclass(frozen=True, slots=True)
class LayoutScores:
    """Scores of synthetic layouts against real ones.

    Attributes:
        counts: Per arm: ``all``, then every class.
        rows: Per arm and measure: ``all``, classes, pairs of classes, and the means of both.
        frame_px: Height and width that every layout was cropped to, in pixels.
        mpp: µm per pixel.
        real: Number of real layouts.
        groups: Number of their groups (patients or slides).
        synthetic: Number of synthetic layouts.
        splits: Number of splits averaged over.
        layouts_per_side: Layouts on either side of every comparison.
        seed: Of the splits and of the random layouts.
        notes: What to know before quoting the numbers, one sentence each.
    """

    counts: tuple[CountRow, ...]
    rows: tuple[LayoutRow, ...]
    frame_px: tuple[int, int]
    mpp: float
    real: int
    groups: int
    synthetic: int
    splits: int
    layouts_per_side: int
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms that there are, the one to quote first."""
        return tuple(dict.fromkeys(row.arm for row in self.rows))

    def row(self, measure: Measure, label: str = ALL, *, arm: Arm | None = None) -> LayoutRow:
        """Return the row of a measure and label, of the first arm when None.

        Raises:
            KeyError: There is none.
        """
        wanted = (arm or self.arms[0], measure, label)
        for one in self.rows:
            if (one.arm, one.measure, one.label) == wanted:
                return one
        raise KeyError(f"no row {wanted}")

    def count_row(self, label: str = ALL, *, arm: Arm | None = None) -> CountRow:
        """Return the counts of a label, of the first arm when None.

        Raises:
            KeyError: There are none.
        """
        wanted = (arm or self.arms[0], label)
        for one in self.counts:
            if (one.arm, one.label) == wanted:
                return one
        raise KeyError(f"no counts {wanted}")

    def to_json(self) -> dict[str, Any]:
        """Return the scores as JSON: numbers, text, lists and null only; ``position`` and ``count_ratio`` on top."""
        measures: Sequence[Measure] = tuple(UNITS)
        return {
            "position": {measure: self.row(measure).position for measure in measures},
            "count_ratio": self.count_row().ratio,
            "counts": [row.to_json() for row in self.counts],
            "rows": [row.to_json() for row in self.rows],
            "frame_px": list(self.frame_px),
            "mpp": self.mpp,
            "real": self.real,
            "groups": self.groups,
            "synthetic": self.synthetic,
            "splits": self.splits,
            "layouts_per_side": self.layouts_per_side,
            "seed": self.seed,
            "notes": list(self.notes),
        }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
