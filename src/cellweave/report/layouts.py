"""Layouts without images: cells as coloured dots on white."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cellweave.core import Cells, InvalidInputError
from cellweave.data import RgbImage
from cellweave.report.legend import class_legend, count_unknown, legend_strip
from cellweave.report.marks import draw_marks
from cellweave.report.overlay import class_marks, enlarged
from cellweave.report.palette import PALE, UNKNOWN_ON_PAPER, require_colours, rgb


def draw_layout(
    cells: Cells,
    colours: Mapping[str, str],
    *,
    radius_px: float = 4.0,
    scale: float = 1.0,
    legend: bool = False,
) -> RgbImage:
    """Draw cells as dots in the colours of their classes, on white with a thin frame; unknown classes in grey.

    Args:
        cells: The cells.
        colours: Colour of every class, ``#rrggbb``.
        radius_px: Radius of the dots, in pixels of the cells' frame, > 0; drawn no smaller than 1.5 px.
        scale: Size of the result relative to the frame, > 0.
        legend: Add a strip with the classes, their colours and numbers below.

    Returns:
        uint8 (round(H · scale) + height of the legend, round(W · scale), 3).

    Raises:
        InvalidImageError: The frame has no pixels.
        InvalidInputError: A class has no colour, or the radius or the scale is not positive.
    """
    require_colours(cells.classes, colours)
    for name, value in (("radius_px", radius_px), ("scale", scale)):
        if not (np.isfinite(value) and value > 0):
            raise InvalidInputError(f"{name} must be a positive number, got {value}.")
    image, factors = enlarged(np.full((*cells.shape, 3), 255, np.uint8), scale)
    radius = max(radius_px * scale, 1.5)
    dots = class_marks(cells, colours, factors, shape="dot", radius=radius, line=1, unknown=UNKNOWN_ON_PAPER)
    draw_marks(image, dots, halo=False)
    image[[0, -1]] = rgb(PALE)
    image[:, [0, -1]] = rgb(PALE)
    if not legend:
        return image
    entries = class_legend(cells.counts(), count_unknown(cells), colours, shape="dot")
    return np.concatenate([image, legend_strip(entries, image.shape[1])])
