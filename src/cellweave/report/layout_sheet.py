"""Synthetic layouts and real ones of the same size on one sheet, drawn alike; told apart, or to be told apart."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cellweave.core import Cells, DatasetError, atomic_file
from cellweave.core.randomness import numpy_generator
from cellweave.data import CellDataset
from cellweave.data.wording import some
from cellweave.report.lettering import write_text
from cellweave.report.palette import GREY
from cellweave.report.sheet import CAPTION, MARGIN, Sheet
from cellweave.report.sheet_parts import cells_tile

_LABELS = 84
"""Pixels on the left for the names of the rows."""

_SAME_SCALE = 0.01
"""Relative difference of µm per pixel that is not seen."""

_STEP = CAPTION + MARGIN // 2
"""Pixels below a tile up to the next."""


@dataclass(frozen=True, slots=True, eq=False)
class ShownLayout:
    """One layout on a sheet.

    Attributes:
        source: ``real`` or ``synthetic``.
        image: Its image, or the image that it is cut from.
        row: Top of the cut, in pixels of the image; 0 for synthetic ones.
        column: Left of it, likewise.
        cells: Its cells of known class.
    """

    source: str
    image: str
    row: int
    column: int
    cells: Cells


def layout_sheet(
    synthetic: CellDataset,
    real: CellDataset,
    names: Sequence[str],
    out_png: str | os.PathLike[str],
    *,
    columns: int = 4,
    tile_px: int = 240,
    seed: int = 0,
    blind: bool = False,
) -> Path:
    """Write a PNG with synthetic layouts and as many real ones: cells as dots in the colours of ``synthetic``.

    Real layouts are windows of the size of the synthetic ones, anywhere in images of ``real`` that are large enough;
    no image is used twice before all are. Cells of unknown class are left out, since synthetic layouts have none.

    Args:
        synthetic: Layouts, or images whose cells are shown.
        real: Data set of real images, at the same scale.
        names: Layouts of ``synthetic`` to show, in this order.
        out_png: The file; written whole or not at all.
        columns: Most layouts side by side, >= 1.
        tile_px: Side of a tile, in pixels, >= 64.
        seed: Of the images, the windows and the order.
        blind: Show all in random order under mere numbers, and write which is which into :func:`key_path`; otherwise
            every synthetic layout stands below a real one.

    Returns:
        Path of the picture.

    Raises:
        InvalidInputError: There is no name, ``columns`` or ``tile_px`` is too small, or the sheet gets too large.
        DatasetError: The data sets are one, or differ in their classes or scales; no real image is large enough; or a
            layout is missing or cannot be read.
        OutputError: A file cannot be written.
    """
    _require_comparable(synthetic, real)
    made = [_known(synthetic, name) for name in names]
    pairs = list(zip(_windows(real, made, seed), made, strict=True))
    if blind:
        return _write_blind(synthetic, pairs, Path(out_png), columns=columns, tile_px=tile_px, seed=seed)
    sheet = Sheet(
        synthetic,
        names,
        columns=columns,
        tile_px=tile_px,
        block=(2 * (tile_px + _STEP), tile_px + MARGIN),
        left=_LABELS,
        title=f"{synthetic.name}, below layouts of {real.name}",
    )
    for number, pair in enumerate(pairs):
        x, y = sheet.place(number)
        for shown in pair:
            _put(sheet, shown, shown.image, (x, y), synthetic, tile_px)
            if x == _LABELS:
                write_text(sheet.paper, shown.source, (10, y + tile_px // 2), size_px=13, colour=GREY)
            y += tile_px + _STEP
    return sheet.write(out_png, shape="dot")


def key_path(out_png: str | os.PathLike[str]) -> Path:
    """Return where the key of a blind sheet lies: a CSV beside the picture."""
    return Path(out_png).with_suffix(".csv")


def _write_blind(
    synthetic: CellDataset,
    pairs: Sequence[tuple[ShownLayout, ShownLayout]],
    out_png: Path,
    *,
    columns: int,
    tile_px: int,
    seed: int,
) -> Path:
    layouts = [shown for pair in pairs for shown in pair]
    order = numpy_generator(seed, "order of layouts").permutation(len(layouts))
    shuffled = [layouts[i] for i in order]
    numbers = [str(number) for number in range(1, len(shuffled) + 1)]
    sheet = Sheet(
        synthetic,
        numbers,
        columns=columns,
        tile_px=tile_px,
        block=(tile_px + _STEP, tile_px + MARGIN),
        left=MARGIN,
        title=f"{len(pairs)} real and {len(pairs)} synthetic layouts",
    )
    for i, shown in enumerate(shuffled):
        _put(sheet, shown, numbers[i], sheet.place(i), synthetic, tile_px)
    with atomic_file(key_path(out_png)) as partial, open(partial, "w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(("number", "source", "image", "row", "column"))
        table.writerows(
            (number, shown.source, shown.image, shown.row, shown.column)
            for number, shown in zip(numbers, shuffled, strict=True)
        )
    return sheet.write(out_png, shape="dot")


def _put(
    sheet: Sheet, shown: ShownLayout, name: str, at: tuple[int, int], synthetic: CellDataset, tile_px: int
) -> None:
    sheet.put(cells_tile(None, shown.cells, synthetic.colours, tile_px, draw=True), at)
    sheet.caption(name, shown.cells, (at[0], at[1] + tile_px))


def _known(dataset: CellDataset, name: str) -> ShownLayout:
    cells = dataset.read_cells(name)
    return ShownLayout("synthetic", name, 0, 0, cells.select(cells.labels >= 0))


def _windows(real: CellDataset, made: Sequence[ShownLayout], seed: int) -> list[ShownLayout]:
    """Return a real layout of the size and scale of every synthetic one."""
    sizes = list(real.images[["image", "height", "width"]].itertuples(index=False, name=None))
    waiting: set[str] = set()
    windows = []
    for i, like in enumerate(made):
        height, width = like.cells.shape
        large = [name for name, rows, columns in sizes if rows >= height and columns >= width]
        if not large:
            raise DatasetError(
                f"no image of {real.root} is as large as the layout {like.image!r}, {width}×{height} px; compare with "
                "larger images, or generate smaller layouts."
            )
        rng = numpy_generator(seed, "real layout", i)
        if waiting.isdisjoint(large):
            waiting.update(large)
        unused = [name for name in large if name in waiting]
        name = unused[int(rng.integers(len(unused)))]
        waiting.remove(name)
        cells = real.read_cells(name)
        _require_scale(cells, like, real, name)
        row = int(rng.integers(cells.shape[0] - height + 1))
        column = int(rng.integers(cells.shape[1] - width + 1))
        cut = cells.crop(row, column, (height, width))
        windows.append(ShownLayout("real", name, row, column, cut.select(cut.labels >= 0)))
    return windows


def _require_comparable(synthetic: CellDataset, real: CellDataset) -> None:
    if synthetic.root.resolve() == real.root.resolve():
        raise DatasetError(f"{real.root} is compared with itself; --beside needs the data set of the real layouts.")
    if set(synthetic.class_names) != set(real.class_names):
        raise DatasetError(
            f"{synthetic.root} has the classes {some(synthetic.class_names)}, {real.root} {some(real.class_names)}; "
            "compare layouts of the same classes."
        )


def _require_scale(cells: Cells, like: ShownLayout, real: CellDataset, name: str) -> None:
    found, needed = cells.mpp, like.cells.mpp
    if found is not None and needed is not None and not math.isclose(found, needed, rel_tol=_SAME_SCALE):
        raise DatasetError(
            f"image {name!r} of {real.root} has {found:g} µm per pixel, the layout {like.image!r} {needed:g}; compare "
            "layouts of one scale."
        )
