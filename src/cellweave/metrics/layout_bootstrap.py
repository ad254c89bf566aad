"""How often every layout counts in a split, and in splits of patients drawn anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cellweave.core import numpy_generator
from cellweave.metrics.bootstrap import percentile_interval
from cellweave.metrics.layout_splits import LayoutSplit
from cellweave.metrics.layout_statistics import Floats

Interval = tuple[float, float]

_DEFINED = 0.95
"""Share of the resamples in which a score must be defined, so that an interval is given."""


class SideWeights(NamedTuple):
    """How often each layout counts on each side of a comparison.

    Attributes:
        real: Of the real layouts, (M, real layouts).
        other_real: Of the real layouts of other groups, and of the random and fitted layouts made after them.
        synthetic: Of the synthetic layouts, (M, synthetic layouts).
        size: Layouts on either side of a split.
    """

    real: Floats
    other_real: Floats
    synthetic: Floats
    size: int


def split_weights(splits: Sequence[LayoutSplit], real: int, synthetic: int) -> SideWeights:
    """Return the weights of splits as they are: 1 for the layouts that are in, (splits, layouts)."""
    sides = [np.zeros((len(splits), count)) for count in (real, real, synthetic)]
    for row, split in enumerate(splits):
        for side, chosen in zip(sides, split, strict=True):
            side[row, chosen] = 1
    return SideWeights(sides[0], sides[1], sides[2], len(splits[0].real))


def resampled_weights(
    splits: SideWeights, groups: Sequence[str], *, resamples: int, seed: int, block: int = 25
) -> Iterator[SideWeights]:
    """Yield the weights of the same splits with groups and synthetic layouts drawn anew, some resamples at a time.

    In a resample as many groups as there are, are drawn with replacement, and the layouts of a group count as often as
    it was drawn, in whichever half of a split they are; so halves never share a group. Synthetic layouts are drawn
    one by one.

    Args:
        splits: Of :func:`split_weights`.
        groups: Group of every real layout.
        resamples: How many.
        seed: Of the draws; resample ``i`` depends on (seed, i) alone.
        block: Resamples at a time.

    Yields:
        (resamples in the block × splits, layouts) each, resample by resample.
    """
    names, members = np.unique(np.asarray(groups), return_inverse=True)
    synthetic = splits.synthetic.shape[1]
    for start in range(0, resamples, block):
        real_times, synthetic_times = [], []
        for i in range(start, min(start + block, resamples)):
            rng = numpy_generator(seed, "layout resample", i)
            real_times.append(rng.multinomial(len(names), np.full(len(names), 1 / len(names)))[members])
            synthetic_times.append(rng.multinomial(synthetic, np.full(synthetic, 1 / synthetic)))
        yield SideWeights(
            _times(splits.real, real_times),
            _times(splits.other_real, real_times),
            _times(splits.synthetic, synthetic_times),
            splits.size,
        )


def centred_interval(score: float, samples: Floats) -> Interval | None:
    """Return the 95 % percentile interval of a resampled score, moved so that its median is the score.

    Layouts drawn twice make sets differ more, so that resampled distances are all larger than the real ones; moving
    takes that out.

    Args:
        score: As measured.
        samples: In every resample, (resamples,); NaN where not defined.

    Returns:
        None where the score, or more than one sample in twenty, is not defined.
    """
    if not len(samples) or not np.isfinite(score) or np.isfinite(samples).mean() < _DEFINED:
        return None
    low, high = percentile_interval(samples) - np.nanmedian(samples) + score
    return float(low), float(high)


def _times(weights: Floats, times: Sequence[npt.NDArray[np.int64]]) -> Floats:
    return np.concatenate([weights * one for one in times])
