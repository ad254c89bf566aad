"""Counts and lists of examples in messages: ``1 image (a.png)``, ``7 cells``."""

from __future__ import annotations

from collections.abc import Iterable

NAMED = 5
"""So many examples are named; the rest is counted."""


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    Example:
        >>> counted(1, "image"), counted(21_780, "cell")
        ('1 image', '21,780 cells')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def some(names: Iterable[object]) -> str:
    """Return the first names, and how many more there are.

    Example:
        >>> some("abcdefg")
        'a, b, c, d, e and 2 more'
    """
    every = [str(name) for name in names]
    more = len(every) - NAMED
    return ", ".join(every[:NAMED]) + (f" and {more} more" if more > 0 else "")


def listing(names: Iterable[object], noun: str) -> str:
    """Return how many there are, and some of them by name.

    Example:
        >>> listing(["a.png"], "image")
        '1 image (a.png)'
    """
    every = list(names)
    return f"{counted(len(every), noun)} ({some(every)})"
