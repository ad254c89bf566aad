"""A strip below a picture that says what its marks stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cellweave.core import Cells
from cellweave.data import RgbImage
from cellweave.report.lettering import shortened, text_width, write_text
from cellweave.report.marks import Marks, Shape, draw_marks
from cellweave.report.palette import INK, UNKNOWN_ON_PAPER


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One mark and what it stands for.

    Attributes:
        text: What it stands for.
        colour: ``#rrggbb``.
        shapes: What the mark is made of.
    """

    text: str
    colour: str
    shapes: tuple[Shape, ...] = ("ring",)


def class_legend(
    counts: Mapping[str, int], unknown: int, colours: Mapping[str, str], *, shape: Shape = "ring"
) -> list[LegendEntry]:
    """Return the entries of the classes, each with its number of cells; unknown ones only where there are some."""
    entries = [LegendEntry(f"{name} {count:,}", colours[name], (shape,)) for name, count in counts.items()]
    return [*entries, LegendEntry(f"unknown {unknown:,}", UNKNOWN_ON_PAPER, (shape,))] if unknown else entries


def count_unknown(cells: Cells) -> int:
    """Return the number of cells of unknown class."""
    return len(cells) - sum(cells.counts().values())


def legend_strip(entries: Sequence[LegendEntry], width_px: int, *, text_px: int = 15) -> RgbImage:
    """Return a white strip with a legend, in as many lines as it needs.

    Args:
        entries: What to explain; a text too long for a line is shortened.
        width_px: Width of the strip.
        text_px: Size of the type.

    Returns:
        uint8 (h, width_px, 3).
    """
    mark_px, gap, line_px = round(text_px * 1.3), round(text_px * 1.2), round(text_px * 1.8)
    room = max(width_px - 2 * gap - mark_px, text_px)
    placed: list[tuple[int, int, str, LegendEntry]] = []
    x, line = gap // 2, 0
    for entry in entries:
        text = shortened(entry.text, room, text_px)
        span = mark_px + text_width(text, text_px)
        if x > gap // 2 and x + span + gap // 2 > width_px:
            x, line = gap // 2, line + 1
        placed.append((x, line, text, entry))
        x += span + gap
    strip = np.full(((line + 1) * line_px + gap // 2, width_px, 3), 255, np.uint8)
    for x, line, text, entry in placed:
        y = gap // 4 + (line + 0.5) * line_px
        centre = np.array([[x + text_px / 2, y]])
        radii = {
            "ring": text_px * 0.4,
            "dot": text_px * (0.15 if len(entry.shapes) > 1 else 0.35),
            "cross": 0.4 * text_px,
        }
        draw_marks(strip, [Marks(centre, entry.colour, shape, radii[shape], 2.5) for shape in entry.shapes], halo=False)
        write_text(strip, text, (x + mark_px, y), size_px=text_px, colour=INK)
    return strip
