"""Whether patches of synthetic images are copies of places in training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError, numpy_generator
from cellweave.core.progress import Progress, silent
from cellweave.metrics.bootstrap import percentile_interval, resampled_sums
from cellweave.metrics.image_distances import Features
from cellweave.metrics.layout_memorisation import QUANTILE, NearShare
from cellweave.metrics.layout_statistics import Floats

RESAMPLES = 1000

_BLOCK = 256
"""Queries whose distances to all places are held at once."""


@dataclass(frozen=True, slots=True, eq=False)
class PatchQueries:
    """Patches that are looked for in training images.

    Attributes:
        features: Shifted, flipped and turned in several ways, (Q, views, F).
        images: Image of every patch, (Q,); of training patches its number among the training images.
        groups: Patient or slide of every patch, (Q,).
    """

    features: npt.NDArray[np.float32]
    images: npt.NDArray[np.int64]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PatchCopyTest:
    """Shares of patches that are nearer to a training image than nearly all training patches are to another one.

    Attributes:
        threshold: The 5th percentile among training patches, each compared with the other training images.
        synthetic: Of the synthetic patches.
        held_out: Of patches of real images that the generator has not learnt from; None where there are none.
        bound: Upper end of the 95 % interval of the held-out share: that of a bootstrap over its groups or Wilson's
            over its patches, whichever is higher, since patches of one patient resemble one another.
    """

    threshold: float
    synthetic: NearShare
    held_out: NearShare | None
    bound: float | None

    @property
    def memorised(self) -> bool | None:
        """Whether the synthetic share is above the bound; None without held-out patches."""
        return None if self.bound is None else self.synthetic.share > self.bound

    def to_json(self) -> dict[str, Any]:
        """Return the shares as JSON."""
        return {
            "memorised": self.memorised,
            "threshold": self.threshold,
            "synthetic": _share_json(self.synthetic),
            "held_out": None if self.held_out is None else _share_json(self.held_out),
            "bound": self.bound,
        }


@dataclass(frozen=True, slots=True)
class PatchMemorisation:
    """Whether patches of synthetic images are copies of places in training images.

    Attributes:
        distance: By the distance to the nearest training image. Plain patches are near to many.
        ratio: By that distance over the one to the second nearest: a copy is near to one image alone.
        images: Number of training images.
        places: Number of places in them.
    """

    distance: PatchCopyTest
    ratio: PatchCopyTest
    images: int
    places: int

    @property
    def memorised(self) -> bool | None:
        """Whether either test says so; None without held-out patches."""
        verdicts = (self.distance.memorised, self.ratio.memorised)
        return None if None in verdicts else any(verdicts)

    def to_json(self) -> dict[str, Any]:
        """Return both tests as JSON."""
        return {
            "memorised": self.memorised,
            "distance": self.distance.to_json(),
            "ratio": self.ratio.to_json(),
            "images": self.images,
            "places": self.places,
        }


def score_patch_memorisation(
    places: Sequence[Features],
    training: PatchQueries,
    synthetic: PatchQueries,
    held_out: PatchQueries | None,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> PatchMemorisation:
    """Compare patches, shifted, flipped and turned, with all places of every training image.

    The distance of a patch from an image is the Euclidean distance of its features from those of the nearest place,
    least over its views. Features change within a few pixels, so that a part of the patches of a copy is found only:
    the share tells generators that copy much, not single copies.

    Args:
        places: Features of the places of every training image, (P, F) each, P >= 1.
        training: Some patches of the training images; each is compared with the other training images.
        synthetic: Some patches of synthetic images.
        held_out: Some of real images that the generator has not learnt from; None for shares without a verdict.
        seed: Of the bootstrap over the groups of the held-out patches.
        progress: Called after every block of patches.

    Raises:
        InvalidInputError: There are fewer than three training images, or no patch on a side.

    Source:
        Meehan, Chaudhuri & Dasgupta 2020, A non-parametric test to detect data-copying in generative models, AISTATS.
    """
    if len(places) < 3:
        raise InvalidInputError(f"copies are told by how training images differ; there are {len(places)} only, not 3.")
    sides = [training, synthetic, *([] if held_out is None else [held_out])]
    if not all(len(one.features) for one in sides):
        raise InvalidInputError("a side has no patch to look for copies with; give images of 32 µm or more.")
    flat = np.concatenate(places)
    starts = np.cumsum([0, *(len(one) for one in places[:-1])])
    total, done = sum(len(one.features) for one in sides), 0
    values: list[tuple[Floats, Floats]] = []
    for side in sides:
        nearest = np.empty((len(side.features), 2))
        for start in range(0, len(nearest), _BLOCK):
            block = slice(start, start + _BLOCK)
            distances = _image_distances(side.features[block], flat, starts)
            if side is training:
                distances[np.arange(len(distances)), side.images[block]] = np.inf
            nearest[block] = np.partition(distances, 1, axis=1)[:, :2]
            done += len(distances)
            progress("looking for copies", done, total)
        ratio = np.where(nearest[:, 1] > 0, nearest[:, 0] / np.maximum(nearest[:, 1], 1e-12), 1.0)
        values.append((nearest[:, 0], ratio))
    tests = [_test([one[which] for one in values], held_out, seed) for which in (0, 1)]
    return PatchMemorisation(tests[0], tests[1], images=len(places), places=len(flat))


def _image_distances(queries: npt.NDArray[np.float32], flat: Features, starts: npt.NDArray[np.int64]) -> Floats:
    """Return the distance of every query (Q, views, F) from every image, (Q, images)."""
    least = np.full((len(queries), len(starts)), np.inf)
    squares = (flat**2).sum(axis=1)
    for view in range(queries.shape[1]):
        turned = queries[:, view]
        found = squares - 2 * turned @ flat.T + (turned**2).sum(axis=1)[:, None]
        np.minimum(least, np.minimum.reduceat(found, starts, axis=1), out=least)
    return np.asarray(np.sqrt(np.maximum(least, 0)), np.float64)


def _test(values: Sequence[Floats], held_out: PatchQueries | None, seed: int) -> PatchCopyTest:
    threshold = float(np.quantile(values[0], QUANTILE))
    made = _share(values[1], threshold)
    if held_out is None:
        return PatchCopyTest(threshold, made, None, None)
    real = _share(values[2], threshold)
    _, members = np.unique(np.asarray(held_out.groups), return_inverse=True)
    sums = np.stack([np.bincount(members, weights=values[2] < threshold), np.bincount(members)], axis=1)
    drawn = resampled_sums(sums, resamples=RESAMPLES, generator=numpy_generator(seed, "held-out patches"))
    upper = float(percentile_interval(drawn[:, 0] / drawn[:, 1])[1])
    return PatchCopyTest(threshold, made, real, max(upper, real.interval[1]))


def _share(nearest: Floats, threshold: float) -> NearShare:
    return NearShare(int((nearest < threshold).sum()), len(nearest), float(np.median(nearest)))


def _share_json(share: NearShare) -> dict[str, Any]:
    return {"share": share.share, "near": share.near, "patches": share.layouts, "median": share.median}
