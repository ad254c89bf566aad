"""What a localiser network learns: maps of cells, and the classes of pixels near them."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy.spatial import cKDTree

from cellweave.core import Cells, InvalidInputError
from cellweave.maps import exponential_distance_map
from cellweave.training import Recipe

TargetMode = Literal["classes", "uniform", "separate"]


class TargetRecipe(Recipe):
    """The maps that the network learns.

    Attributes:
        mode: ``classes``: one map of all cells, and class logits beside it. ``uniform``: that map alone.
            ``separate``: one map a class and no logits, the paper's positive and negative mode.
        slope, offset, constant, cutoff, reach_px: Of the EDT map; see
            :func:`cellweave.maps.exponential_distance_map`.
        class_radius_px: Pixels so near a cell learn its class.
    """

    mode: TargetMode = "classes"
    slope: float = Field(default=10.0, ge=0)
    offset: float = Field(default=0.5, gt=0)
    constant: float = Field(default=1.0, gt=0)
    cutoff: float = Field(default=0.01, ge=0, lt=1)
    reach_px: float | None = Field(default=None, gt=1)
    class_radius_px: float = Field(default=4.0, gt=0)

    def outputs(self, classes: int) -> tuple[int, int]:
        """Return how many maps and how many class logits a network gives for data of so many classes.

        Raises:
            InvalidInputError: There is no class to draw a map of.
        """
        if self.mode == "uniform":
            return 1, 0
        if self.mode == "classes":
            return 1, classes
        if classes == 0:
            raise InvalidInputError(
                "target.mode separate needs a map a class, and the data have no classes; set target.mode=uniform."
            )
        return classes, 0

    def draw(self, cells: Cells) -> npt.NDArray[np.float32]:
        """Return the maps (M, H, W) that the network learns for these cells.

        Raises:
            InvalidInputError: A cell has no class, and every class has a map of its own.
        """
        if self.mode != "separate":
            return self._map(cells)[None]
        if (cells.labels < 0).any():
            raise InvalidInputError(
                f"{int((cells.labels < 0).sum())} cells of an image have no class, which target.mode separate cannot "
                "draw; give every cell a class, or set target.mode=classes."
            )
        return np.stack([self._map(cells.of_class(name)) for name in cells.classes])

    def _map(self, cells: Cells) -> npt.NDArray[np.float32]:
        settings = self.model_dump(exclude={"class_radius_px", "mode"})
        return exponential_distance_map(cells.xy, cells.shape, **settings)


def class_map(cells: Cells, radius_px: float) -> npt.NDArray[np.int16]:
    """Return the label of the nearest cell within a radius for every pixel, int16 (H, W); -1 where there is none."""
    labels = np.full(cells.shape, -1, np.int16)
    if len(cells) == 0:
        return labels
    reach = int(np.ceil(radius_px))
    offsets = np.stack(np.meshgrid(*2 * [np.arange(-reach, reach + 1)]), axis=-1).reshape(-1, 2)
    offsets = offsets[np.hypot(*offsets.T) <= radius_px]
    pixels = np.unique((np.floor(cells.xy)[:, None] + offsets).reshape(-1, 2).astype(int), axis=0)
    height, width = cells.shape
    pixels = pixels[((pixels >= 0) & (pixels < (width, height))).all(axis=1)]
    _, nearest = cKDTree(cells.xy).query(pixels + 0.5)
    labels[pixels[:, 1], pixels[:, 0]] = cells.labels[nearest]
    return labels
