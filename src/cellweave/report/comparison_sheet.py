"""Real images, the layouts or masks that were painted, and what was painted of them, one above the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cellweave.core import DatasetError
from cellweave.data import CellDataset, RgbImage
from cellweave.data.wording import some
from cellweave.report.lettering import write_text
from cellweave.report.palette import GREY
from cellweave.report.sheet import CAPTION, MARGIN, Sheet
from cellweave.report.sheet_parts import cells_tile, image_tile, mask_tile

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
        DatasetError: The data sets are one, or differ in their classes; or an image is missing or a mere layout in one
            of them, differs in size between them, or cannot be read.
        InvalidImageError: An image cannot be read.
        OutputError: The file cannot be written.
    """
    step = tile_px + MARGIN // 2
    sheet = Sheet(
        synthetic,
        names,
        columns=columns,
        tile_px=tile_px,
        block=(len(ROWS) * step + CAPTION, tile_px + MARGIN),
        left=_LABELS,
    )
    _require_counterparts(synthetic, real, names)
    for number, name in enumerate(names):
        x, y = sheet.place(number)
        for row, tile in enumerate(_tiles(synthetic, real, name, tile_px)):
            sheet.put(tile, (x, y + row * step))
            if x == _LABELS:
                write_text(sheet.paper, ROWS[row], (10, y + row * step + tile_px // 2), size_px=13, colour=GREY)
        sheet.caption(name, synthetic.read_cells(name), (x, y + len(ROWS) * step - MARGIN // 2))
    return sheet.write(out_png, shape="dot")


def _tiles(synthetic: CellDataset, real: CellDataset, name: str, tile_px: int) -> list[RgbImage]:
    if synthetic.has_mask(name):
        condition = mask_tile(synthetic.read_mask(name), synthetic.class_names, synthetic.colours, tile_px)
    else:
        condition = cells_tile(None, synthetic.read_cells(name), synthetic.colours, tile_px, draw=True)
    before, after = (image_tile(dataset.read_image(name), tile_px) for dataset in (real, synthetic))
    return [before, condition, after]


def _require_counterparts(synthetic: CellDataset, real: CellDataset, names: Sequence[str]) -> None:
    """Make sure that images of these names can be one scene in both data sets.

    A painted image has the size of its layout or mask, and that the size of the real image.
    """
    if synthetic.root.resolve() == real.root.resolve():
        raise DatasetError(f"{real.root} is compared with itself; --beside needs the data set of the real images.")
    if set(synthetic.class_names) != set(real.class_names):
        raise DatasetError(
            f"{synthetic.root} has the classes {some(synthetic.class_names)}, {real.root} {some(real.class_names)}; "
            "compare data sets of which one was painted from the other."
        )
    for dataset, needed in ((real, "real"), (synthetic, "synthetic")):
        _require_pixels(dataset, names, needed)
    sizes = [dataset.images.set_index("image")[["width", "height"]] for dataset in (synthetic, real)]
    for name in names:
        (width, height), (real_width, real_height) = (tuple(size.loc[name]) for size in sizes)
        if (width, height) != (real_width, real_height):
            raise DatasetError(
                f"image {name!r} has {width}×{height} pixels in {synthetic.root}, {real_width}×{real_height} in "
                f"{real.root}, and an image has the size of what it is painted from; compare data sets of which one "
                "was painted from the other."
            )


def _require_pixels(dataset: CellDataset, names: Sequence[str], needed: str) -> None:
    files = dict(zip(dataset.images["image"], dataset.images["file"], strict=True))
    missing = [name for name in names if name not in files]
    if missing:
        raise DatasetError(
            f"{dataset.root} has no image named {some(missing)}; compare data sets of which one was painted from the "
            "other, by `cellweave generate images`."
        )
    bare = [name for name in names if not files[name]]
    if bare:
        raise DatasetError(
            f"{dataset.root} has no pixels for {some(bare)}; --beside needs the {needed} images of these names."
        )
