"""Fitting mixtures of Gaussians to many sets of points and with many numbers of components in one batch."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.maps.mixture_em import expectation, log_likelihood, maximisation, monomials
from cellweave.maps.mixture_starts import k_means, spread_seeds

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.intp]

STARTS = 3
"""Of every problem; the likeliest after ``TRIAL_STEPS`` of EM goes on."""
TRIAL_STEPS = 5
TOLERANCE = 1e-3
"""EM ends when a step raises the mean logarithm of the density by less: enough to compare numbers of components."""
FINE_TOLERANCE = 1e-5
"""That of the fit that is chosen in the end."""
MOST_STEPS = 300

_WIDTHS = (1, 3, 6, 10)
"""Numbers of components that batches are padded to; above, multiples of 4."""

_BLOCK = 60_000
"""Responsibilities of a batch: what the processor's cache holds."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedMixture:
    """A mixture that EM ended with.

    Attributes:
        parameters: Of every component its weight, its mean x and y, and its xx, xy and yy of the covariance, (K, 6).
        log_likelihood: Of the points.
        steps: Of EM, those of the starts not counted.
    """

    parameters: Floats
    log_likelihood: float
    steps: int

    @property
    def weights(self) -> Floats:
        """Weights of the components, (K,), of sum 1."""
        return np.asarray(self.parameters[:, 0] / self.parameters[:, 0].sum(), np.float64)

    @property
    def means(self) -> Floats:
        """Means of the components, (K, 2)."""
        return self.parameters[:, 1:3]

    @property
    def covariances(self) -> Floats:
        """Covariances of the components, (K, 2, 2)."""
        return self.parameters[:, [3, 4, 4, 5]].reshape(-1, 2, 2)


def fit_mixtures(
    point_sets: Sequence[Floats],
    sizes: Sequence[Sequence[int]],
    *,
    floors: Floats,
    seed: int,
    starts: int = STARTS,
) -> list[dict[int, FittedMixture]]:
    """Return a mixture of every wanted number of components for every set of points.

    A fit depends on its own points, not on their order, its number of components, its floor and the seed: neither the
    other sets nor the other numbers change a bit of it.

    Args:
        point_sets: Each (N, 2), N >= 1, finite.
        sizes: Numbers of components wanted of every set, each >= 1 and at most the number of its distinct points.
        floors: Added to the variances of x and y of every component, (sets, 2), > 0.
        seed: Of the starts, >= 0.
        starts: Tried for every fit.

    Returns:
        For every set its fits by number of components.

    Source:
        Dempster et al. 1977; the trial of several starts is that of Biernacki et al. 2003.
    """
    fits: list[dict[int, FittedMixture]] = [{} for _ in point_sets]
    for members, batch in _batches(point_sets, floors):
        seeds = batch.seeds(max(max(sizes[i]) for i in members), starts=starts, seed=seed)
        problems = [(row, size) for row, i in enumerate(members) for size in sizes[i]]
        for width, rows, counts in _by_width(problems):
            for some in _blocks(len(rows), width * batch.length * starts):
                alive = np.arange(width) < counts[some, None]
                begun = batch.best_start(rows[some], alive, seeds)
                for place, fit in zip(range(some.start, some.stop), batch.climb(rows[some], alive, begun), strict=True):
                    fits[members[rows[place]]][int(counts[place])] = fit
    return fits


def refine_mixtures(
    point_sets: Sequence[Floats], fits: Sequence[FittedMixture], *, floors: Floats
) -> list[FittedMixture]:
    """Return mixtures, one a set of points, after more steps of EM, down to ``FINE_TOLERANCE``."""
    refined: dict[int, FittedMixture] = {}
    for members, batch in _batches(point_sets, floors):
        problems = [(row, len(fits[i].parameters)) for row, i in enumerate(members)]
        for width, rows, counts in _by_width(problems):
            for some in _blocks(len(rows), width * batch.length):
                begun = np.zeros((some.stop - some.start, width, 6))
                begun[:, :, [0, 3, 5]] = 1
                for b, row in enumerate(rows[some]):
                    parameters = fits[members[row]].parameters
                    begun[b, : len(parameters)] = parameters
                    begun[b, : len(parameters), 1:3] -= batch.centres[row]
                alive = np.arange(width) < counts[some, None]
                climbed = batch.climb(rows[some], alive, begun, tolerance=FINE_TOLERANCE)
                refined |= {members[row]: fit for row, fit in zip(rows[some], climbed, strict=True)}
    return [refined[i] for i in range(len(fits))]


def best_mixtures(
    point_sets: Sequence[Floats],
    sizes: Sequence[Sequence[int]],
    *,
    floors: Floats,
    seed: int,
    parameters: int = 6,
) -> list[FittedMixture]:
    """Return for every set of points the mixture of the smallest BIC, -2 log L + (parameters K - 1) log N, refined.

    Args:
        point_sets: As for :func:`fit_mixtures`.
        sizes: As there.
        floors: As there.
        seed: As there.
        parameters: Of a component; the weights' sum of 1 takes one away.

    Source:
        Schwarz 1978.
    """
    fits = fit_mixtures(point_sets, sizes, floors=floors, seed=seed)
    chosen = [_of_smallest_bic(one, len(points), parameters) for one, points in zip(fits, point_sets, strict=True)]
    return refine_mixtures(point_sets, chosen, floors=floors)


