"""The training images of an image model in the one style that its recipe gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.core import Cells
from cellweave.data import CellDataset, RgbImage
from cellweave.data.semantic_masks import BACKGROUND
from cellweave.stain import BetweenNucleiStyle, Style, StyleName, common_style

NUCLEUS_UM = 4.0
"""Pixels no farther from a cell's centre are taken for its nucleus where there is no mask."""

UNKNOWN_SCALE_UM_PER_PX = 0.5
"""Taken where an image's scale is not known (20x)."""

ImageStyle = StyleName | Literal["between-nuclei", "as-is"]


class StyledImages:
    """Training images, each read and styled anew when it is asked for.

    Args:
        dataset: The data set.
        names: The images that the common style is learnt from.
        stain: The style's name.
        seed: Of the samples of tissue that stains are learnt from.
        given: A style to give the images in place of one that they have in common; of the kind that ``stain`` says.

    Attributes:
        style: What the images are given; None: they are left as they are.

    Raises:
        InvalidInputError: There are no images, or they lack tissue or a stain.
        DatasetError: An image cannot be read.
    """

    def __init__(
        self,
        dataset: CellDataset,
        names: Sequence[str],
        stain: ImageStyle,
        *,
        seed: int = 0,
        given: Style | BetweenNucleiStyle | None = None,
    ) -> None:
        self._dataset = dataset
        self.style: Style | BetweenNucleiStyle | None
        if stain == "as-is":
            self.style = None
        elif given is not None:
            self.style = given
        elif stain == "between-nuclei":
            self.style = BetweenNucleiStyle.average((dataset.read_image(name), self._between(name)) for name in names)
        else:
            self.style = common_style(stain, (dataset.read_image(name) for name in names), seed=seed)

    def __call__(self, name: str) -> RgbImage:
        """Return an image, uint8 (H, W, 3)."""
        image = self._dataset.read_image(name)
        if self.style is None:
            return image
        if isinstance(self.style, BetweenNucleiStyle):
            return self.style.apply(image, self._between(name))
        return self.style.apply(image)

    def _between(self, name: str) -> npt.NDArray[np.bool_]:
        if self._dataset.has_mask(name):
            return np.asarray(self._dataset.read_mask(name).classes == BACKGROUND)
        return between_nuclei(self._dataset.read_cells(name))


def between_nuclei(cells: Cells) -> npt.NDArray[np.bool_]:
    """Return whether a pixel is farther than 4 µm from every cell's centre, bool (H, W)."""
    if not len(cells):
        return np.ones(cells.shape, bool)
    away = np.ones(cells.shape, np.uint8)
    columns, rows = np.floor(cells.xy).astype(int).T
    away[rows, columns] = 0
    reach = NUCLEUS_UM / (cells.mpp or UNKNOWN_SCALE_UM_PER_PX)
    return np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > reach)
