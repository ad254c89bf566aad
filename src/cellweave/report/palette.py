"""The colours of pictures and figures, told apart by colour-blind readers and on H&E."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cellweave.core import InvalidInputError

INK = "#1c2530"
"""Text."""

ALL_CELLS = "#6f7b88"
"""What concerns all cells together, and classes without a colour."""

GREY = "#6b7785"
"""Axes, captions and second thoughts."""

PALE = "#d9dee4"
"""Grid lines and borders."""

PAPER = "#ffffff"
"""Background."""

UNKNOWN_COLOUR = "#e8e8e8"
"""Cells of unknown class on an image."""

UNKNOWN_ON_PAPER = "#9aa3ad"
"""Cells of unknown class on white."""

HIT = "#0072b2"
MISS = "#e69f00"
FALSE_ALARM = "#111111"
WRONG_CLASS = "#009e73"
"""A cell found, one overlooked, one that is none, one found but misnamed; colours of Okabe and Ito (2008) and black."""

SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK)
"""Curves without a colour of their own, after Okabe and Ito (2008)."""

_HEX = re.compile(r"#[0-9a-fA-F]{6}")

Rgb = tuple[int, int, int]


def rgb(colour: str) -> Rgb:
    """Return red, green and blue, 0 to 255, of a colour written ``#rrggbb``.

    Raises:
        InvalidInputError: It is not written so.

    Example:
        >>> rgb("#ff8000")
        (255, 128, 0)
    """
    if not _HEX.fullmatch(colour):
        raise InvalidInputError(f"a colour is written #rrggbb, got {colour!r}; correct it.")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def require_colours(names: Sequence[str], colours: Mapping[str, str]) -> None:
    """Make sure that every class has a colour that can be read.

    Raises:
        InvalidInputError: A class has none, or one not written ``#rrggbb``.
    """
    missing = [name for name in names if name not in colours]
    if missing:
        raise InvalidInputError(f"class {missing[0]!r} has no colour; colours are given for {sorted(colours)}.")
    for name in names:
        rgb(colours[name])
