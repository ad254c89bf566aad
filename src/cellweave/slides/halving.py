"""The coarser levels of a pyramid, made from its finest while that passes by tile after tile."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from cellweave.data import RgbImage
from cellweave.slides.tiling import TILE_PX, Tile, tiles_of

Emit = Callable[[int, RgbImage], None]
"""Takes the number of a level, >= 1, and its next tile in reading order."""


def level_shapes(shape: tuple[int, int]) -> list[tuple[int, int]]:
    """Return heights and widths of a pyramid: every level half the one before, rounded up, the last one a single tile.

    Example:
        >>> level_shapes((1100, 500))
        [(1100, 500), (550, 250), (275, 125)]
    """
    shapes = [shape]
    while max(shapes[-1]) > TILE_PX:
        height, width = shapes[-1]
        shapes.append((-(-height // 2), -(-width // 2)))
    return shapes


class Halving:
    """Makes every coarser level from means of 2×2 pixels, holding one row of tiles of each.

    Args:
        shapes: Of all levels, from :func:`level_shapes`.
        emit: Called with every tile of the coarser levels, in each level's reading order.
    """

    def __init__(self, shapes: list[tuple[int, int]], emit: Emit) -> None:
        self._shapes, self._emit = shapes, emit
        self._rows = [np.empty((min(TILE_PX, height), width, 3), np.uint8) for height, width in shapes[1:]]

    def add(self, place: Tile, pixels: RgbImage, *, level: int = 0) -> None:
        """Take the next tile of a level in reading order, uint8 (H, W, 3)."""
        coarser = level + 1
        if coarser == len(self._shapes):
            return
        half = _halved(pixels)
        top, left = place.row // 2 % TILE_PX, place.column // 2
        row = self._rows[level]
        row[top : top + half.shape[0], left : left + half.shape[1]] = half
        height, width = self._shapes[level]
        row_is_full = top + half.shape[0] == TILE_PX or place.row + place.height == height
        if place.column + place.width == width and row_is_full:
            start = place.row // 2 // TILE_PX * TILE_PX
            depth = min(TILE_PX, self._shapes[coarser][0] - start)
            for tile in tiles_of((depth, self._shapes[coarser][1])):
                part = np.ascontiguousarray(row[tile.rows, tile.columns])
                self._emit(coarser, part)
                self.add(Tile(start, tile.column, tile.height, tile.width), part, level=coarser)


def _halved(pixels: RgbImage) -> RgbImage:
    height, width = pixels.shape[:2]
    even = cv2.copyMakeBorder(pixels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    size = (even.shape[1] // 2, even.shape[0] // 2)
    return np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), np.uint8)
