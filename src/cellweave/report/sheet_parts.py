"""What sheets of many pictures are put together from: tiles, captions, a title and a legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from cellweave.core import Cells, InvalidInputError
from cellweave.data import RgbImage, SemanticMask
from cellweave.data.semantic_masks import BACKGROUND, UNKNOWN
from cellweave.report.layouts import draw_layout
from cellweave.report.legend import LegendEntry, legend_strip
from cellweave.report.lettering import shortened, write_text
from cellweave.report.marks import draw_marks
from cellweave.report.overlay import class_marks, enlarged
from cellweave.report.palette import GREY, INK, PALE, UNKNOWN_ON_PAPER, rgb

MAX_SHEET_PIXELS = 100_000_000
"""Larger sheets are refused: few viewers open them, and one sheet is held in memory."""

MARGIN = 16
"""Pixels between tiles."""

CAPTION = 44
"""Pixels below a tile, for two lines of text."""

_TITLE = 44


def refuse_tiles(columns: int, tile_px: int) -> None:
    """Make sure that tiles can stand side by side and be seen.

    Raises:
        InvalidInputError: They cannot.
    """
    if columns < 1 or tile_px < 64:
        raise InvalidInputError(
            f"a contact sheet has columns >= 1 and tile_px >= 64, got columns {columns} and tile_px {tile_px}."
        )


def blank_sheet(height: int, width: int, *, tiles: int) -> RgbImage:
    """Return white paper, uint8 (height, width, 3).

    Raises:
        InvalidInputError: It would be larger than ``MAX_SHEET_PIXELS``.
    """
    if width * height > MAX_SHEET_PIXELS:
        raise InvalidInputError(
            f"a sheet of {tiles} tiles would have {width}×{height} pixels, more than {MAX_SHEET_PIXELS:,}; "
            "show fewer images or lower tile_px."
        )
    return np.full((height, width, 3), 255, np.uint8)


def cells_tile(
    pixels: RgbImage | None, cells: Cells, colours: Mapping[str, str], tile_px: int, *, draw: bool
) -> RgbImage:
    """Return an image with its cells, or a layout as dots where there is none, in a square tile.

    Args:
        pixels: uint8 (H, W, 3), or None.
        cells: Its cells.
        colours: Of the classes.
        tile_px: Side of the tile.
        draw: Draw the cells on the image.

    Returns:
        uint8 (tile_px, tile_px, 3).
    """
    scale = tile_px / max(*cells.shape, 1)
    radius = float(np.clip(6.5 * scale, 3, 7))
    if pixels is None:
        return framed_tile(draw_layout(cells, colours, radius_px=0.6 * radius / scale, scale=scale), tile_px)
    image, factors = enlarged(pixels, scale)
    if draw:  # at this size halos would hide the nuclei
        draw_marks(image, class_marks(cells, colours, factors, shape="ring", radius=radius, line=1.75), halo=False)
    return framed_tile(image, tile_px)


def image_tile(pixels: RgbImage, tile_px: int) -> RgbImage:
    """Return an image, uint8 (H, W, 3), in a square tile, uint8 (tile_px, tile_px, 3)."""
    return framed_tile(enlarged(pixels, tile_px / max(*pixels.shape[:2], 1))[0], tile_px)


def mask_tile(mask: SemanticMask, names: Sequence[str], colours: Mapping[str, str], tile_px: int) -> RgbImage:
    """Return a mask in a square tile: classes in their colours on white, unknown pixels grey, edges of nuclei dark.

    Returns:
        uint8 (tile_px, tile_px, 3).
    """
    palette = np.full((256, 3), 255, np.uint8)
    palette[1 : len(names) + 1] = [rgb(colours[name]) for name in names]
    palette[UNKNOWN] = rgb(UNKNOWN_ON_PAPER)
    drawn = palette[mask.classes]
    drawn[mask.edges() & (mask.classes != BACKGROUND)] = rgb(INK)
    scale = tile_px / max(*mask.shape, 1)
    size = (round(mask.shape[1] * scale), round(mask.shape[0] * scale))
    return framed_tile(np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_NEAREST), np.uint8), tile_px)


def framed_tile(image: RgbImage, tile_px: int) -> RgbImage:
    """Return a picture no larger than a tile in the middle of one, with a thin frame."""
    tile = np.full((tile_px, tile_px, 3), rgb("#f3f5f7"), np.uint8)
    top, left = (tile_px - image.shape[0]) // 2, (tile_px - image.shape[1]) // 2
    tile[top : top + image.shape[0], left : left + image.shape[1]] = image
    tile[[0, -1]] = rgb(PALE)
    tile[:, [0, -1]] = rgb(PALE)
    return tile


def write_caption(body: RgbImage, name: str, facts: str, at: tuple[int, int], width: int) -> None:
    """Write two lines, a name and what is to be said of it, below a tile whose lower left corner is ``at`` (x, y)."""
    left, top = at
    write_text(body, shortened(name, width, 13), (left, top + 14), size_px=13, colour=INK)
    write_text(body, shortened(facts, width, 12), (left, top + 32), size_px=12, colour=GREY)


def title_strip(text: str, width: int) -> RgbImage:
    """Return a title, uint8 (h, width, 3)."""
    strip = np.full((_TITLE, width, 3), 255, np.uint8)
    write_text(strip, shortened(text, width - 2 * MARGIN, 19), (MARGIN, 26), size_px=19, colour=INK)
    return strip


def sheet_legend(entries: Sequence[LegendEntry], width: int) -> RgbImage:
    """Return a legend below the title, uint8 (h, width, 3)."""
    strip = legend_strip(entries, width - 2 * MARGIN)
    return np.pad(strip, ((0, 8), (MARGIN // 2, 2 * MARGIN - MARGIN // 2), (0, 0)), constant_values=255)
