"""Two localisers on the same images: their difference in F1, and what can be said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellweave.core import Cells, Length, numpy_generator
from cellweave.metrics.bootstrap import percentile_interval, resampled_sums
from cellweave.metrics.rates import Floats, detection_rates, mean_of_defined
from cellweave.metrics.tally import tally_images

RESAMPLES = 1000
_F1 = 2
"""Place of F1 among the rates."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The second localiser's F1 minus the first's; value and ends of its 95 % interval are None where undefined."""

    value: float | None
    interval: tuple[float, float] | None

    def to_json(self) -> dict[str, Any]:
        """Return the difference as JSON."""
        return {"value": self.value, "interval": None if self.interval is None else list(self.interval)}

    def in_words(self, what: str) -> str:
        """Return what came out, in a sentence.

        Example:
            >>> Difference(0.02, (-0.01, 0.05)).in_words("F1 of all cells")
            'F1 of all cells changed by +0.020 (−0.010 to +0.050): these images do not tell whether they help.'
        """
        if self.value is None:
            return f"{what} is undefined for one of the localisers."
        changed = f"{what} changed by {_signed(self.value)}"
        if self.interval is None:
            return f"{changed}: images of one group do not tell whether they help."
        low, high = self.interval
        verdict = (
            "they help" if low > 0 else "they do harm" if high < 0 else "these images do not tell whether they help"
        )
        return f"{changed} ({_signed(low)} to {_signed(high)}): {verdict}."


@dataclass(frozen=True, slots=True)
class Comparison:
    """What synthetic images change.

    Attributes:
        all_cells: Change of F1 of all cells, regardless of class.
        mean_class: Change of the mean F1 of the classes.
        groups: Groups (patients or slides) that were drawn from.
    """

    all_cells: Difference
    mean_class: Difference
    groups: int

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON."""
        return {
            "all": self.all_cells.to_json(),
            "mean_class": self.mean_class.to_json(),
            "groups": self.groups,
            "resamples": RESAMPLES,
        }


def compare_located(
    truth: Mapping[str, Cells],
    first: Mapping[str, Cells],
    second: Mapping[str, Cells],
    *,
    radius: Length,
    groups: Mapping[str, str],
    seed: int,
) -> Comparison:
    """Compare what two localisers found in the same images, in pairs: every resample draws the same groups for both.

    Args:
        truth: Annotated cells of every image, with classes.
        first: What the first localiser found.
        second: What the second one found.
        radius: Distance within which a cell counts as found.
        groups: Patient or slide of every image.
        seed: Of the resamples.
    """
    tallies = [tally_images(truth, found, protocol="greedy", radii=[radius]) for found in (first, second)]
    names = sorted({groups[image] for image in truth})
    number = [names.index(groups[image]) for image in tallies[0].images]
    counts = np.stack([tally.counts[:, 0] for tally in tallies], axis=1)  # (images, 2, labels, 3)
    sums = np.zeros((len(names), *counts.shape[1:]))
    np.add.at(sums, number, counts)
    value = _differences(sums.sum(axis=0))
    ends = np.full((2, 2), np.nan)
    if len(names) > 1:  # one group tells nothing about others
        generator = numpy_generator(seed, "comparison")
        drawn = resampled_sums(sums.reshape(len(names), -1), resamples=RESAMPLES, generator=generator)
        ends = percentile_interval(_differences(drawn.reshape(-1, *counts.shape[1:])))
    return Comparison(_difference(value[0], ends[:, 0]), _difference(value[1], ends[:, 1]), len(names))


def _differences(sums: Floats) -> Floats:
    """Return the changes of F1 of all cells and of the mean over the classes, (..., 2); ``sums`` is (..., 2, L, 3)."""
    f1 = detection_rates(sums)[..., _F1]
    both = np.stack([f1[..., 0], mean_of_defined(f1[..., 1:])], axis=-1)
    changes: Floats = both[..., 1, :] - both[..., 0, :]
    return changes


def _difference(value: float, ends: Floats) -> Difference:
    if np.isnan(value):
        return Difference(None, None)
    low, high = ends.tolist()
    return Difference(float(value), None if np.isnan(low) else (low, high))


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
