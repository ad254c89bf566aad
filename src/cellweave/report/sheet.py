"""A sheet of many tiles: its paper, what stands on it, and the title and legend above."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cellweave.core import Cells, InvalidInputError
from cellweave.data import CellDataset, RgbImage, write_png
from cellweave.report.legend import class_legend, count_unknown, legend_strip
from cellweave.report.lettering import shortened, write_text
from cellweave.report.marks import Shape
from cellweave.report.palette import GREY, INK, require_colours

MAX_SHEET_PIXELS = 100_000_000
"""Larger sheets are refused: few viewers open them, and one sheet is held in memory."""

MARGIN = 16
"""Pixels between tiles."""

CAPTION = 44
"""Pixels below a tile, for two lines of text."""

_TITLE = 44


class Sheet:
    """White paper for tiles and captions, which counts the cells of the captions for its legend.

    Places are (x, y) in pixels of the paper, below title and legend.

    Args:
        dataset: What the title and the legend speak of.
        names: Images of it that are shown.
        columns: Most of them side by side, >= 1.
        tile_px: Side of a tile, in pixels, >= 64.
        block: Height and width, in pixels, of what an image takes, its caption and margins included.
        left: Pixels before the first column.
        title: What stands above; the name of the data set and how many of its images are shown where not given.

    Raises:
        InvalidInputError: There is no name, ``columns`` or ``tile_px`` is too small, a class has no colour that can be
            read, or the sheet would be larger than ``MAX_SHEET_PIXELS``.
    """

    def __init__(
        self,
        dataset: CellDataset,
        names: Sequence[str],
        *,
        columns: int,
        tile_px: int,
        block: tuple[int, int],
        left: int,
        title: str | None = None,
    ) -> None:
        if not names:
            raise InvalidInputError("a contact sheet needs at least one image, got none; name some.")
        if columns < 1 or tile_px < 64:
            raise InvalidInputError(
                f"a contact sheet has columns >= 1 and tile_px >= 64, got columns {columns} and tile_px {tile_px}."
            )
        require_colours(dataset.class_names, dataset.colours)
        self._across = min(columns, len(names))
        height, width = -(-len(names) // self._across) * block[0], left + self._across * block[1]
        if width * height > MAX_SHEET_PIXELS:
            raise InvalidInputError(
                f"a sheet of {len(names)} images would have {width}×{height} pixels, more than {MAX_SHEET_PIXELS:,}; "
                "show fewer images or lower tile_px."
            )
        self.paper: RgbImage = np.full((height, width, 3), 255, np.uint8)
        self._block, self._left, self._tile_px = block, left, tile_px
        self._title = title or f"{dataset.name}: {len(names):,} of {len(dataset.images):,} images"
        self._dataset = dataset
        self._totals = dict.fromkeys(dataset.class_names, 0)
        self._unknown = 0

    def place(self, number: int) -> tuple[int, int]:
        """Return the upper left corner of the block of an image, by its place among the names."""
        down, across = divmod(number, self._across)
        return self._left + across * self._block[1], down * self._block[0]

    def put(self, tile: RgbImage, at: tuple[int, int]) -> None:
        """Put a tile, uint8 (tile_px, tile_px, 3), on the paper, ``at`` being its upper left corner."""
        x, y = at
        self.paper[y : y + tile.shape[0], x : x + tile.shape[1]] = tile

    def caption(self, name: str, cells: Cells, at: tuple[int, int], *, before: str = "") -> None:
        """Write an image's name and number of cells below a tile, whose lower left corner is ``at``.

        Args:
            name: Of the image.
            cells: Its cells, which the legend counts.
            at: Of the tile.
            before: What is said before the number.
        """
        (x, y), width = at, self._tile_px
        write_text(self.paper, shortened(name, width, 13), (x, y + 14), size_px=13, colour=INK)
        facts = shortened(f"{before}{len(cells):,} cells", width, 12)
        write_text(self.paper, facts, (x, y + 32), size_px=12, colour=GREY)
        for label, count in cells.counts().items():
            self._totals[label] += count
        self._unknown += count_unknown(cells)

    def write(self, out_png: str | os.PathLike[str], *, shape: Shape) -> Path:
        """Write title, legend and paper as PNG, whole or not at all, and return its path.

        Args:
            out_png: The file.
            shape: Of the legend's marks.

        Raises:
            OutputError: The file cannot be written.
        """
        width = self.paper.shape[1]
        entries = class_legend(self._totals, self._unknown, self._dataset.colours, shape=shape)
        legend = legend_strip(entries, width - 2 * MARGIN)
        around = ((0, 8), (MARGIN // 2, 2 * MARGIN - MARGIN // 2), (0, 0))
        title = np.full((_TITLE, width, 3), 255, np.uint8)
        write_text(title, shortened(self._title, width - 2 * MARGIN, 19), (MARGIN, 26), size_px=19, colour=INK)
        write_png(out_png, np.concatenate([title, np.pad(legend, around, constant_values=255), self.paper]))
        return Path(out_png)
