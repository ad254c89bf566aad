"""Training samples of an image model: random crops of images with their conditions, in one of eight orientations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.data import CellDataset, RgbImage
from cellweave.images.condition import draw_condition
from cellweave.images.recipe import ImageRecipe
from cellweave.training import Batch


class ImageSamples:
    """Random crops; crop ``i`` depends on (seed, i) alone. Images are read once and kept.

    Args:
        dataset: The data set.
        names: Its images to train on; those smaller than the crop are left out.
        recipe: Of the model.
        seed: Of the run.

    Raises:
        InvalidInputError: No image is as large as the crop.
    """

    def __init__(self, dataset: CellDataset, names: Sequence[str], recipe: ImageRecipe, *, seed: int) -> None:
        self._recipe, self._seed = recipe, seed
        annotated = {name: dataset.read_cells(name) for name in names}
        self._sources = [
            (dataset, name, cells) for name, cells in annotated.items() if min(cells.shape) >= recipe.crop_px
        ]
        if not self._sources:
            raise InvalidInputError(
                f"no training image is as large as the crop of {recipe.crop_px} px; lower it with --set crop_px=..."
            )
        self._images: dict[str, RgbImage] = {}

    def __getitem__(self, index: int) -> Batch:
        """Return crop ``index``: ``x0`` float32 (3, S, S) in [-1, 1] and ``condition`` float32 (C, S, S)."""
        rng = numpy_generator(self._seed, "image crop", index)
        dataset, name, cells = self._sources[int(rng.integers(len(self._sources)))]
        side = self._recipe.crop_px
        row, column = (int(rng.integers(extent - side + 1)) for extent in cells.shape)
        orientation = int(rng.integers(8))
        window = np.s_[row : row + side, column : column + side]
        pixels = self._image(dataset, name)[window].transpose(2, 0, 1)
        condition = self._condition(cells, row, column)
        return {
            "x0": torch.from_numpy(_turned(pixels_to_data(pixels), orientation)),
            "condition": torch.from_numpy(_turned(condition, orientation)),
        }

    def _condition(self, cells: Cells, row: int, column: int) -> npt.NDArray[np.float32]:
        """Return the condition of a window; cells just outside it show inside, as they do in the image."""
        side = self._recipe.crop_px
        margin = int(np.ceil(self._recipe.condition.reach_px / 2))
        around = cells.crop(row - margin, column - margin, (side + 2 * margin, side + 2 * margin))
        return draw_condition(around, self._recipe.condition)[:, margin : margin + side, margin : margin + side]

    def _image(self, dataset: CellDataset, name: str) -> RgbImage:
        if name not in self._images:
            self._images[name] = dataset.read_image(name)
        return self._images[name]


def pixels_to_data(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return 8-bit values as the diffusion model's data in [-1, 1]."""
    return pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)


def data_to_pixels(data: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the diffusion model's data as 8-bit values, the inverse of :func:`pixels_to_data`."""
    return np.asarray(np.clip(np.rint((data + 1) * 127.5), 0, 255), np.uint8)


def _turned(array: npt.NDArray[np.float32], orientation: int) -> npt.NDArray[np.float32]:
    turned = np.rot90(array, orientation % 4, axes=(1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if orientation >= 4 else turned)
