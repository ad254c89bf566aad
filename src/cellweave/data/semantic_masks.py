"""Masks of a data set: the class of every pixel, and the nucleus that it belongs to.

A data set keeps them beside its images, under the image's name: ``classes/NAME.png`` (8 bits) holds 0 for background,
``i + 1`` for class ``i`` of ``dataset.json`` and 255 where the class is not known; ``instances/NAME.png`` (16 bits),
which may be missing, holds the number of the nucleus, 0 outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError

BACKGROUND, UNKNOWN = 0, 255
"""Codes of pixels without a nucleus, and of pixels of which nothing is known."""

MOST_CLASSES = 254
"""Codes of 8 bits, less those of background and unknown."""

MOST_INSTANCES = int(np.iinfo(np.uint16).max)
"""Numbers of 16 bits, less 0."""

CLASSES_FOLDER, INSTANCES_FOLDER = "classes", "instances"

_Change = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class SemanticMask:
    """What is known of every pixel of an image.

    Attributes:
        classes: uint8 (H, W): 0 background, ``i + 1`` class ``i``, 255 unknown.
        instances: uint16 (H, W): number of the nucleus, 0 outside; None where nuclei are not told apart.

    Raises:
        InvalidInputError: The arrays are of another kind or shape.
    """

    classes: npt.NDArray[np.uint8]
    instances: npt.NDArray[np.uint16] | None = None

    def __post_init__(self) -> None:
        if self.classes.ndim != 2 or self.classes.dtype != np.uint8:
            raise InvalidInputError(
                f"a mask of classes is uint8 (H, W), got {self.classes.dtype} {self.classes.shape}."
            )
        if self.instances is None:
            return
        if self.instances.dtype != np.uint16 or self.instances.shape != self.classes.shape:
            raise InvalidInputError(
                f"a mask of instances is uint16 {self.classes.shape} like that of classes, got "
                f"{self.instances.dtype} {self.instances.shape}."
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, in pixels."""
        return self.classes.shape[0], self.classes.shape[1]

    @property
    def unknown_share(self) -> float:
        """Share of the pixels of which nothing is known."""
        return float((self.classes == UNKNOWN).mean()) if self.classes.size else 0.0

    def edges(self) -> npt.NDArray[np.bool_]:
        """Return where nuclei end, (H, W): by instances, or by classes where there are none."""
        return id_edges(self.classes if self.instances is None else self.instances)

    def crop(self, row: int, column: int, shape: tuple[int, int]) -> SemanticMask:
        """Return the mask of a window that lies inside."""
        window = np.s_[row : row + shape[0], column : column + shape[1]]
        return self._each(lambda ids: ids[window])

    def reduced(self, factor: int) -> SemanticMask:
        """Return a mask a whole number of times as small: of the square of pixels that becomes one, its upper left."""
        return self._each(lambda ids: ids[::factor, ::factor])

    def turned(self, orientation: int) -> SemanticMask:
        """Return the mask in one of eight orientations: right-angle turns, mirrored from 4 on."""
        return self._each(lambda ids: np.rot90(ids, orientation % 4)[:, :: -1 if orientation >= 4 else 1])

    def _each(self, change: _Change) -> SemanticMask:
        changed = None if self.instances is None else np.ascontiguousarray(change(self.instances))
        return SemanticMask(np.ascontiguousarray(change(self.classes)), changed)


def id_edges(ids: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Return the pixels of which one of the four neighbours has another number, bool (H, W).

    Example:
        >>> id_edges(np.array([[0, 0, 7, 7, 7]])).astype(int).tolist()
        [[0, 1, 1, 0, 0]]

    Source:
        Shrivastava and Fletcher 2023 (NASDM), section 3.4, as Wang et al. 2018 (pix2pixHD) draw instance edges.
    """
    edges = np.zeros(ids.shape, bool)
    across, along = ids[:, 1:] != ids[:, :-1], ids[1:] != ids[:-1]
    edges[:, 1:] |= across
    edges[:, :-1] |= across
    edges[1:] |= along
    edges[:-1] |= along
    return edges
