"""Whether synthetic layouts are copies of training layouts: distances to the nearest place in any of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.core.progress import Progress, silent
from cellweave.metrics.foreign_layouts import turned_copies
from cellweave.metrics.layout_arms import crop_to_centre
from cellweave.metrics.layout_statistics import Floats, scale_of

Maps = npt.NDArray[np.float32]
Places = Callable[[Cells], Maps]
"""Features of every place of a layout, (F, h, w)."""

BORDER = 3
"""Places at each side that see beyond the frame, or are averaged with such that do, and are left out."""

PLACE_UM = 8.0
"""Width of a place, in µm."""

QUANTILE = 0.05
"""Of the distances between training layouts, below which one counts as near."""

_BLOCK = 64
"""Layouts whose features are held at once, beside those of the training layouts."""

_Z = 1.959964


@dataclass(frozen=True, slots=True)
class NearShare:
    """How many of several layouts are near to a training layout.

    Attributes:
        near: Their number.
        layouts: Of how many.
        median: Median of what they are judged by.
    """

    near: int
    layouts: int
    median: float

    @property
    def share(self) -> float:
        """Near over all."""
        return self.near / self.layouts

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share (Wilson 1927, Journal of the American Statistical Association 22:209-212)."""
        n, p = self.layouts, self.share
        centre, room = p + _Z**2 / (2 * n), _Z * np.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        low, high = (centre - room) / (1 + _Z**2 / n), (centre + room) / (1 + _Z**2 / n)
        return max(0.0, float(low)), min(1.0, float(high))

    def to_json(self) -> dict[str, Any]:
        """Return the share as JSON."""
        return {
            "share": self.share,
            "interval": list(self.interval),
            "near": self.near,
            "layouts": self.layouts,
            "median": self.median,
        }


