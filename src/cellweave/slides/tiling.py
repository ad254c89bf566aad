"""Cutting a level into tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

TILE_PX = 512
"""Side of the tiles that slides are worked on and written by: few for their bookkeeping, small for memory."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a level, in its pixels.

    Attributes:
        row: Of its first pixel.
        column: Of its first pixel.
        height: At the lower edge of the level less than the others'.
        width: At the right edge of the level less than the others'.
    """

    row: int
    column: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        """Its rows in the level."""
        return slice(self.row, self.row + self.height)

    @property
    def columns(self) -> slice:
        """Its columns in the level."""
        return slice(self.column, self.column + self.width)


def tiles_of(shape: tuple[int, int], *, side: int = TILE_PX) -> Iterator[Tile]:
    """Yield the tiles that cover a level of a height and a width once, row by row from the upper left.

    Example:
        >>> [(tile.row, tile.column, tile.height, tile.width) for tile in tiles_of((2, 5), side=3)]
        [(0, 0, 2, 3), (0, 3, 2, 2)]
    """
    height, width = shape
    for row in range(0, height, side):
        for column in range(0, width, side):
            yield Tile(row, column, min(side, height - row), min(side, width - column))
