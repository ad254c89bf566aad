"""From the numbers and names of an annotation file to positions inside the image and indices of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cellweave.core import TableError

TOLERANCE_PX = 5.0
"""Points up to this far outside their image are moved into it; real data sets have some."""


def place_inside(
    xy: npt.ArrayLike, shape: tuple[int, int], *, file: Path, rows: Sequence[str], tolerance_px: float = TOLERANCE_PX
) -> tuple[npt.NDArray[np.float64], int]:
    """Move points that lie a little outside the image to the nearest pixel centre inside it.

    Args:
        xy: Positions, (N, 2), x right and y down, in pixels.
        shape: Height and width of the image, in pixels.
        file: The annotation file, for the message.
        rows: Where in the file every point stands (``"row 7"``), for the message.
        tolerance_px: How far outside a point may lie, along either axis.

    Returns:
        The positions, float64 (N, 2), and how many of them were moved.

    Raises:
        TableError: A position is not finite, or lies farther outside.

    Example:
        >>> moved, count = place_inside([[-1.0, 2.5], [1.5, 1.5]], (4, 4), file=Path("a.txt"), rows=["row 1", "row 2"])
        >>> moved.tolist(), count
        ([[0.5, 2.5], [1.5, 1.5]], 1)
    """
    positions = np.array(xy, dtype=np.float64).reshape(-1, 2)
    height, width = shape
    beyond = np.maximum(-positions, positions - (width, height))
    near = (beyond <= tolerance_px).all(axis=1)  # False for NaN
    if not near.all():
        i = int(np.argmin(near))
        x, y = positions[i]
        raise TableError(
            f"{file}: {rows[i]}: x {x:g}, y {y:g} is not inside the image, which is {width}×{height} (width×height); "
            "are x and y exchanged, or do the points belong to another image or magnification?"
        )
    inside = ((positions >= 0) & (positions < (width, height))).all(axis=1)
    positions[~inside] = np.clip(positions[~inside], 0.5, np.array([width, height]) - 0.5)
    return positions, int(np.sum(~inside))


def label_indices(
    labels: Sequence[str | None], classes: Sequence[str], *, file: Path, rows: Sequence[str]
) -> npt.NDArray[np.int64]:
    """Return the index of every class name, int64 (N,); -1 where the name is None.

    Raises:
        TableError: A name is not among the classes.
    """
    index: dict[str | None, int] = {None: -1} | {name: i for i, name in enumerate(classes)}
    for label, row in zip(labels, rows, strict=True):
        if label not in index:
            raise TableError(
                f"{file}: {row}: class {label!r} is not known; the classes are {list(classes)}: "
                "correct the row, or add the class to them."
            )
    return np.array([index[label] for label in labels], dtype=np.int64)
