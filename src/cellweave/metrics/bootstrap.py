"""Bootstrap over groups of images: what the scores might have been with other patients."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cellweave.metrics.rates import Floats

LEVEL = 0.95
_BLOCK = 4_000_000
"""Weights held in memory at once."""


def resampled_sums(per_group: npt.ArrayLike, *, resamples: int, generator: np.random.Generator) -> Floats:
    """Return the sums over as many groups as there are, drawn with replacement, again and again.

    Scores are made of sums over images, and images of one patient resemble one another; so whole groups are drawn,
    and only their sums are needed.

    Args:
        per_group: Sums of every group, (groups, values).
        resamples: How often to draw.
        generator: Source of the draws.

    Returns:
        float64 (resamples, values).

    Source:
        Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 6.
    """
    values = np.asarray(per_group, np.float64)
    groups = len(values)
    block = max(1, _BLOCK // groups)
    sizes = [min(block, resamples - start) for start in range(0, resamples, block)]
    drawn = [generator.multinomial(groups, np.full(groups, 1 / groups), size=size) @ values for size in sizes]
    return np.concatenate([np.zeros((0, values.shape[1])), *drawn])


def percentile_interval(samples: Floats) -> Floats:
    """Return the interval that holds the middle 95 % of samples, float64 (2, ...).

    Args:
        samples: (resamples, ...); NaN where a resample left the value undefined, which is left out.

    Returns:
        Lower and upper end; NaN where no sample is defined.
    """
    undefined = np.isnan(samples).all(axis=0)
    ends = np.nanpercentile(np.where(undefined, 0, samples), [50 * (1 - LEVEL), 50 * (1 + LEVEL)], axis=0)
    return np.where(undefined, np.nan, ends)
