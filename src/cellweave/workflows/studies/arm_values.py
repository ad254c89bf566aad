"""What was measured of one arm under every seed, with its resamples, and the difference of two arms."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from cellweave.core import InvalidInputError
from cellweave.metrics.rates import Floats
from cellweave.workflows.studies.spread import Spread, over_seeds

QuantityT = TypeVar("QuantityT", bound=Hashable)

_DEFINED = 0.95
"""Share of the resamples in which a measure must be defined, so that it has an interval."""


@dataclass(frozen=True, eq=False)
class ArmValues(Generic[QuantityT]):
    """The measures of one arm.

    Attributes:
        arm: Its name.
        seeds: Seeds that have a result, ascending.
        held_out: Names of the held-out images of every fold.
        quantities: What the Q measures are.
        values: (seeds, Q); NaN where not defined.
        samples: The same in every resample, (resamples, seeds, Q).
    """

    arm: str
    seeds: tuple[int, ...]
    held_out: tuple[tuple[str, ...], ...]
    quantities: tuple[QuantityT, ...]
    values: Floats
    samples: Floats

    def spread(self) -> Spread:
        """Return mean, spread over seeds and interval."""
        return over_seeds(self.values, self.samples, self.seeds)


def difference(better: ArmValues[QuantityT], other: ArmValues[QuantityT]) -> Spread | None:
    """Return the measures of one arm minus those of another, in pairs of the same seed and resample.

    Returns:
        None where they have no seed in common.

    Raises:
        InvalidInputError: They were compared with different images.
    """
    if (better.held_out, better.quantities) != (other.held_out, other.quantities):
        raise InvalidInputError(f"the arms {better.arm} and {other.arm} were compared with different images.")
    seeds = tuple(seed for seed in better.seeds if seed in other.seeds)
    if not seeds:
        return None
    ours, theirs = ([one.seeds.index(seed) for seed in seeds] for one in (better, other))
    return over_seeds(
        better.values[ours] - other.values[theirs], better.samples[:, ours] - other.samples[:, theirs], seeds
    )


def centred(value: float, samples: Floats) -> tuple[float, Floats]:
    """Return samples moved so that their median is the value.

    Layouts or images drawn twice make sets differ more, so that resampled distances are all larger than the real ones;
    moving takes that out.
    """
    known = if_defined(value, samples)
    return value, known if np.isnan(known).all() else known - np.nanmedian(known) + value


def if_defined(value: float, samples: Floats) -> Floats:
    """Return samples where they are defined often enough for an interval around a value that is, else NaN for all."""
    if not np.isfinite(value) or np.isfinite(samples).mean() < _DEFINED:
        return np.full(len(samples), np.nan)
    return samples
