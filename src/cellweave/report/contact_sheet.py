"""Many images of a data set on one sheet, with their cells drawn: what to look at before anything else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cellweave.data import CellDataset
from cellweave.report.sheet import CAPTION, MARGIN, Sheet
from cellweave.report.sheet_parts import cells_tile


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
    sheet = Sheet(
        dataset,
        names,
        columns=columns,
        tile_px=tile_px,
        block=(tile_px + CAPTION + MARGIN // 2, tile_px + MARGIN),
        left=MARGIN,
    )
    about = dataset.images.set_index("image")
    pictured = {name: bool(file) for name, file in about["file"].items()}
    for number, name in enumerate(names):
        cells = dataset.read_cells(name)
        x, y = sheet.place(number)
        pixels = dataset.read_image(name) if pictured[name] else None
        sheet.put(cells_tile(pixels, cells, dataset.colours, tile_px, draw=draw), (x, y))
        sheet.caption(name, cells, (x, y + tile_px), before=f"{about['split'][name]} · ")
    return sheet.write(out_png, shape="ring" if any(pictured[name] for name in names) else "dot")
