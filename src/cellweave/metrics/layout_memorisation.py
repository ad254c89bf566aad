"""Whether synthetic layouts are copies of training layouts: shares of near ones, their intervals, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellweave.core import numpy_generator
from cellweave.metrics.bootstrap import percentile_interval, resampled_sums
from cellweave.metrics.layout_statistics import Floats

QUANTILE = 0.05
"""Of the distances between training layouts, below which one counts as near."""

RESAMPLES = 1000

_Z = 1.959964


@dataclass(frozen=True, slots=True)
class NearShare:
    """How many of several layouts are near to a training layout.

    Attributes:
        near: Their number.
        layouts: Of how many; crops of layouts, where these are larger than what is compared.
        median: Median of what they are judged by.
        groups: Patients, slides or synthetic layouts that they are crops of; None where each is its own.
        between: Ends of the 95 % interval of a bootstrap over these.
    """

    near: int
    layouts: int
    median: float
    groups: int | None = None
    between: tuple[float, float] | None = None

    @classmethod
    def of(cls, values: Floats, threshold: float, groups: Sequence[str], *, seed: int) -> NearShare:
        """Return the share of values below a threshold, resampled over their groups."""
        _, members = np.unique(np.asarray(groups), return_inverse=True)
        sums = np.stack([np.bincount(members, weights=values < threshold), np.bincount(members)], axis=1)
        drawn = resampled_sums(sums, resamples=RESAMPLES, generator=numpy_generator(seed, "near layouts"))
        low, high = percentile_interval(drawn[:, 0] / drawn[:, 1])
        near, median = int((values < threshold).sum()), float(np.median(values))
        return cls(near, len(values), median, len(sums), (float(low), float(high)))

    @property
    def share(self) -> float:
        """Near over all."""
        return self.near / self.layouts

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share: the wider, at either end, of the bootstrap over groups and Wilson's over all.

        Crops of one patient resemble one another, which Wilson's does not know; where none or all are near the
        bootstrap has no width.

        Source:
            Wilson 1927, Journal of the American Statistical Association 22:209-212.
        """
        n, p = self.layouts, self.share
        centre, room = p + _Z**2 / (2 * n), _Z * np.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        low, high = (centre - room) / (1 + _Z**2 / n), (centre + room) / (1 + _Z**2 / n)
        others = (low, high) if self.between is None else self.between
        return max(0.0, float(min(low, others[0]))), min(1.0, float(max(high, others[1])))

    def to_json(self) -> dict[str, Any]:
        """Return the share as JSON."""
        return {
            "share": self.share,
            "interval": list(self.interval),
            "near": self.near,
            "crops": self.layouts,
            "groups": self.groups,
            "median": self.median,
        }


@dataclass(frozen=True, slots=True)
class CopyTest:
    """Shares of layouts that are nearer to a training layout than nearly all training layouts are to one another.

    Attributes:
        threshold: The 5th percentile among crops of the training layouts, each compared with other patients' layouts.
        synthetic: Of the synthetic layouts.
        held_out: Of real layouts that no model has learnt from; None where there are none.
    """

    threshold: float
    synthetic: NearShare
    held_out: NearShare | None

    @property
    def memorised(self) -> bool | None:
        """Whether the synthetic share is above the held-out one beyond its interval; None without held-out layouts."""
        return None if self.held_out is None else self.synthetic.share > self.held_out.interval[1]

    def to_json(self) -> dict[str, Any]:
        """Return the shares as JSON."""
        return {
            "memorised": self.memorised,
            "threshold": self.threshold,
            "synthetic": self.synthetic.to_json(),
            "held_out": None if self.held_out is None else self.held_out.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Memorisation:
    """Whether synthetic layouts are copies of training layouts.

    Attributes:
        distance: By the distance to the nearest training layout. Sparse layouts are near to many.
        ratio: By that distance over the one to the second nearest: a copy is near to one layout alone.
        training: Number of training layouts.
        frame_px: Height and width of what is compared, in pixels.
        training_crops: Number of crops of training layouts that the thresholds are made of.
    """

    distance: CopyTest
    ratio: CopyTest
    training: int
    frame_px: tuple[int, int]
    training_crops: int

    @property
    def memorised(self) -> bool | None:
        """Whether either test says so; None without held-out layouts."""
        verdicts = (self.distance.memorised, self.ratio.memorised)
        return None if None in verdicts else any(verdicts)

    def to_json(self) -> dict[str, Any]:
        """Return both tests as JSON."""
        return {
            "memorised": self.memorised,
            "distance": self.distance.to_json(),
            "ratio": self.ratio.to_json(),
            "training": self.training,
            "training_crops": self.training_crops,
            "frame_px": list(self.frame_px),
        }
