"""FID, KID and IS of features that were encoded before, computed by torchmetrics."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cellweave.core import InvalidInputError, torch_generator

Features = npt.NDArray[np.float32]
"""(N, F)."""

SUBSET, SUBSETS = 100, 20
"""Patches of a subset that a KID is measured on, and their number."""

PARTS = 5
"""Parts of the patches that an IS is measured on."""

LEAST_SCORED = 2 * PARTS
"""Patches that an IS needs."""


class Spread(NamedTuple):
    """Mean and standard deviation over subsets."""

    mean: float
    sd: float


class _Given(nn.Module):
    """Takes features for images, so that they are encoded once for all comparisons."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet_distance(first: Features, second: Features) -> float:
    """Return the FID of two sets of features: how far apart Gaussians lie that are fitted to them.

    Args:
        first, second: (N, F) each, with more patches than features.

    Raises:
        InvalidInputError: The features are of different lengths, or there are no more patches than features.

    Source:
        Heusel et al. 2017, GANs trained by a two time-scale update rule converge to a local Nash equilibrium, Eq. 6.

    Example:
        >>> square = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], np.float32)
        >>> round(frechet_distance(square, square + np.float32([3, 4])), 6)
        25.0
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    size = _common_length(first, second)
    if min(len(first), len(second)) <= size:
        raise InvalidInputError(
            f"an FID of {size} features needs more patches than features, got {len(first)} and {len(second)}."
        )
    metric = FrechetInceptionDistance(feature=_Given(size))
    metric.update(_tensor(first), real=True)
    metric.update(_tensor(second), real=False)
    return max(0.0, float(metric.compute()))


def kernel_distance(
    first: Features, second: Features, *, subset: int = SUBSET, subsets: int = SUBSETS, seed: int = 0
) -> Spread:
    """Return the KID of two sets of features over random subsets, without bias by their size.

    Args:
        first, second: (N, F) each.
        subset: Patches of each set in a subset; fewer where there are not as many.
        subsets: How many subsets.
        seed: Of the subsets.

    Raises:
        InvalidInputError: The features are of different lengths, or a set has fewer than 2.

    Source:
        Bińkowski et al. 2018, Demystifying MMD GANs, section 4: the squared maximum mean discrepancy with the kernel
        (x · y / F + 1)³.
    """
    from torchmetrics.image.kid import KernelInceptionDistance

    size = _common_length(first, second)
    if min(len(first), len(second)) < 2:
        raise InvalidInputError(f"a KID needs two patches or more on either side, got {len(first)} and {len(second)}.")
    with _drawn_from(seed, "KID subsets"):
        metric = KernelInceptionDistance(
            feature=_Given(size), subset_size=min(subset, len(first), len(second)), subsets=subsets
        )
        metric.update(_tensor(first), real=True)
        metric.update(_tensor(second), real=False)
        mean, sd = metric.compute()
    return Spread(float(mean), float(sd))


def inception_score(logits: Features, *, parts: int = PARTS, seed: int = 0) -> Spread:
    """Return the IS of patches by the logits of their classes: 1 if all are alike, at most the number of classes.

    Args:
        logits: (N, C).
        parts: The patches are dealt into so many parts, >= 2, each of which has a score.
        seed: Of the parts.

    Raises:
        InvalidInputError: There are fewer patches than two for every part, or fewer than two parts.

    Source:
        Salimans et al. 2016, Improved techniques for training GANs, section 4.
    """
    from torchmetrics.image.inception import InceptionScore

    if parts < 2 or len(logits) < 2 * parts:
        raise InvalidInputError(f"an IS of {parts} parts needs 2 parts and 2 patches in each, got {len(logits)}.")
    with _drawn_from(seed, "IS parts"):
        metric = InceptionScore(feature=_Given(logits.shape[1]), splits=parts)
        metric.update(_tensor(logits))
        mean, sd = metric.compute()
    return Spread(float(mean), float(sd))


@contextmanager
def _drawn_from(seed: int, name: str) -> Iterator[None]:
    """Let torchmetrics draw from a generator of its own: it knows the global one alone, which is put back after."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*will save all extracted features in buffer", category=UserWarning)
        torch.manual_seed(torch_generator(seed, name).initial_seed())
        yield


def _tensor(features: Features) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(features, np.float64))


def _common_length(first: Features, second: Features) -> int:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise InvalidInputError(
            f"features are (N, F) with one F, got {first.shape} and {second.shape}; use one encoder."
        )
    return int(first.shape[1])
