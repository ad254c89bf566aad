"""Layouts that an image was not made from: what a localiser that saw nothing in particular would be scored against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from cellweave.core import Cells, numpy_generator

SHIFTS = 5
"""Layouts of other images that every image is compared with, where there are so many."""


@dataclass(frozen=True, slots=True)
class ForeignLayouts:
    """Layouts that images were not made from.

    Attributes:
        layouts: Of every image, by name; none where there is no other layout, and its own looks the same in every
            orientation.
        turned: Names of the images that are alone with their layout in their frame: theirs are their own, turned.
    """

    layouts: dict[str, list[Cells]]
    turned: tuple[str, ...]


def foreign_layouts(layouts: Mapping[str, Cells], *, shifts: int = SHIFTS, seed: int = 0) -> ForeignLayouts:
    """Return, for every image, real layouts of its frame and scale that it was not made from.

    The different layouts of a frame are put in a random order, and an image gets the next ``shifts`` after its own, the
    first following the last; so each layout is used about as often, and counts and patterns stay those of the set.
    Where a frame has one layout only, that layout flipped and turned stands for others.

    Args:
        layouts: What every image was made from, by name.
        shifts: Layouts of other images for each, >= 1; all others where these are fewer.
        seed: Of the order.
    """
    names = sorted(layouts)
    frames: dict[object, dict[bytes, list[str]]] = {}
    for name in names:
        cells = layouts[name]
        frames.setdefault((cells.shape, cells.mpp), {}).setdefault(_identity(cells), []).append(name)
    foreign: dict[str, list[Cells]] = {}
    turned: list[str] = []
    for number, images_of in enumerate(frames.values()):
        sharers = list(images_of.values())  # of each different layout, the images made from it
        if len(sharers) == 1:
            copies = turned_copies(layouts[sharers[0][0]])
            foreign.update((name, copies) for name in sharers[0])
            turned += sharers[0]
            continue
        order = numpy_generator(seed, "foreign layouts", number).permutation(len(sharers))
        for place, own in enumerate(order):
            following = [order[(place + shift) % len(order)] for shift in range(1, min(shifts, len(order) - 1) + 1)]
            others = [layouts[sharers[other][0]] for other in following]
            foreign.update((name, others) for name in sharers[own])
    return ForeignLayouts({name: foreign[name] for name in names}, tuple(sorted(turned)))


def turned_copies(cells: Cells) -> list[Cells]:
    """Return a layout flipped and turned in every other way that keeps its frame: 7 of a square, 3 of a rectangle.

    Those that look like the layout itself, or like one another, are left out.

    Example:
        >>> cells = Cells([[1, 2]], classes=(), shape=(4, 8))
        >>> [one.xy[0].tolist() for one in turned_copies(cells)]
        [[7.0, 2.0]]
    """
    height, width = cells.shape
    last = np.nextafter((width, height), 0.0)  # a cell at 0 is mirrored onto the far edge, just outside the frame
    copies: dict[bytes, Cells] = {}
    for transposed, flip_x, flip_y in product((False, True) if height == width else (False,), *2 * [(False, True)]):
        xy = cells.xy[:, ::-1] if transposed else cells.xy
        xy = np.where((flip_x, flip_y), (width, height) - xy, xy)
        copy = Cells(np.minimum(xy, last), cells.labels, classes=cells.classes, shape=cells.shape, mpp=cells.mpp)
        copies.setdefault(_identity(copy), copy)
    copies.pop(_identity(cells))
    return list(copies.values())


def _identity(cells: Cells) -> bytes:
    """Return what two layouts share whose cells are the same, whatever their order."""
    rows = np.round(np.column_stack([cells.xy, cells.labels]), 6) + 0.0
    return rows[np.lexsort(rows.T)].tobytes()
