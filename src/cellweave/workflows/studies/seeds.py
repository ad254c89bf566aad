"""The seeds of a study."""

from __future__ import annotations

from collections.abc import Sequence

from cellweave.core import InvalidInputError


def require_seeds(seeds: Sequence[int]) -> None:
    """Make sure that the seeds of a study can be used.

    Raises:
        InvalidInputError: There are none, one is negative, or one is there twice.
    """
    shown = ",".join(str(seed) for seed in seeds)
    if not seeds or min(seeds) < 0:
        raise InvalidInputError(f"--seeds must be one or more whole numbers >= 0, such as 0,1,2, got {shown!r}.")
    if len(set(seeds)) < len(seeds):
        raise InvalidInputError(f"a seed is given twice in --seeds {shown}; give each once.")