@dataclass(frozen=True, slots=True)
class CopyTest:
    """Shares of layouts that are nearer to a training layout than nearly all training layouts are to one another.

    Attributes:
        threshold: The 5th percentile among the training layouts, each left out in turn.
        synthetic: Of the synthetic layouts.
        held_out: Of real layouts that no model has learnt from; None where there are none.
    """

    threshold: float
    synthetic: NearShare
    held_out: NearShare | None

    @property
    def memorised(self) -> bool | None:
        """Whether the synthetic share is above the held-out one beyond its interval; None without held-out layouts."""
        return None if self.held_out is None else self.synthetic.share > self.held_out.interval[1]

    def to_json(self) -> dict[str, Any]:
        """Return the shares as JSON."""
        return {
            "memorised": self.memorised,
            "threshold": self.threshold,
            "synthetic": self.synthetic.to_json(),
            "held_out": None if self.held_out is None else self.held_out.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Memorisation:
    """Whether synthetic layouts are copies of training layouts.

    Attributes:
        distance: By the distance to the nearest training layout. Sparse layouts are near to many.
        ratio: By that distance over the one to the second nearest: a copy is near to one layout alone.
        training: Number of training layouts.
        frame_px: Height and width of what is compared, in pixels.
    """

    distance: CopyTest
    ratio: CopyTest
    training: int
    frame_px: tuple[int, int]

    @property
    def memorised(self) -> bool | None:
        """Whether either test says so; None without held-out layouts."""
        verdicts = (self.distance.memorised, self.ratio.memorised)
        return None if None in verdicts else any(verdicts)

    def to_json(self) -> dict[str, Any]:
        """Return both tests as JSON."""
        return {
            "memorised": self.memorised,
            "distance": self.distance.to_json(),
            "ratio": self.ratio.to_json(),
            "training": self.training,
            "frame_px": list(self.frame_px),
        }


def score_memorisation(
    training: Sequence[Cells],
    synthetic: Sequence[Cells],
    held_out: Sequence[Cells],
    *,
    frame: tuple[int, int],
    places: Places,
    progress: Progress = silent,
) -> Memorisation:
    """Compare the middle of every layout with every place of every training layout, flipped and turned.

    Generators learn from crops at any place of their training images, so copies may be of any place; training layouts
    are therefore also looked at shifted by half a place. The distance is the root mean square difference of the
    features, least over places and over the flips and turns that keep the frame.

    Args:
        training: What the generator learnt from, whole, of known scale; none smaller than the frame.
        synthetic: What it made.
        held_out: Real layouts that it did not learn from; may be none.
        frame: Height and width of the middle that is compared, in pixels.
        places: Features of every place, 8 µm wide, of a layout.
        progress: Called after every block of layouts.

    Raises:
        InvalidInputError: There are fewer than three training layouts, one has no scale, or the frame holds too few
            places.

    Source:
        Meehan, Chaudhuri & Dasgupta 2020, A non-parametric test to detect data-copying in generative models, AISTATS:
        distances of samples to training data beside those of held-out data.
    """
    if len(training) < 3:
        raise InvalidInputError(f"copies are told by how training layouts differ; there are {len(training)} only.")
    maps = [[_inner(places(one)) for one in _shifted(cells, frame)] for cells in training]
    every = [*training, *synthetic, *held_out]
    nearest = np.full((len(every), 2), np.inf)
    for start in range(0, len(every), _BLOCK):
        block = every[start : start + _BLOCK]
        queries, owners = _queries(block, frame, places)
        best = np.full((len(block), 2), np.inf)
        for i, views in enumerate(maps):
            found = np.full(len(block), np.inf)
            for view in views:
                np.minimum.at(found, owners, _least_distances(queries, view))
            own = i - start
            if 0 <= own < len(block):
                found[own] = np.inf  # a training layout is compared with the others
            best = np.sort(np.column_stack([best, found]), axis=1)[:, :2]
        nearest[start : start + len(block)] = best
        progress("looking for copies", start + len(block), len(every))
    ratio = np.where(nearest[:, 1] > 0, nearest[:, 0] / np.maximum(nearest[:, 1], 1e-12), 1.0)
    sizes = (len(training), len(training) + len(synthetic))
    return Memorisation(_test(nearest[:, 0], *sizes), _test(ratio, *sizes), len(training), frame)


def _test(values: Floats, first: int, second: int) -> CopyTest:
    """Return the test by values of training layouts, then synthetic from ``first``, held-out from ``second`` on."""
    threshold = float(np.quantile(values[:first], QUANTILE))
    made, real = values[first:second], values[second:]
    return CopyTest(threshold, _share(made, threshold), _share(real, threshold) if len(real) else None)


def _shifted(cells: Cells, frame: tuple[int, int]) -> list[Cells]:
    """Return a layout, and what is left of it without half a place at the top, at the left, and at both."""
    half = max(1, round(PLACE_UM / 2 / scale_of(cells)))
    views = []
    for row, column in product((0, half), repeat=2):
        shape = (cells.shape[0] - row, cells.shape[1] - column)
        if not (row or column) or (shape[0] >= frame[0] and shape[1] >= frame[1]):
            views.append(cells.crop(row, column, shape))
    return views


def _queries(layouts: Sequence[Cells], frame: tuple[int, int], places: Places) -> tuple[Maps, npt.NDArray[np.int64]]:
    """Return the features of the middles of layouts, flipped and turned, (Q, F, k, l), and whose each is, (Q,)."""
    maps: list[Maps] = []
    owners: list[int] = []
    for owner, cells in enumerate(layouts):
        middle = crop_to_centre(cells, frame)
        copies = [_inner(places(one)) for one in (middle, *turned_copies(middle))]
        maps += copies
        owners += [owner] * len(copies)
    return np.stack(maps), np.array(owners)


def _inner(maps: Maps) -> Maps:
    """Return places that see nothing beyond the frame, averaged with their neighbours: small shifts matter less."""
    kept = maps[:, BORDER - 1 : 1 - BORDER, BORDER - 1 : 1 - BORDER]
    if min(kept.shape[1:]) < 3:
        raise InvalidInputError(
            f"layouts of {maps.shape[2]}×{maps.shape[1]} places of {PLACE_UM:g} µm are too small to find copies in; "
            f"they need more than {2 * BORDER} in both directions."
        )
    rows = (kept[:, :-2] + 2 * kept[:, 1:-1] + kept[:, 2:]) / 4
    return np.asarray((rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4, np.float32)


def _least_distances(queries: Maps, maps: Maps) -> Floats:
    """Return the root mean square difference of queries (Q, F, k, l) from the nearest window of (F, h, w), (Q,)."""
    size = queries[0].size
    windows = np.lib.stride_tricks.sliding_window_view(maps, queries.shape[2:], axis=(1, 2))
    rows = windows.transpose(1, 2, 0, 3, 4).reshape(-1, size)
    flat = queries.reshape(len(queries), size)
    squares = (rows**2).sum(axis=1) - 2 * flat @ rows.T
    least = squares.min(axis=1) + (flat**2).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(least, 0) / size), np.float64)


def _share(nearest: Floats, threshold: float) -> NearShare:
    return NearShare(int((nearest < threshold).sum()), len(nearest), float(np.median(nearest)))