def _of_smallest_bic(fits: Mapping[int, FittedMixture], points: int, parameters: int) -> FittedMixture:
    size = min(fits, key=lambda k: (parameters * k - 1) * math.log(points) - 2 * fits[k].log_likelihood)
    return fits[size]


def padded_length(count: int) -> int:
    """Return the length that a set of points is padded to: 8, 12, 16, 24, 32, 48, and so on."""
    power: int = 1 << max(3, (count - 1).bit_length())
    return power * 3 // 4 if count <= power * 3 // 4 and power > 8 else power


def padded_width(size: int) -> int:
    """Return the number of components that a mixture is padded to."""
    return next((width for width in _WIDTHS if width >= size), -(-size // 4) * 4)


def _batches(point_sets: Sequence[Floats], floors: Floats) -> Iterator[tuple[list[int], _Batch]]:
    """Yield sets of points of one padded length, and their numbers."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for i, points in enumerate(point_sets):
        by_length[padded_length(len(points))].append(i)
    for length, members in sorted(by_length.items()):
        for some in _blocks(len(members), length * 4):
            yield members[some], _Batch([point_sets[i] for i in members[some]], length, floors[members[some]])


def _by_width(problems: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Numbers, Numbers]]:
    """Yield padded numbers of components with the problems, (set, number of components), that have them."""
    by_width: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for row, size in problems:
        by_width[padded_width(size)].append((row, size))
    for width, some in sorted(by_width.items()):
        rows, counts = np.array(some, np.intp).T
        yield width, rows, counts


def _blocks(number: int, cost: int) -> Iterator[slice]:
    step = max(1, _BLOCK // cost)
    return (slice(first, min(first + step, number)) for first in range(0, number, step))


class _Batch:
    """Sets of points padded to one length, each moved to its mean and put in order."""

    def __init__(self, point_sets: Sequence[Floats], length: int, floors: Floats) -> None:
        self.length, self.floors = length, floors
        self.points = np.zeros((len(point_sets), length, 2))
        self.mask = np.zeros((len(point_sets), length))
        self.centres = np.zeros((len(point_sets), 2))
        for i, points in enumerate(point_sets):
            ordered = points[np.lexsort(points.T)]
            self.centres[i] = ordered.mean(axis=0)
            self.points[i, : len(points)] = ordered - self.centres[i]
            self.mask[i, : len(points)] = 1
        self.features = monomials(self.points, self.mask)

    def seeds(self, count: int, *, starts: int, seed: int) -> Floats:
        return spread_seeds(self.points, self.mask, padded_width(count), starts=starts, seed=seed)

    def best_start(self, rows: Numbers, alive: Flags, seeds: Floats) -> Floats:
        """Return the likeliest mixtures of several starts, (B, K, 6)."""
        batch, width = alive.shape
        starts = len(seeds) if width > 1 else 1  # one Gaussian has one optimum
        every = np.tile(rows, starts)
        lively = np.tile(alive, (starts, 1))
        features, floors = self.features[every], self.floors[every]
        centres = seeds[:starts, rows, :width].reshape(-1, width, 2)
        found = maximisation(k_means(centres, features, lively), features, floors)
        if starts == 1:
            return found
        for _ in range(TRIAL_STEPS):
            shares, log_density = expectation(found, features, lively)
            found = maximisation(shares, features, floors)
        likelihoods = log_likelihood(log_density, self.mask[every]).reshape(starts, batch)
        best: Floats = found.reshape(starts, batch, width, 6)[likelihoods.argmax(axis=0), np.arange(batch)]
        return best

    def climb(
        self, rows: Numbers, alive: Flags, found: Floats, *, tolerance: float = TOLERANCE
    ) -> Iterator[FittedMixture]:
        """Yield where EM leads, each problem ending at its own step."""
        sizes = alive.sum(axis=1)
        features, mask, floors = self.features[rows], self.mask[rows], self.floors[rows]
        least = tolerance * mask.sum(axis=1)
        ended, likelihoods, steps = np.empty_like(found), np.empty(len(rows)), np.zeros(len(rows), np.intp)
        active, before = np.arange(len(rows)), np.full(len(rows), -np.inf)
        for step in range(1, MOST_STEPS + 1):
            shares, log_density = expectation(found, features, alive)
            now = log_likelihood(log_density, mask)
            over = (now - before < least) | (step == MOST_STEPS)
            if over.any():
                places = active[over]
                ended[places], likelihoods[places], steps[places] = found[over], now[over], step
                on = ~over
                if not on.any():
                    break
                active, now, least, alive = active[on], now[on], least[on], alive[on]
                features, mask, floors, shares = features[on], mask[on], floors[on], shares[on]
            before = now
            found = maximisation(shares, features, floors)
        for b, row in enumerate(rows):
            parameters = ended[b, : sizes[b]]
            parameters[:, 1:3] += self.centres[row]
            yield FittedMixture(parameters, float(likelihoods[b]), int(steps[b]))
