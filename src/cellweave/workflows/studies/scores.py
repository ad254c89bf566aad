"""Scores of a study's arms, their spread over seeds, their intervals over groups, and differences of pairs of arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError, numpy_generator
from cellweave.metrics.bootstrap import percentile_interval, resampled_sums
from cellweave.metrics.rates import Floats, count_error_terms, count_errors, detection_rates, mean_of_defined
from cellweave.workflows.studies.counts import ArmCounts

RESAMPLES = 1000

HOLDS, REFUTED, OPEN = "holds", "does not hold", "not decided"
"""What is said of a claim: its interval lies above 0, below it, or on both sides."""


def measures_of(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of what is measured; F1 of the classes is named ``f1:`` and the class."""
    classes = [f"f1:{name}" for name in labels[1:]]
    return ("precision", "recall", "f1", "mean_class_f1", *classes, "mae", "rmse")


@dataclass(frozen=True, eq=False)
class ArmScores:
    """Scores of one arm.

    Attributes:
        counts: What they are made of.
        measures: Names of the M measures; counting errors do not depend on protocol and radius.
        values: (seeds, decoders, protocols, radii, M); NaN where undefined.
        samples: The same of every bootstrap resample of the groups, (resamples, ...); none where there is one group.
    """

    counts: ArmCounts
    measures: tuple[str, ...]
    values: Floats
    samples: Floats


@dataclass(frozen=True, eq=False)
class Spread:
    """Means over seeds, their standard deviation over seeds, and their 95 % interval.

    In every resample groups are drawn with replacement, and seeds are, too: so an interval tells what other patients
    and other seeds might have given. Of few of either it is too narrow.

    Attributes:
        mean: (decoders, protocols, radii, M).
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


def score_arm(counts: ArmCounts, *, seed: int = 0) -> ArmScores:
    """Return the scores of an arm; every arm of the same images gets the same resamples of their groups."""
    sums = _sums_by_group(counts)
    shape = sums.shape[1:]
    values = _measure(sums.sum(axis=0))
    samples = np.zeros((0, *values.shape))
    if len(sums) > 1:  # one group tells nothing about others
        generator = numpy_generator(seed, "study")
        drawn = resampled_sums(sums.reshape(len(sums), -1), resamples=RESAMPLES, generator=generator)
        samples = _measure(drawn.reshape(-1, *shape))
    return ArmScores(counts, measures_of(counts.labels), values, samples)


def spread(scores: ArmScores) -> Spread:
    """Return mean, spread over seeds and interval over groups of an arm's scores."""
    return _spread(scores.values, scores.samples, scores.counts.seeds)


def difference(better: ArmScores, other: ArmScores) -> Spread | None:
    """Return the scores of one arm minus those of another, in pairs of the same seed, images and resampled groups.

    Returns:
        None where they have no seed in common.

    Raises:
        InvalidInputError: They were scored on different images.
    """
    first, second = better.counts, other.counts
    if (first.images, first.groups, first.labels) != (second.images, second.groups, second.labels):
        raise InvalidInputError(f"the arms {first.arm} and {second.arm} were scored on different images.")
    seeds = tuple(seed for seed in first.seeds if seed in second.seeds)
    if not seeds:
        return None
    ours, theirs = ([one.seeds.index(seed) for seed in seeds] for one in (first, second))
    return _spread(
        better.values[ours] - other.values[theirs], better.samples[:, ours] - other.samples[:, theirs], seeds
    )


def verdict(low: float, high: float) -> str:
    """Return what the interval of a difference says of the claim that it is above 0."""
    return HOLDS if low > 0 else REFUTED if high < 0 else OPEN


def _sums_by_group(counts: ArmCounts) -> Floats:
    """Return (groups, seeds, decoders, protocols, radii, labels + 1, 3): counts, then the terms of counting errors."""
    names = sorted(set(counts.groups))
    number = np.array([names.index(group) for group in counts.groups])
    terms = count_error_terms(counts.true[None, :, None], counts.predicted)  # (seeds, images, decoders, 3)
    wide = np.broadcast_to(terms[:, :, :, None, None, None], (*counts.counts.shape[:5], 1, 3))
    per_image: npt.NDArray[np.float64] = np.concatenate([counts.counts, wide], axis=5).swapaxes(0, 1)
    sums = np.zeros((len(names), *per_image.shape[1:]))
    np.add.at(sums, number, per_image)
    return sums


def _measure(sums: Floats) -> Floats:
    """Return the measures (..., M) of sums (..., labels + 1, 3)."""
    rates = detection_rates(sums[..., :-1, :])
    of_all, f1 = rates[..., 0, :], rates[..., 1:, 2]
    return np.concatenate(
        [of_all, mean_of_defined(f1)[..., None], f1, count_errors(sums[..., -1, :])],
        axis=-1,
    )


def _spread(values: Floats, samples: Floats, seeds: tuple[int, ...]) -> Spread:
    sd = values.std(axis=0, ddof=1) if len(seeds) > 1 else np.full(values.shape[1:], np.nan)
    low = high = np.full(values.shape[1:], np.nan)
    if len(samples):
        low, high = percentile_interval(_over_seeds(samples))
    return Spread(values.mean(axis=0), sd, low, high, seeds)


def _over_seeds(samples: Floats) -> Floats:
    """Return the mean over seeds drawn with replacement, other ones in every resample, (resamples, ...)."""
    resamples, seeds = samples.shape[:2]
    drawn = numpy_generator(0, "study seeds").integers(seeds, size=(resamples, seeds))
    return np.asarray(samples[np.arange(resamples)[:, None], drawn].mean(axis=1))
