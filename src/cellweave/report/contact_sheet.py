"""Many images of a data set on one sheet, with their cells drawn: what to look at before anything else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cellweave.core import InvalidInputError
from cellweave.data import CellDataset, write_png
from cellweave.report.legend import class_legend, count_unknown
from cellweave.report.marks import Shape
from cellweave.report.palette import require_colours
from cellweave.report.sheet_parts import (
    CAPTION,
    MARGIN,
    blank_sheet,
    cells_tile,
    refuse_tiles,
    sheet_legend,
    title_strip,
    write_caption,
)


def contact_sheet(
    dataset: CellDataset,
    names: Sequence[str],
    out_png: str | os.PathLike[str],
    *,
    columns: int = 4,
    tile_px: int = 320,
    draw: bool = True,
) -> Path:
    """Write a PNG with images of a data set side by side, each with its name, split and number of cells.

    An image is fitted into a square tile; a layout without image is drawn as coloured dots on white.

    Args:
        dataset: The data set.
        names: Images to show, in this order.
        out_png: The file; written whole or not at all.
        columns: Most images side by side, >= 1.
        tile_px: Side of a tile, in pixels, >= 64.
        draw: Draw the cells on the images; layouts are always drawn.

    Returns:
        Path of the file.

    Raises:
        InvalidInputError: There is no name, ``columns`` or ``tile_px`` is too small, or the sheet gets larger than
            ``MAX_SHEET_PIXELS``.
        DatasetError: There is no such image, or its cells or size are not as recorded.
        InvalidImageError: An image cannot be read.
        OutputError: The file cannot be written.
    """
    if not names:
        raise InvalidInputError("a contact sheet needs at least one image, got none; name some.")
    refuse_tiles(columns, tile_px)
    require_colours(dataset.class_names, dataset.colours)
    across = min(columns, len(names))
    down = -(-len(names) // across)
    width = MARGIN + across * (tile_px + MARGIN)
    row_px = tile_px + CAPTION + MARGIN // 2
    body = blank_sheet(down * row_px, width, tiles=len(names))
    totals = dict.fromkeys(dataset.class_names, 0)
    unknown = 0
    about = dataset.images.set_index("image")
    pictured = {name: bool(file) for name, file in about["file"].items()}
    for i, name in enumerate(names):
        cells = dataset.read_cells(name)
        top, left = i // across * row_px, MARGIN + i % across * (tile_px + MARGIN)
        body[top : top + tile_px, left : left + tile_px] = cells_tile(
            dataset.read_image(name) if pictured[name] else None, cells, dataset.colours, tile_px, draw=draw
        )
        write_caption(body, name, f"{about['split'][name]} · {len(cells):,} cells", (left, top + tile_px), tile_px)
        for label, count in cells.counts().items():
            totals[label] += count
        unknown += count_unknown(cells)
    shape: Shape = "ring" if any(pictured[name] for name in names) else "dot"
    legend = sheet_legend(class_legend(totals, unknown, dataset.colours, shape=shape), width)
    title = f"{dataset.name}: {len(names):,} of {len(dataset.images):,} images"
    sheet = np.concatenate([title_strip(title, width), legend, body])
    write_png(out_png, sheet)
    return Path(out_png)
