"""What every map of cells can do: draw ``Cells`` as a raster, and read them back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError

Raster = npt.NDArray[np.float32]
"""(C, H, W); most codecs have one channel a class."""

Found = tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]
"""Positions (N, 2) in pixels, and scores (N,)."""


class MapCodec(Protocol):
    """A way to draw cells, one channel a class, and to read them back."""

    def encode(self, cells: Cells) -> Raster:
        """Return a raster (channels, H, W) in [0, 1]; cells of unknown class are left out."""
        ...

    def decode(self, raster: npt.ArrayLike, *, classes: Sequence[str], mpp: float | None = None) -> Cells:
        """Return the cells of a raster of the same channels."""
        ...


def encode_by_class(cells: Cells, draw: Callable[[npt.NDArray[np.float64], tuple[int, int]], Raster]) -> Raster:
    """Return (C, H, W): ``draw(xy, shape)`` of the cells of each class."""
    raster = np.zeros((len(cells.classes), *cells.shape), np.float32)
    for i in range(len(cells.classes)):
        raster[i] = draw(cells.xy[cells.labels == i], cells.shape)
    return raster


def decode_by_class(
    raster: npt.ArrayLike, find: Callable[[Raster], Found], *, classes: Sequence[str], mpp: float | None
) -> Cells:
    """Return the cells that ``find`` sees in each channel of a raster (C, H, W), at most one a pixel.

    Of cells of several classes on the same pixel the one with the highest score is kept; of equally high ones that of
    the first class.

    Raises:
        InvalidInputError: The raster has not one channel for every class.
    """
    channels = np.asarray(raster, np.float32)
    if channels.ndim != 3 or len(channels) != len(classes):
        raise InvalidInputError(
            f"a raster of {len(classes)} classes must have shape ({len(classes)}, H, W), got {channels.shape}."
        )
    found = [find(channel) for channel in channels]
    labels = np.repeat(np.arange(len(found)), [len(xy) for xy, _ in found])
    xy = np.concatenate([xy for xy, _ in found]) if found else np.zeros((0, 2))
    scores = np.concatenate([scores for _, scores in found]) if found else np.zeros(0, np.float32)
    kept = _highest_of_pixel(xy, scores)
    return Cells(
        xy[kept],
        labels[kept],
        classes=classes,
        shape=(channels.shape[1], channels.shape[2]),
        mpp=mpp,
        scores=scores[kept],
    )


def _highest_of_pixel(xy: npt.NDArray[np.float64], scores: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Return which cells have no higher one on their pixel, in their order; of equally high ones the first."""
    columns, rows = np.floor(xy).astype(np.int64).T
    order = np.lexsort((-scores, columns, rows))  # stable, so that equals stay in the order of their classes
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(rows[order]) != 0) | (np.diff(columns[order]) != 0)
    return np.sort(order[first])
