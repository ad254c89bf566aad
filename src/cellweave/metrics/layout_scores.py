"""The result of scoring synthetic layouts, and its JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from cellweave.metrics.cell_scores import ALL
from cellweave.metrics.layout_bootstrap import Interval
from cellweave.metrics.layout_curves import MEASURES
from cellweave.metrics.layout_memorisation import Memorisation
from cellweave.metrics.layout_statistics import Floats, Measure

Arm = Literal["raster", "raw"]
"""Whether all layouts went through the raster and back, or were taken as they are."""

Kind = Literal["synthetic", "random", "fitted", "real"]
"""What is compared with real layouts: random and fitted ones have the counts of the real ones of other patients."""

KINDS: tuple[Kind, ...] = ("synthetic", "random", "fitted", "real")

PAIR_MEAN, CLASS_MEAN = "mean of class pairs", "mean of classes"

COLUMNS: tuple[tuple[str, Measure, str], ...] = (
    ("nearest, µm", "nearest_neighbour", ALL),
    ("cross, µm", "nearest_neighbour", PAIR_MEAN),
    ("L, µm", "ripley_l", ALL),
    ("g", "pair_correlation", ALL),
    ("topology, µm", "topology", ALL),
    ("spatial-FID", "spatial_fid", ALL),
)
"""Title, measure and label of the columns of the one table, whose mean position is that of the layouts."""


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
    """How far layouts are from real ones in one measure.

    Attributes:
        arm: How the layouts were treated.
        measure: Which; see :func:`cellweave.metrics.layout_curves.curve_distance` for what its distance is.
        label: ``all``, a class, ``a → b``, ``a – b``, or ``mean of classes``, ``mean of class pairs``.
        distance: Real against synthetic.
        fitted: Real against the fitted point process.
        floor: Real against real of other patients.
        ceiling: Real against random: cells of the same counts as those other patients', each anywhere.
        least_span: Twice the standard error, over the splits, of the ceiling's distance from the floor.
        interval: 95 % bootstrap interval of the position, over patients and synthetic layouts.
        fitted_interval: The same of the fitted position.
    """

    arm: Arm
    measure: Measure
    label: str
    distance: Level
    fitted: Level
    floor: Level
    ceiling: Level
    least_span: float
    interval: Interval | None = None
    fitted_interval: Interval | None = None

    @property
    def position(self) -> float | None:
        """Place between floor (0, like real) and ceiling (1, like random); may lie beyond either.

        None where a distance is undefined, or the ceiling is not above the floor by more than ``least_span``: there
        real layouts differ from one another about as much as from random ones, and the measure says nothing.
        """
        return self._place(self.distance)

    @property
    def fitted_position(self) -> float | None:
        """The position of the fitted point process."""
        return self._place(self.fitted)

    def level(self, kind: Kind) -> Level:
        """Return the distance of a kind of layouts from real ones."""
        return {"synthetic": self.distance, "random": self.ceiling, "fitted": self.fitted, "real": self.floor}[kind]

    def _place(self, level: Level) -> float | None:
        span = self.ceiling.mean - self.floor.mean
        return _or_none((level.mean - self.floor.mean) / span if span > self.least_span else math.nan)

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON."""
        return {
            "arm": self.arm,
            "measure": self.measure,
            "unit": MEASURES[self.measure],
            "label": self.label,
            "position": self.position,
            "interval": _ends(self.interval),
            "fitted_position": self.fitted_position,
            "fitted_interval": _ends(self.fitted_interval),
            "distance": self.distance.to_json(),
            "fitted": self.fitted.to_json(),
            "floor": self.floor.to_json(),
            "ceiling": self.ceiling.to_json(),
        }


@dataclass(frozen=True, slots=True)
class CountRow:
    """Numbers of cells of a layout, over all layouts of a kind.

    Attributes:
        arm: How the layouts were treated.
        label: ``all``, or a class.
        real_mean, real_sd: Of the real layouts; the standard deviation is that of the layouts themselves.
        synthetic_mean, synthetic_sd: Of the synthetic ones.
        random_mean, fitted_mean: Of the random layouts and of the fitted point process: those of the real ones, less
            what the raster merged.
        interval: 95 % bootstrap interval of the ratio, over patients and synthetic layouts; None where not asked for.
    """

    arm: Arm
    label: str
    real_mean: float
    real_sd: float
    synthetic_mean: float
    synthetic_sd: float
    random_mean: float
    fitted_mean: float
    interval: Interval | None = None

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
            "interval": _ends(self.interval),
            "real": {"mean": self.real_mean, "sd": self.real_sd},
            "synthetic": {"mean": self.synthetic_mean, "sd": self.synthetic_sd},
            "random": {"mean": self.random_mean},
            "fitted": {"mean": self.fitted_mean},
        }


@dataclass(frozen=True, slots=True, eq=False)
class CurveBand:
    """A curve of all layouts of a kind together, for a figure.

    Attributes:
        kind: Of the layouts.
        measure, label: What the curve is; that of topology is of pieces, then holes.
        values: (K,); NaN where there is nothing to look at.
        low, high: Ends of the pointwise 95 % envelope over patients, or over layouts for synthetic ones, (K,).
    """

    kind: Kind
    measure: Measure
    label: str
    values: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class LayoutScores:
    """Scores of synthetic layouts against real ones.

    Attributes:
        counts: Per arm: ``all``, then every class.
        rows: Per arm and measure: ``all``, classes, pairs of classes, and the means of both.
        overall: Mean position of synthetic and of fitted layouts over the columns of the table that have one, of the
            first arm, with its interval.
        columns: Titles of these columns.
        frame_px: Height and width that every layout was cropped to, in pixels.
        mpp: µm per pixel.
        real: Number of real layouts.
        groups: Number of their groups (patients or slides).
        synthetic: Number of synthetic layouts.
        splits: Number of splits averaged over.
        layouts_per_side: Layouts on either side of every comparison.
        seed: Of the splits and of the random layouts.
        resamples: Of the bootstrap.
        process: The fitted point process; see :meth:`cellweave.metrics.layout_clusters.CellClusters.to_json`.
        memorisation: Whether synthetic layouts are too near to training ones; None where not asked for.
        curves: What the figure of curves draws, of the first arm; no part of the JSON.
        notes: What to know before quoting the numbers, one sentence each.
    """

    frame_px: tuple[int, int]
    mpp: float
    real: int
    groups: int
    synthetic: int
    splits: int
    layouts_per_side: int
    seed: int
    resamples: int = 0
    counts: tuple[CountRow, ...] = ()
    rows: tuple[LayoutRow, ...] = ()
    overall: dict[str, tuple[float | None, Interval | None]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    process: tuple[dict[str, Any], ...] = ()
    memorisation: Memorisation | None = None
    curves: tuple[CurveBand, ...] = field(default=(), compare=False)
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
        found = {row.measure for row in self.rows}
        return {
            "position": {measure: self.row(measure).position for measure in MEASURES if measure in found},
            "overall": {
                kind: {"position": place, "interval": _ends(interval)}
                for kind, (place, interval) in self.overall.items()
            },
            "overall_of": list(self.columns),
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
            "resamples": self.resamples,
            "process": list(self.process),
            "memorisation": None if self.memorisation is None else self.memorisation.to_json(),
            "notes": list(self.notes),
        }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else list(interval)
