"""Many images of a data set on one sheet, with their cells drawn: what to look at before anything else."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cellweave.core import Cells, InvalidInputError
from cellweave.data import CellDataset, RgbImage, write_png
from cellweave.report.layouts import draw_layout
from cellweave.report.legend import class_legend, count_unknown, legend_strip
from cellweave.report.lettering import shortened, write_text
from cellweave.report.marks import Shape, draw_marks
from cellweave.report.overlay import class_marks, enlarged
from cellweave.report.palette import GREY, INK, PALE, require_colours, rgb

MAX_SHEET_PIXELS = 100_000_000
"""Larger sheets are refused: few viewers open them, and one sheet is held in memory."""

_MARGIN = 16
_TITLE = 44
_CAPTION = 44


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
    if columns < 1 or tile_px < 64:
        raise InvalidInputError(
            f"a contact sheet has columns >= 1 and tile_px >= 64, got columns {columns} and tile_px {tile_px}."
        )
    require_colours(dataset.class_names, dataset.colours)
    across = min(columns, len(names))
    down = -(-len(names) // across)
    width = _MARGIN + across * (tile_px + _MARGIN)
    row_px = tile_px + _CAPTION + _MARGIN // 2
    if width * down * row_px > MAX_SHEET_PIXELS:
        raise InvalidInputError(
            f"a sheet of {len(names)} tiles would have {width}×{down * row_px} pixels, more than {MAX_SHEET_PIXELS:,}; "
            "show fewer images or lower tile_px."
        )
    body = np.full((down * row_px, width, 3), 255, np.uint8)
    totals = dict.fromkeys(dataset.class_names, 0)
    unknown = 0
    about = dataset.images.set_index("image")
    pictured = {name: bool(file) for name, file in about["file"].items()}
    for i, name in enumerate(names):
        cells = dataset.read_cells(name)
        top, left = i // across * row_px, _MARGIN + i % across * (tile_px + _MARGIN)
        body[top : top + tile_px, left : left + tile_px] = _tile(
            dataset.read_image(name) if pictured[name] else None, cells, dataset.colours, tile_px, draw=draw
        )
        _caption(body, name, f"{about['split'][name]} · {len(cells):,} cells", (left, top + tile_px), tile_px)
        for label, count in cells.counts().items():
            totals[label] += count
        unknown += count_unknown(cells)
    shape: Shape = "ring" if any(pictured[name] for name in names) else "dot"
    legend = legend_strip(class_legend(totals, unknown, dataset.colours, shape=shape), width - 2 * _MARGIN)
    legend = np.pad(legend, ((0, 8), (_MARGIN // 2, 2 * _MARGIN - _MARGIN // 2), (0, 0)), constant_values=255)
    sheet = np.concatenate([_title(dataset, len(names), width), legend, body])
    write_png(out_png, sheet)
    return Path(out_png)


def _tile(pixels: RgbImage | None, cells: Cells, colours: Mapping[str, str], tile_px: int, *, draw: bool) -> RgbImage:
    scale = tile_px / max(*cells.shape, 1)
    radius = float(np.clip(6.5 * scale, 3, 7))
    if pixels is None:
        image = draw_layout(cells, colours, radius_px=0.6 * radius / scale, scale=scale)
    else:
        image, factors = enlarged(pixels, scale)
        if draw:  # at this size halos would hide the nuclei
            draw_marks(image, class_marks(cells, colours, factors, shape="ring", radius=radius, line=1.75), halo=False)
    tile = np.full((tile_px, tile_px, 3), rgb("#f3f5f7"), np.uint8)
    top, left = (tile_px - image.shape[0]) // 2, (tile_px - image.shape[1]) // 2
    tile[top : top + image.shape[0], left : left + image.shape[1]] = image
    tile[[0, -1]] = rgb(PALE)
    tile[:, [0, -1]] = rgb(PALE)
    return tile


def _caption(body: RgbImage, name: str, facts: str, at: tuple[int, int], width: int) -> None:
    left, top = at
    write_text(body, shortened(name, width, 13), (left, top + 14), size_px=13, colour=INK)
    write_text(body, shortened(facts, width, 12), (left, top + 32), size_px=12, colour=GREY)


def _title(dataset: CellDataset, shown: int, width: int) -> RgbImage:
    strip = np.full((_TITLE, width, 3), 255, np.uint8)
    text = f"{dataset.name}: {shown:,} of {len(dataset.images):,} images"
    write_text(strip, shortened(text, width - 2 * _MARGIN, 19), (_MARGIN, 26), size_px=19, colour=INK)
    return strip
