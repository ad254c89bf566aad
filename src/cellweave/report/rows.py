"""Rows of images under one another on one picture, each row with a title, and one legend below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellweave.core import InvalidInputError
from cellweave.data import RgbImage
from cellweave.report.legend import LegendEntry, legend_strip
from cellweave.report.lettering import shortened, write_text
from cellweave.report.overlay import enlarged
from cellweave.report.palette import INK

_GAP = 10
_MARGIN = 16
_TITLE = 34


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A row of images.

    Attributes:
        title: What they show.
        images: uint8 (H, W, 3) each, fitted into square tiles.
        legend: What their marks stand for; none when empty.
    """

    title: str
    images: Sequence[RgbImage]
    legend: Sequence[LegendEntry] = ()


def stack_rows(rows: Sequence[Row], *, tile_px: int = 280) -> RgbImage:
    """Return rows of images as one picture on white; all tiles have one size, so that columns stand in line.

    Args:
        rows: The rows, top to bottom; a shorter one leaves its last places empty.
        tile_px: Side of a tile, in pixels, >= 64.

    Raises:
        InvalidInputError: There is no row, a row has no image, or the tiles are too small.
        InvalidImageError: An image has no pixels.
    """
    if not rows or not all(row.images for row in rows):
        raise InvalidInputError("a picture of rows needs at least one row, and every row an image.")
    if tile_px < 64:
        raise InvalidInputError(f"tile_px must be at least 64, got {tile_px}.")
    across = max(len(row.images) for row in rows)
    inner = across * tile_px + (across - 1) * _GAP
    strips = [strip for row in rows for strip in _strips(row, inner, tile_px)]
    return np.pad(np.concatenate(strips), ((_MARGIN // 2, _MARGIN), (_MARGIN, _MARGIN), (0, 0)), constant_values=255)


def _strips(row: Row, width: int, tile_px: int) -> list[RgbImage]:
    title = np.full((_TITLE, width, 3), 255, np.uint8)
    write_text(title, shortened(row.title, width, 16), (0, _TITLE / 2 + 2), size_px=16, colour=INK)
    tiles = np.full((tile_px, width, 3), 255, np.uint8)
    for i, image in enumerate(row.images):
        fitted, _ = enlarged(image, tile_px / max(image.shape[:2]))
        left = i * (tile_px + _GAP)
        tiles[: fitted.shape[0], left : left + fitted.shape[1]] = fitted
    strips = [title, tiles]
    if row.legend:
        strips.append(legend_strip(row.legend, width))
    return strips
