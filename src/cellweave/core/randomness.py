"""Random generators that depend on a seed and on the names and numbers of what they are for, on nothing else."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def _sequence(seed: int, keys: tuple[int | str, ...]) -> np.random.SeedSequence:
    """Return the seed sequence of the keys; a spawn key tells ``("x",)`` from ``("x", 0)``, as entropy would not."""
    words = [(1, zlib.crc32(key.encode())) if isinstance(key, str) else (0, key) for key in keys]
    return np.random.SeedSequence(seed, spawn_key=[number for pair in words for number in pair])


def numpy_generator(seed: int, *keys: int | str) -> np.random.Generator:
    """Return the generator of one thing of a seeded run, for instance ``numpy_generator(7, "layout", 12)``.

    Equal arguments give equal streams, different ones give independent streams; the order in which the things
    are made, their batches and the number of workers never matter.

    Args:
        seed: Seed of the run, >= 0.
        keys: What the stream is for: names (hashed) and numbers (>= 0).
    """
    return np.random.default_rng(_sequence(seed, keys))


def torch_generator(seed: int, *keys: int | str) -> torch.Generator:
    """Return the CPU generator of one thing of a seeded run; see :func:`numpy_generator`."""
    import torch

    state = _sequence(seed, keys).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) & (2**63 - 1))
