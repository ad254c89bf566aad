"""Exact squared distances, in pixels, from every pixel to the nearest cell: of the whole map, near cells, the largest.

Squared distances between pixels are whole numbers, so they are exact and can index a table of a map's heights.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from cellweave.maps.centres import Pixels

_BLOCK_SIDES = (8, 4, 2)
_PIXELS_A_QUERY = 256
"""A search in the tree, about 1 µs, must cost less than the transform of so many pixels, about 10 ns each."""


def squared_distances(pixels: Pixels, shape: tuple[int, int]) -> npt.NDArray[np.intp]:
    """Return the squared distance of every pixel to the nearest cell, (H, W), exact below 2²².

    OpenCV gives its root in float32, whose square rounds to the right whole number up to there, and to a neighbour of
    it beyond.

    Args:
        pixels: One cell or more.
        shape: Height and width of the map.
    """
    distance = _distances(pixels, shape)
    np.multiply(distance, distance, out=distance)
    return np.rint(distance, out=distance).astype(np.intp)


def near_squared_distances(pixels: Pixels, shape: tuple[int, int], *, reach_squared: int) -> npt.NDArray[Any]:
    """Return the squared distance of every pixel to the nearest cell, exact up to a reach, and larger than it beyond.

    A minimum along columns, then along rows: the time grows with the reach and not with the number of cells, and for a
    reach of some pixels is a tenth of that of a whole distance transform.

    Args:
        pixels: One cell or more.
        shape: Height and width of the map.
        reach_squared: >= 0, below 65535.

    Returns:
        uint8 (H, W) where the reach allows, else uint16.

    Source:
        Felzenszwalb & Huttenlocher 2012, Distance transforms of sampled functions, §2.1, by exhaustion within reach.
    """
    dtype = np.uint8 if reach_squared < 255 else np.uint16
    reach = math.isqrt(reach_squared)
    height, width = shape
    stride = width + 2 * reach
    along = np.full((height + 2 * reach, stride), np.iinfo(dtype).max, dtype)
    steps = np.arange(-reach, reach + 1)
    steps = steps[np.argsort(-abs(steps), kind="stable")]  # of values written twice the last, the nearest, stays
    places = (pixels.rows + reach) * stride + pixels.columns + reach
    along.ravel()[steps[:, None] * stride + places] = np.square(steps).astype(dtype)[:, None]
    along = along[reach : reach + height]
    nearest = along[:, reach : reach + width].copy()
    added, farther, beside = np.empty_like(along), np.empty_like(along), np.empty_like(nearest)
    for step in range(1, reach + 1):
        added.fill(step * step)  # not a number: OpenCV takes a column of four pixels for a colour beside one
        cv2.add(along, added, dst=farther)  # saturates, where NumPy would wrap round
        cv2.min(farther[:, reach - step :][:, :width], farther[:, reach + step :][:, :width], dst=beside)
        cv2.min(nearest, beside, dst=nearest)
    return nearest


def largest_squared_distance(pixels: Pixels, shape: tuple[int, int]) -> int:
    """Return the largest squared distance of any pixel to the nearest cell, exact below 2²².

    It is sought on coarse blocks first, whose distances bound those of their pixels, and then among the pixels of the
    few blocks that can hold it. Where many can, as when cells form a lattice, it is taken from the whole transform.

    Args:
        pixels: One cell or more.
        shape: Height and width of the map.
    """
    height, width = shape
    most_queries = height * width // _PIXELS_A_QUERY
    for side in _BLOCK_SIDES:
        coarse = side * _distances(
            Pixels(pixels.rows // side, pixels.columns // side), (-(-height // side), -(-width // side))
        )
        error = (side - 1) * math.sqrt(2)  # two pixels are so much nearer or farther than their blocks, at most
        rows, columns = np.nonzero(coarse >= coarse.max() - 2 * error - 1e-3)
        if len(rows) > most_queries:
            continue
        tree = cKDTree(np.stack(pixels, axis=1))
        half = side // 2
        middle = np.minimum(np.stack([rows, columns], axis=1) * side + half, (height - 1, width - 1))
        distance = np.asarray(tree.query(middle)[0])
        possible = distance + half * math.sqrt(2) >= distance.max()
        within = np.arange(side)
        block = np.stack(np.meshgrid(within, within), axis=-1).reshape(-1, 2)
        candidates = (np.stack([rows, columns], axis=1)[possible, None] * side + block).reshape(-1, 2)
        candidates = candidates[(candidates < (height, width)).all(axis=1)]
        if len(candidates) <= most_queries:
            return round(float(np.max(tree.query(candidates)[0])) ** 2)
    return int(squared_distances(pixels, shape).max())


def _distances(pixels: Pixels, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    free = np.ones(shape, np.uint8)
    free[pixels] = 0
    return np.asarray(cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
