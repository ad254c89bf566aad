"""A report as one HTML file: style and pictures inside, no script, nothing fetched from anywhere."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from cellweave import __version__
from cellweave.core import atomic_file
from cellweave.data import RgbImage
from cellweave.report.blocks import Block, Cell, Headline, Section
from cellweave.report.embedding import figure_uri, image_uri

TARGET_BYTES = 5_000_000
"""Size that a report is kept below, as long as reducing its images can do it."""

IMAGE_ROW_PX = (1600, 1200, 900, 640)
"""Widths tried for a row of images, in pixels: the widest that keeps the report below ``TARGET_BYTES`` is taken."""

_DASH = "–"


class Report:
    """A report, put together section by section and written at the end.

    Args:
        title: Its title.
        summary: The result in one or two sentences, with its numbers.
        headlines: The most important numbers, shown large.

    Example::

        report = Report("Cells of 10 images", "F1 0.84 within 6 px.", headlines=[Headline("0.84", "F1")])
        report.add_section("Scores", Table(["class", "F1"], [["lymphocyte", 0.71]]), Picture(figure, "By class."))
        report.write("out/report.html")
    """

    def __init__(self, title: str, summary: str, *, headlines: Sequence[Headline] = ()) -> None:
        self.title = title
        self.summary = summary
        self.headlines = tuple(headlines)
        self.sections: list[Section] = []

    def add_section(self, title: str, *blocks: Block) -> Self:
        """Add a section at the end, and return the report."""
        self.sections.append(Section(title, blocks))
        return self

    def html(self, *, image_row_px: int = IMAGE_ROW_PX[0]) -> str:
        """Return the report as HTML.

        Args:
            image_row_px: Greatest width of a row of images, in pixels of their files; figures are not affected.

        Raises:
            InvalidImageError: An image is not uint8 (H, W, 3).
        """

        def embed(image: Figure | RgbImage, across: int = 1) -> str:
            if isinstance(image, Figure):
                return figure_uri(image)
            return image_uri(image, max_width_px=image_row_px // across)

        environment = Environment(
            loader=PackageLoader("cellweave.report"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["shown"] = formatted
        return environment.get_template("report.html.j2").render(report=self, embed=embed, version=__version__)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the report, whole or not at all, and return its path.

        Rows of images are at most 1600 px wide, and narrower, down to 640 px, where the file would exceed 5 MB.

        Raises:
            InvalidImageError: An image is not uint8 (H, W, 3).
            OutputError: The file cannot be written.
        """
        for width in IMAGE_ROW_PX:
            content = self.html(image_row_px=width).encode()
            if len(content) <= TARGET_BYTES:
                break
        with atomic_file(path) as partial:
            partial.write_bytes(content)
        return Path(path)


def formatted(cell: Cell) -> str:
    """Return a cell of a table as text: whole numbers with separators, others to three decimals or four digits.

    Example:
        >>> [formatted(cell) for cell in (1234, 0.84321, 56.78, 1234.5, float("nan"), None, "x")]
        ['1,234', '0.843', '56.8', '1,234', '–', '–', 'x']
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return _DASH
    if isinstance(cell, float):
        decimals = 3 if abs(cell) < 10 else 1 if abs(cell) < 1000 else 0
        return f"{cell:,.{decimals}f}"
    return cell if isinstance(cell, str) else f"{cell:,}"
