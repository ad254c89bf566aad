"""The result of scoring a localiser, and its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cellweave.metrics.bootstrap import LEVEL
from cellweave.metrics.confusion import Confusion
from cellweave.metrics.frame_radius import Radius
from cellweave.metrics.threshold_sweep import ThresholdSweep

ALL = "all"
"""Label of the row that ignores classes; the papers' ``Det``."""

Interval = tuple[float, float] | None
"""Ends of a 95 % interval; None where the value was undefined in every resample."""


def radius_key(radius: Radius) -> str:
    """Return the key of a radius in JSON: ``5``, ``7.5``, ``3um`` for 3 µm, ``5in512`` for 5 px of the 512-frame."""
    return f"{_plain(radius.value)}{'' if radius.unit == 'px' else radius.unit}"


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """Scores of one class, or of all cells, at one radius, micro-averaged over the images.

    Attributes:
        radius: As it was asked for.
        radius_px: The radius in pixels; None where it differs between images, or along x and y.
        label: Name of the class, or ``all``.
        precision: None where nothing was predicted.
        recall: None where there is no truth.
        f1: None where there is neither.
        tp: True positives.
        fp: False positives.
        fn: False negatives.
        intervals: Of precision, recall and f1; None when not asked for, or where there are fewer than two groups.
    """

    radius: Radius
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
        key = {"px": None, "um": "radius_um", "in512": "radius_512"}[self.radius.unit]
        asked = {} if key is None else {key: _plain(self.radius.value)}
        intervals = {} if self.intervals is None else {"interval": _as_lists(self.intervals)}
        return {
            "radius_px": None if self.radius_px is None else _plain(self.radius_px),
            **asked,
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
class ImageScore:
    """Scores of one image.

    Attributes:
        image: Its name.
        group: Patient or slide; None where not known.
        truth: Number of true cells.
        predicted: Number of predicted cells.
        rows: For every radius ``all``, then every class.
    """

    image: str
    group: str | None
    truth: int
    predicted: int
    rows: tuple[ScoreRow, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the scores as JSON."""
        return {
            "image": self.image,
            "group": self.group,
            "truth": self.truth,
            "predicted": self.predicted,
            "rows": [row.to_json() for row in self.rows],
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
        confusions: Which classes the cells that were found are taken for, by :func:`radius_key`; empty without classes.
        per_image: Scores of every image.
        sweeps: Scores over thresholds of the predictions' confidence, one a radius; empty where not asked for.
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
    confusions: Mapping[str, Confusion] = field(default_factory=dict, compare=False)
    per_image: tuple[ImageScore, ...] = ()
    sweeps: tuple[ThresholdSweep, ...] = field(default=(), compare=False)

    def row(self, label: str, radius: Radius) -> ScoreRow:
        """Return the row of a label at a radius.

        Raises:
            KeyError: There is none.
        """
        for one in self.rows:
            if (one.label, one.radius) == (label, radius):
                return one
        raise KeyError(f"no row {label!r} at {radius}")

    def to_json(self, *, per_image: bool = False) -> dict[str, Any]:
        """Return the scores as JSON: numbers, text, lists and null only.

        Args:
            per_image: Add those of every image, which are many.
        """
        intervals = {} if self.intervals is None else {"intervals": self.intervals.to_json()}
        sweeps = {"sweep": {radius_key(one.radius): one.to_json() for one in self.sweeps}} if self.sweeps else {}
        images = {"per_image": [one.to_json() for one in self.per_image]} if per_image else {}
        return {
            "protocol": self.protocol,
            "rows": [row.to_json() for row in self.rows],
            "mean_class_f1": dict(self.mean_class_f1),
            "confusion": {key: confusion.to_json() for key, confusion in self.confusions.items()},
            "counting": {"mae": self.mae, "rmse": self.rmse},
            "images": self.images,
            "groups": self.groups,
            **intervals,
            "notes": list(self.notes),
            **sweeps,
            **images,
        }


def _as_lists(intervals: Mapping[str, Interval]) -> dict[str, list[float] | None]:
    return {name: None if ends is None else list(ends) for name, ends in intervals.items()}


def _plain(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value
