"""The tiles of sheets: images with their cells, layouts, masks, each fitted into a square."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from cellweave.core import Cells
from cellweave.data import RgbImage, SemanticMask
from cellweave.data.semantic_masks import BACKGROUND, UNKNOWN
from cellweave.report.layouts import draw_layout
from cellweave.report.marks import draw_marks
from cellweave.report.overlay import class_marks, enlarged
from cellweave.report.palette import INK, PALE, UNKNOWN_ON_PAPER, rgb


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
    size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
    return framed_tile(np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_NEAREST), np.uint8), tile_px)


def framed_tile(image: RgbImage, tile_px: int) -> RgbImage:
    """Return a picture no larger than a tile in the middle of one, with a thin frame."""
    tile = np.full((tile_px, tile_px, 3), rgb("#f3f5f7"), np.uint8)
    top, left = (tile_px - image.shape[0]) // 2, (tile_px - image.shape[1]) // 2
    tile[top : top + image.shape[0], left : left + image.shape[1]] = image
    tile[[0, -1]] = rgb(PALE)
    tile[:, [0, -1]] = rgb(PALE)
    return tile
