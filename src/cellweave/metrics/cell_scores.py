"""The result of scoring a localiser, and its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cellweave.core import Length
from cellweave.metrics.bootstrap import LEVEL

ALL = "all"
"""Label of the row that ignores classes; the papers' ``Det``."""

Interval = tuple[float, float] | None
"""Ends of a 95 % interval; None where the value was undefined in every resample."""


def radius_key(radius: Length) -> str:
    """Return the key of a radius in JSON: ``5``, ``7.5``, or ``3um`` for 3 µm."""
    return f"{_plain(radius.value)}{'' if radius.unit == 'px' else radius.unit}"


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """Scores of one class, or of all cells, at one radius, micro-averaged over the images.

    Attributes:
        radius: As it was asked for.
        radius_px: The radius in pixels; None where a radius in µm differs between images.
        label: Name of the class, or ``all``.
        precision: None where nothing was predicted.
        recall: None where there is no truth.
        f1: None where there is neither.
        tp: True positives.
        fp: False positives.
        fn: False negatives.
        intervals: Of precision, recall and f1; None when not asked for, or where there are fewer than two groups.
    """

    radius: Length
    radius_px: float | None
    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    tp: int
    fp: int
    fn: int
    intervals: Mapping[str, Interval] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON."""
        micrometres = {} if self.radius.unit == "px" else {"radius_um": _plain(self.radius.value)}
        intervals = {} if self.intervals is None else {"interval": _as_lists(self.intervals)}
        return {
            "radius_px": None if self.radius_px is None else _plain(self.radius_px),
            **micrometres,
            "label": self.label,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "tp": self.tp,
            "fp": self.fp,
            "fn": self.fn,
            **intervals,
        }


@dataclass(frozen=True, slots=True)
class ScoreIntervals:
    """Bootstrap intervals of what is not a row.

    Attributes:
        groups: Number of groups that were drawn from.
        resamples: How often.
        mean_class_f1: By :func:`radius_key`.
        mae: Of the count errors.
        rmse: Of the count errors.
    """

    groups: int
    resamples: int
    mean_class_f1: Mapping[str, Interval]
    mae: Interval
    rmse: Interval

    def to_json(self) -> dict[str, Any]:
        """Return the intervals as JSON."""
        return {
            "level": LEVEL,
            "groups": self.groups,
            "resamples": self.resamples,
            "mean_class_f1": _as_lists(self.mean_class_f1),
            "counting": _as_lists({"mae": self.mae, "rmse": self.rmse}),
        }


@dataclass(frozen=True, slots=True)
class CellScores:
    """Scores of predicted cells against annotated ones.

    Attributes:
        protocol: Name of the scoring protocol.
        rows: For every radius ``all``, then every class.
        mean_class_f1: Mean F1 over the classes, by :func:`radius_key`; classes without truth and predictions are left
            out; None without classes.
        mae: Mean absolute error of the number of cells of an image.
        rmse: Root of the mean squared error of it.
        images: Number of images.
        groups: Number of groups (patients or slides; images where these are not known).
        intervals: None when not asked for, or where there are fewer than two groups.
        notes: What to know before quoting the numbers, one sentence each.
    """

    protocol: str
    rows: tuple[ScoreRow, ...]
    mean_class_f1: Mapping[str, float | None]
    mae: float
    rmse: float
    images: int
    groups: int
    intervals: ScoreIntervals | None = None
    notes: tuple[str, ...] = ()

    def row(self, label: str, radius: Length) -> ScoreRow:
        """Return the row of a label at a radius.

        Raises:
            KeyError: There is none.
        """
        for one in self.rows:
            if (one.label, one.radius) == (label, radius):
                return one
        raise KeyError(f"no row {label!r} at {radius}")

    def to_json(self) -> dict[str, Any]:
        """Return the scores as JSON: numbers, text, lists and null only."""
        intervals = {} if self.intervals is None else {"intervals": self.intervals.to_json()}
        return {
            "protocol": self.protocol,
            "rows": [row.to_json() for row in self.rows],
            "mean_class_f1": dict(self.mean_class_f1),
            "counting": {"mae": self.mae, "rmse": self.rmse},
            "images": self.images,
            "groups": self.groups,
            **intervals,
            "notes": list(self.notes),
        }


def _as_lists(intervals: Mapping[str, Interval]) -> dict[str, list[float] | None]:
    return {name: None if ends is None else list(ends) for name, ends in intervals.items()}


def _plain(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value
