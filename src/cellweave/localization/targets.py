"""What a localiser network learns: maps of cells, and the classes of pixels near them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator
from scipy.spatial import cKDTree

from cellweave.core import Cells, InvalidInputError
from cellweave.maps import AnyCellMap, make_map
from cellweave.training import Recipe

_EDT_SETTINGS = ("slope", "offset", "constant", "cutoff", "reach_px")

TargetMode = Literal["classes", "uniform", "separate"]


class TargetRecipe(Recipe):
    """The maps that the network learns.

    Attributes:
        mode: ``classes``: one map of all cells, and class logits beside it. ``uniform``: that map alone.
            ``separate``: one map a class and no logits, the paper's positive and negative mode; each map is decoded by
            itself.
        map: A name of :data:`cellweave.maps.MAPS`; it is drawn 1 high at a cell that lies apart.
        settings: Of the map, by name; the others are those of its source.
        class_radius_px: Pixels so near a cell learn its class.
    """

    map: str = "edt"
    settings: dict[str, float | None] = Field(default_factory=dict)
    mode: TargetMode = "classes"
    class_radius_px: float = Field(default=4.0, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _gather_settings(cls, values: Any) -> Any:
        """Return recipes of before there were several maps as those of today: EDT's settings stood by themselves."""
        if not isinstance(values, Mapping) or not any(name in values for name in _EDT_SETTINGS):
            return values
        if "settings" in values or "map" in values:
            raise ValueError("settings of a map belong into target.settings")
        kept = {name: value for name, value in values.items() if name not in _EDT_SETTINGS}
        return kept | {"map": "edt", "settings": {name: values[name] for name in _EDT_SETTINGS if name in values}}

    @model_validator(mode="after")
    def _can_be_drawn(self) -> TargetRecipe:
        self.cell_map()
        return self

    def cell_map(self) -> AnyCellMap:
        """Return the map, ready to draw."""
        return make_map(self.map, **self.settings)

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
        cell_map = self.cell_map()
        return cell_map.draw(cells.xy, cells.shape) / np.float32(cell_map.peak)


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
