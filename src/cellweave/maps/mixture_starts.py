"""Where EM starts: k-means++ seeds and a few rounds of k-means, for many sets of points at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cellweave.core import numpy_generator
from cellweave.maps.mixture_em import NEVER

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

ROUNDS = 10
"""Of k-means, at most."""

CANDIDATES = 4
"""Drawn for every seed; the one that leaves the points nearest to a seed is taken."""


def spread_seeds(points: Floats, mask: Floats, count: int, *, starts: int, seed: int) -> Floats:
    """Return seeds far from one another, (starts, B, count, 2), by greedy k-means++.

    The first k seeds do not depend on ``count``: one chain serves every number of components. All sets of points use
    the same random numbers, so a set's seeds depend on (seed, points) alone.

    Args:
        points: (B, N, 2), the real ones of every set first.
        mask: 1 for real points, 0 for padding, (B, N).
        count: Seeds of a set; where it has fewer distinct points, points come again.
        starts: Chains of a set; each gets seeds of its own, whatever their number.
        seed: Of the chains.

    Source:
        Arthur and Vassilvitskii 2007, k-means++.
    """
    draws = [numpy_generator(seed, "seeds of a mixture", start).random((count, CANDIDATES)) for start in range(starts)]
    numbers = np.stack(draws)
    last = mask.sum(axis=1).astype(np.intp)[:, None] - 1
    sets, chains = np.arange(len(points)), np.arange(starts)[:, None]
    seeds = np.empty((starts, len(points), count, 2))
    nearest = np.repeat(mask[None], starts, axis=0)  # the first is drawn uniformly
    for k in range(count):
        sums = nearest.cumsum(axis=2)
        targets = numbers[:, k, None] * sums[:, :, -1:]
        chosen = np.minimum((sums[:, :, None, :] <= targets[..., None]).sum(axis=3), last)
        candidates = points[sets[:, None], chosen]
        across = points[:, None, :, 0] - candidates[..., :1]
        along = points[:, None, :, 1] - candidates[..., 1:]
        left = (across * across + along * along) * mask[:, None]
        if k:
            np.minimum(left, nearest[:, :, None], out=left)
        best = left.sum(axis=3).argmin(axis=2)
        nearest = left[chains, sets, best]
        seeds[:, :, k] = candidates[chains, sets, best]
    return seeds


def k_means(centres: Floats, features: Floats, alive: Flags) -> Floats:
    """Return what points belong to what centre, 0 or 1, (B, K, N), after k-means from ``centres`` (B, K, 2).

    Args:
        centres: Where it starts.
        features: The monomials of the points, (B, 6, N).
        alive: Which centres are no padding, (B, K).

    Returns:
        Arbitrary at padding of points, 0 at padding of centres.
    """
    numbers = np.arange(centres.shape[1])[:, None]
    linear = features[:, :3]
    planes = np.empty((*alive.shape, 3))
    belongs: Floats = np.zeros((*alive.shape, features.shape[2]))
    before = None
    for _ in range(ROUNDS):
        planes[:, :, 0] = np.where(alive, -0.5 * (centres**2).sum(axis=2), NEVER)
        planes[:, :, 1:] = centres
        nearest = np.matmul(planes, linear).argmax(axis=1)
        if before is not None and np.array_equal(before, nearest):
            break
        before = nearest
        belongs = (nearest[:, None] == numbers).astype(np.float64)
        sums = np.matmul(belongs, linear.transpose(0, 2, 1))
        counts = sums[:, :, :1]
        centres = np.where(counts > 0, sums[:, :, 1:] / np.maximum(counts, 1), centres)
    return belongs
