"""Text on pixel images, in the typeface that comes with Matplotlib, so that it looks alike everywhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cellweave.data import RgbImage
from cellweave.report.palette import rgb


@cache
def _font(size_px: int, bold: bool) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size_px)


def text_width(text: str, size_px: int, *, bold: bool = False) -> int:
    """Return the width of a line of text, in pixels, rounded up."""
    return int(np.ceil(_font(size_px, bold).getlength(text)))


def shortened(text: str, width_px: int, size_px: int) -> str:
    """Return a text that fits a width, its middle replaced by … where it is too long: names differ at both ends."""
    if text_width(text, size_px) <= width_px:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = (kept + 1) // 2
        candidate = f"{text[:head]}…{text[len(text) - (kept - head) :]}"
        if text_width(candidate, size_px) <= width_px:
            return candidate
    return "…"


def write_text(
    image: RgbImage, text: str, at: tuple[float, float], *, size_px: int, colour: str, bold: bool = False
) -> None:
    """Write a line of text into an image, in place.

    Args:
        image: uint8 (H, W, 3).
        text: The line.
        at: x of its left end and y of its middle, in pixels.
        size_px: Size of the type, in pixels.
        colour: ``#rrggbb``.
        bold: Use the bold face.
    """
    left, top = int(at[0]), int(at[1] - size_px)
    right, bottom = left + text_width(text, size_px, bold=bold) + 2, int(at[1] + size_px) + 1
    rows, columns = slice(max(top, 0), bottom), slice(max(left, 0), right)
    patch = Image.fromarray(image[rows, columns])  # a strip, so that a large sheet is not copied for every word
    ImageDraw.Draw(patch).text(
        (at[0] - columns.start, at[1] - rows.start), text, font=_font(size_px, bold), fill=rgb(colour), anchor="lm"
    )
    image[rows, columns] = np.asarray(patch)
