"""Scores of a study's arms, their spread over seeds, their intervals over groups, and differences of pairs of arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError, numpy_generator
from cellweave.metrics.bootstrap import resampled_sums
from cellweave.metrics.rates import Floats, count_error_terms, count_errors, detection_rates, mean_of_defined
from cellweave.workflows.studies.counts import ArmCounts
from cellweave.workflows.studies.spread import Spread, over_common_seeds, over_seeds

RESAMPLES = 1000

CLASS_RATES = ("f1", "precision", "recall")
"""What is measured of every class."""


def measures_of(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of what is measured; F1 of the classes is named ``f1:`` and the class, other rates likewise."""
    classes = [f"{rate}:{name}" for rate in CLASS_RATES for name in labels[1:]]
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

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds that have a result, ascending."""
        return self.counts.seeds

    def spread(self) -> Spread:
        """Return mean, spread over seeds and interval over groups."""
        return over_seeds(self.values, self.samples, self.seeds)


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
    return over_common_seeds(better, other)


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
    of_all, (precision, recall, f1) = rates[..., 0, :], np.moveaxis(rates[..., 1:, :], -1, 0)
    mean = mean_of_defined(f1)[..., None]
    return np.concatenate([of_all, mean, f1, precision, recall, count_errors(sums[..., -1, :])], axis=-1)
