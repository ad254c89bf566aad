"""Means over seeds, their spread, their interval over groups and seeds, and what that says of a claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cellweave.core import numpy_generator
from cellweave.metrics.bootstrap import percentile_interval
from cellweave.metrics.rates import Floats

HOLDS, REFUTED, OPEN = "holds", "does not hold", "not decided"
"""What is said of a claim: its interval lies above 0, below it, or on both sides."""

UNKNOWN = "–"
"""What is said of a claim whose interval is not defined, where that is not held for undecided."""


class Sampled(Protocol):
    """What was measured of one arm under every seed, and in every resample."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, ascending."""

    @property
    def values(self) -> Floats:
        """The measures, (seeds, ...)."""

    @property
    def samples(self) -> Floats:
        """The same in every resample, (resamples, seeds, ...)."""


@dataclass(frozen=True, eq=False)
class Spread:
    """Means over seeds, their standard deviation over seeds, and their 95 % interval.

    In every resample groups are drawn with replacement, and seeds are, too: so an interval tells what other patients
    and other seeds might have given. Of few of either it is too narrow.

    Attributes:
        mean: One number a measure, in the shape of the measures.
        sd: The same shape; NaN with a single seed.
        low: Lower end; NaN where there is one group.
        high: Upper end.
        seeds: Seeds averaged over.
    """

    mean: Floats
    sd: Floats
    low: Floats
    high: Floats
    seeds: tuple[int, ...]


def over_seeds(values: Floats, samples: Floats, seeds: tuple[int, ...]) -> Spread:
    """Return mean, standard deviation and interval of measures.

    Args:
        values: Of every seed, (seeds, ...).
        samples: Of every bootstrap resample of the groups, (resamples, seeds, ...); none where there is one group.
        seeds: The seeds.
    """
    sd = values.std(axis=0, ddof=1) if len(seeds) > 1 else np.full(values.shape[1:], np.nan)
    low = high = np.full(values.shape[1:], np.nan)
    if len(samples):
        low, high = percentile_interval(_mean_of_drawn_seeds(samples))
    return Spread(values.mean(axis=0), sd, low, high, seeds)


def over_common_seeds(better: Sampled, other: Sampled) -> Spread | None:
    """Return the measures of one arm minus those of another, in pairs of the same seed and resample.

    Args:
        better: One arm.
        other: Another, of the same measures and resamples.

    Returns:
        None where they have no seed in common.
    """
    seeds = tuple(seed for seed in better.seeds if seed in other.seeds)
    if not seeds:
        return None
    ours, theirs = ([one.seeds.index(seed) for seed in seeds] for one in (better, other))
    return over_seeds(
        better.values[ours] - other.values[theirs], better.samples[:, ours] - other.samples[:, theirs], seeds
    )


def _mean_of_drawn_seeds(samples: Floats) -> Floats:
    """Return the mean over seeds drawn with replacement, other ones in every resample, (resamples, ...)."""
    resamples, seeds = samples.shape[:2]
    drawn = numpy_generator(0, "study seeds").integers(seeds, size=(resamples, seeds))
    return np.asarray(samples[np.arange(resamples)[:, None], drawn].mean(axis=1))


def verdict(low: float, high: float) -> str:
    """Return what the interval of a difference says of the claim that it is above 0."""
    return HOLDS if low > 0 else REFUTED if high < 0 else OPEN
