"""How far from its nearest cell a pixel of an image is, at most: ``D`` of the EDT map."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from cellweave.core import Cells, InvalidInputError
from cellweave.maps.cell_distances import largest_squared_distance
from cellweave.maps.centres import pixels_of_centres


def typical_reach_px(images: Iterable[Cells], mpp: float | None) -> int:
    """Return the median over images of the largest distance of a pixel to its nearest cell, in whole pixels, >= 1.

    Args:
        images: Cells of every image, in its own frame; images without cells have no such distance.
        mpp: Scale to measure at, µm per pixel; None, or an unknown scale, takes pixels as they are.

    Raises:
        InvalidInputError: No image has cells.
    """
    reaches = []
    for cells in images:
        if len(cells):
            factor = 1.0 if mpp is None or cells.mpp is None else cells.mpp / mpp
            reaches.append(
                factor * math.sqrt(largest_squared_distance(pixels_of_centres(cells.xy, cells.shape), cells.shape))
            )
    if not reaches:
        raise InvalidInputError("the images have no cells; nothing can be learnt.")
    return max(1, round(float(np.median(reaches))))
