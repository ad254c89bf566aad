"""Looking for copies of training layouts: distances from crops to the nearest place in any of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.core.progress import Progress, silent
from cellweave.metrics.foreign_layouts import turned_copies
from cellweave.metrics.layout_memorisation import QUANTILE, CopyTest, Memorisation, NearShare
from cellweave.metrics.layout_statistics import Floats, scale_of

Maps = npt.NDArray[np.float32]
Places = Callable[[Cells], Maps]
"""Features of every place of a layout, (F, h, w)."""

Values = tuple[Floats, Floats]
"""Distances to the nearest training layout, and their ratios to those to the second nearest, (crops,) each."""

BORDER = 3
"""Places at each side that see beyond the frame, or are averaged with such that do, and are left out."""

PLACE_UM = 8.0
"""Width of a place, in µm."""

OVERLAP = 0.25
"""Most of a crop, in either direction, that it shares with the next one of the same layout."""

FEWEST_GROUPS = 3
"""Of training layouts: a crop of one group needs two others, to be nearer to one than to the second."""

_BLOCK = 64
"""Crops whose features are held at once, beside those of the training layouts."""


class CopySearch:
    """Looks for copies of training layouts: crops of layouts against every place of them, flipped and turned.

    Generators learn from crops at any place of their training images, so copies may be of any place; training layouts
    are therefore also looked at shifted by half a place. The distance is the root mean square difference of the
    features, least over places and over the flips and turns that keep the frame. Training layouts are compared with
    those of other patients.

    Args:
        training: What the generator learnt from, whole, of known scale; none smaller than the frame.
        held_out: Real layouts that it did not learn from; may be none.
        frame: Height and width of the crops that are compared, in pixels.
        places: Features of every place, 8 µm wide, of a layout.
        training_groups: Patient or slide of every training layout; each is its own when None.
        held_out_groups: The same of the held-out layouts.
        seed: Of the bootstrap over groups.
        progress: Called after every block of crops.

    Raises:
        InvalidInputError: The training layouts are of fewer than three groups, one has no scale, or the frame
            holds too few places.

    Source:
        Meehan, Chaudhuri & Dasgupta 2020, A non-parametric test to detect data-copying in generative models, AISTATS:
        distances of samples to training data beside those of held-out data.
    """

    def __init__(
        self,
        training: Sequence[Cells],
        held_out: Sequence[Cells],
        *,
        frame: tuple[int, int],
        places: Places,
        training_groups: Sequence[str] | None = None,
        held_out_groups: Sequence[str] | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> None:
        self._groups = np.asarray(_each_its_own(training) if training_groups is None else training_groups)
        number = len(set(self._groups.tolist()))
        if number < FEWEST_GROUPS:
            raise InvalidInputError(
                f"copies are told by how training layouts of {FEWEST_GROUPS} or more groups (patients) differ; there "
                f"are {number} only."
            )
        self._frame, self._places, self._seed, self._progress = frame, places, seed, progress
        self._training = len(training)
        self._maps = [[_inner(places(one)) for one in _shifted(cells, frame)] for cells in training]
        crops, owners = _crops_of(training, frame)
        self._values = self._judged(crops, left_out=self._groups[owners])
        self._held_out: tuple[Values, list[str]] | None = None
        if held_out:
            names = _each_its_own(held_out) if held_out_groups is None else list(held_out_groups)
            crops, owners = _crops_of(held_out, frame)
            self._held_out = (self._judged(crops), [names[owner] for owner in owners])

    def judge(self, synthetic: Sequence[Cells]) -> Memorisation:
        """Return whether synthetic layouts are nearer to training layouts than held-out ones are.

        Args:
            synthetic: Of known scale, none smaller than the frame.
        """
        crops, owners = _crops_of(synthetic, self._frame)
        made = (self._judged(crops), [str(owner) for owner in owners])
        tests = [self._test(which, made) for which in (0, 1)]
        return Memorisation(tests[0], tests[1], self._training, self._frame, len(self._values[0]))

    def _test(self, which: int, made: tuple[Values, list[str]]) -> CopyTest:
        """Return the test by distances (0) or ratios (1)."""
        threshold = float(np.quantile(self._values[which], QUANTILE))

        def share(values: Values, groups: Sequence[str]) -> NearShare:
            return NearShare.of(values[which], threshold, groups, seed=self._seed)

        return CopyTest(threshold, share(*made), None if self._held_out is None else share(*self._held_out))

    def _judged(self, crops: Sequence[Cells], left_out: npt.NDArray[np.str_] | None = None) -> Values:
        """Return the distance of every crop to the nearest training layout, and over that to the second nearest.

        Args:
            crops: Of the frame.
            left_out: Group whose training layouts a crop is not compared with.
        """
        nearest = np.empty((len(crops), 2))
        for start in range(0, len(crops), _BLOCK):
            block = slice(start, start + _BLOCK)
            queries, owners = _queries(crops[block], self._places)
            distances = np.full((len(crops[block]), self._training), np.inf)
            for column, views in zip(distances.T, self._maps, strict=True):
                for view in views:
                    np.minimum.at(column, owners, _least_distances(queries, view))
            if left_out is not None:
                distances[left_out[block, None] == self._groups] = np.inf
            nearest[block] = np.partition(distances, 1, axis=1)[:, :2]
            self._progress("looking for copies", start + len(distances), len(crops))
        ratio = np.where(nearest[:, 1] > 0, nearest[:, 0] / np.maximum(nearest[:, 1], 1e-12), 1.0)
        return nearest[:, 0], ratio


def _each_its_own(layouts: Sequence[Cells]) -> list[str]:
    return [str(i) for i in range(len(layouts))]


def _crops_of(layouts: Sequence[Cells], frame: tuple[int, int]) -> tuple[list[Cells], list[int]]:
    """Return as many crops of a frame as layouts hold, neighbours overlapping by a quarter at most, and whose each is.

    They are spread evenly, the outer ones at the sides of the layout; where it holds one in a direction, that is in
    the middle.
    """
    crops, owners = [], []
    for owner, cells in enumerate(layouts):
        starts = [_starts(side, length) for side, length in zip(cells.shape, frame, strict=True)]
        for row, column in product(*starts):
            crops.append(cells.crop(row, column, frame))
            owners.append(owner)
    return crops, owners


def _starts(side: int, length: int) -> list[int]:
    number = 1 + int((side - length) / ((1 - OVERLAP) * length))
    return [(side - length) // 2] if number == 1 else [(side - length) * i // (number - 1) for i in range(number)]


def _shifted(cells: Cells, frame: tuple[int, int]) -> list[Cells]:
    """Return a layout, and what is left of it without half a place at the top, at the left, and at both."""
    half = max(1, round(PLACE_UM / 2 / scale_of(cells)))
    views = []
    for row, column in product((0, half), repeat=2):
        shape = (cells.shape[0] - row, cells.shape[1] - column)
        if not (row or column) or (shape[0] >= frame[0] and shape[1] >= frame[1]):
            views.append(cells.crop(row, column, shape))
    return views


def _queries(crops: Sequence[Cells], places: Places) -> tuple[Maps, npt.NDArray[np.int64]]:
    """Return the features of crops, flipped and turned, (Q, F, k, l), and whose each is, (Q,)."""
    maps: list[Maps] = []
    owners: list[int] = []
    for owner, cells in enumerate(crops):
        copies = [_inner(places(one)) for one in (cells, *turned_copies(cells))]
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
