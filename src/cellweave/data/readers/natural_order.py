"""Sorting names as people count: ``img2`` before ``img10``."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"([0-9]+)")


def natural_order(name: str) -> list[tuple[int, str]]:
    """Return a sorting key under which the numbers in names count as numbers.

    Example:
        >>> sorted(["img10", "img2", "img1"], key=natural_order)
        ['img1', 'img2', 'img10']
    """
    return [(int(part), "") if i % 2 else (0, part) for i, part in enumerate(_NUMBER.split(name))]
