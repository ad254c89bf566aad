"""What was measured of one arm under every seed, with its resamples, and the difference of two arms."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from cellweave.core import InvalidInputError, OutputError
from cellweave.metrics.rates import Floats
from cellweave.workflows.studies.spread import Spread, over_common_seeds, over_seeds
from cellweave.workflows.studies.trial_result import reading_results

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


def read_arm(
    arm: str,
    results: Mapping[int, Mapping[str, Any]],
    read: Callable[[Mapping[str, Any]], tuple[tuple[QuantityT, ...], Floats, Floats]],
) -> ArmValues[QuantityT]:
    """Return the measures of an arm from the results of its trials.

    Args:
        arm: Its name.
        results: Result of every seed, none failed, at least one.
        read: Returns the Q quantities of a result, their values (Q,), and these in every resample (resamples, Q).

    Raises:
        OutputError: A result lacks something, or results are not of the same images.
    """
    seeds = tuple(sorted(results))
    with reading_results(arm):
        held_out = [tuple(tuple(fold["held_out"]) for fold in results[seed]["folds"]) for seed in seeds]
        measured = [read(results[seed]) for seed in seeds]
        quantities = measured[0][0]
        if len(set(held_out)) > 1 or any(one[0] != quantities for one in measured):
            raise OutputError(f"the seeds of arm {arm} were compared with different images; remove its folder.")
        values = np.array([one[1] for one in measured])
        samples = np.stack([one[2] for one in measured], axis=1)
    return ArmValues(arm, seeds, held_out[0], quantities, values, samples)


def difference(better: ArmValues[QuantityT], other: ArmValues[QuantityT]) -> Spread | None:
    """Return the measures of one arm minus those of another, in pairs of the same seed and resample.

    Returns:
        None where they have no seed in common.

    Raises:
        InvalidInputError: They were compared with different images.
    """
    if (better.held_out, better.quantities) != (other.held_out, other.quantities):
        raise InvalidInputError(f"the arms {better.arm} and {other.arm} were compared with different images.")
    return over_common_seeds(better, other)


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
