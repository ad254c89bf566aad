"""Real images, the layouts or masks that were painted, and what was painted of them, one above the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cellweave.core import DatasetError, InvalidInputError
from cellweave.data import CellDataset, RgbImage, write_png
from cellweave.data.wording import some
from cellweave.report.legend import class_legend, count_unknown
from cellweave.report.lettering import write_text
from cellweave.report.palette import GREY, require_colours
from cellweave.report.sheet_parts import (
    CAPTION,
    MARGIN,
    blank_sheet,
    cells_tile,
    image_tile,
    mask_tile,
    refuse_tiles,
    sheet_legend,
    title_strip,
    write_caption,
)

ROWS = ("real", "condition", "synthetic")

_LABELS = 84
"""Pixels on the left for the names of the rows."""


def comparison_sheet(
    synthetic: CellDataset,
    real: CellDataset,
    names: Sequence[str],
    out_png: str | os.PathLike[str],
    *,
    columns: int = 4,
    tile_px: int = 240,
) -> Path:
    """Write a PNG with, of every scene in a column, the real image, the condition, and the synthetic image.

    The condition is the mask where the synthetic data set has masks, and the layout otherwise.

    Args:
        synthetic: Images that were painted from layouts or masks of ``real``, with their names.
        real: Data set of the real images.
        names: Images to show, in this order.
        out_png: The file; written whole or not at all.
        columns: Most scenes side by side, >= 1.
        tile_px: Side of a tile, in pixels, >= 64.

    Returns:
        Path of the file.

    Raises:
        InvalidInputError: There is no name, ``columns`` or ``tile_px`` is too small, or the sheet gets too large.
        DatasetError: An image is missing in one of the data sets, or cannot be read.
        InvalidImageError: An image cannot be read.
        OutputError: The file cannot be written.
    """
    if not names:
        raise InvalidInputError("a contact sheet needs at least one image, got none; name some.")
    refuse_tiles(columns, tile_px)
    for dataset, kind in ((synthetic, "synthetic"), (real, "real")):
        _require_images(dataset, names, kind)
    require_colours(synthetic.class_names, synthetic.colours)
    across = min(columns, len(names))
    block_px = len(ROWS) * (tile_px + MARGIN // 2) + CAPTION
    width = _LABELS + across * (tile_px + MARGIN)
    body = blank_sheet(-(-len(names) // across) * block_px, width, tiles=len(ROWS) * len(names))
    totals = dict.fromkeys(synthetic.class_names, 0)
    unknown = 0
    for i, name in enumerate(names):
        top, left = i // across * block_px, _LABELS + i % across * (tile_px + MARGIN)
        for row, tile in enumerate(_tiles(synthetic, real, name, tile_px)):
            y = top + row * (tile_px + MARGIN // 2)
            body[y : y + tile_px, left : left + tile_px] = tile
            if left == _LABELS:
                write_text(body, ROWS[row], (10, y + tile_px // 2), size_px=13, colour=GREY)
        cells = synthetic.read_cells(name)
        below = top + len(ROWS) * (tile_px + MARGIN // 2) - MARGIN // 2
        write_caption(body, name, f"{len(cells):,} cells", (left, below), tile_px)
        for label, count in cells.counts().items():
            totals[label] += count
        unknown += count_unknown(cells)
    legend = sheet_legend(class_legend(totals, unknown, synthetic.colours, shape="dot"), width)
    title = f"{synthetic.name}: {len(names):,} of {len(synthetic.images):,} images"
    write_png(out_png, np.concatenate([title_strip(title, width), legend, body]))
    return Path(out_png)


def _tiles(synthetic: CellDataset, real: CellDataset, name: str, tile_px: int) -> list[RgbImage]:
    if synthetic.has_mask(name):
        condition = mask_tile(synthetic.read_mask(name), synthetic.class_names, synthetic.colours, tile_px)
    else:
        condition = cells_tile(None, synthetic.read_cells(name), synthetic.colours, tile_px, draw=True)
    before, after = (image_tile(dataset.read_image(name), tile_px) for dataset in (real, synthetic))
    return [before, condition, after]


def _require_images(dataset: CellDataset, names: Sequence[str], kind: str) -> None:
    files = dict(zip(dataset.images["image"], dataset.images["file"], strict=True))
    missing = [name for name in names if not files.get(name)]
    if missing:
        raise DatasetError(
            f"{dataset.root} has no image {some(missing)}, which {kind} images are shown of; compare data sets of "
            "which one was painted from the other, by `cellweave generate images`."
        )
