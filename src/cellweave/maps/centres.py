"""Cell centres as pixels of a map."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidCellsError


class Pixels(NamedTuple):
    """The pixels that cell centres lie in; several cells may share one.

    Attributes:
        rows: int64 (N,).
        columns: int64 (N,).
    """

    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]


def pixels_of_centres(xy: npt.ArrayLike, shape: tuple[int, int]) -> Pixels:
    """Return the pixel of every cell centre.

    Args:
        xy: Cell centres, shape (N, 2), x right and y down, in pixels; floored. N may be 0.
        shape: Height and width of the map, in pixels.

    Raises:
        InvalidCellsError: ``xy`` is not (N, 2), or a centre is not finite or outside the map.
    """
    centres = np.asarray(xy, dtype=float).reshape(-1, 2) if np.size(xy) == 0 else np.asarray(xy, dtype=float)
    if centres.ndim != 2 or centres.shape[1] != 2:
        raise InvalidCellsError(f"xy must have shape (N, 2), got {centres.shape}.")
    height, width = shape
    inside = ((centres >= 0) & (centres < (width, height))).all(axis=1)  # False for NaN
    if not inside.all():
        i = int(np.argmin(inside))
        raise InvalidCellsError(
            f"xy[{i}] is {centres[i].tolist()}, outside the {height}×{width} map; is it (row, column)?"
        )
    columns, rows = centres.astype(np.int64).T
    return Pixels(rows, columns)
