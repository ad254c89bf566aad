"""Training samples of an image model: random crops of images with their conditions, in one of eight orientations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.data import CellDataset, RgbImage
from cellweave.images.condition import draw_condition
from cellweave.images.patch_basis import ImageCodec, PatchBasis, Pixels, fold_condition
from cellweave.images.recipe import ImageRecipe
from cellweave.stain import ReinhardStyle
from cellweave.training import Batch


class ImageSamples:
    """Random crops; crop ``i`` depends on (seed, i) alone. Images and their conditions are read and drawn once.

    Args:
        dataset: The data set.
        names: Its images to train on; those smaller than the crop are left out.
        recipe: Of the model.
        seed: Of the run.
        style: The style that every image is given; None leaves them as they are.

    Attributes:
        codec: Turns crops into data; the pixels themselves, or a basis fitted to the images.

    Raises:
        InvalidInputError: No image is as large as the crop.
    """

    def __init__(
        self,
        dataset: CellDataset,
        names: Sequence[str],
        recipe: ImageRecipe,
        *,
        seed: int,
        style: ReinhardStyle | None = None,
    ) -> None:
        self._recipe, self._seed = recipe, seed
        annotated = {name: dataset.read_cells(name) for name in names}
        self._sources = [
            (dataset, name, cells) for name, cells in annotated.items() if min(cells.shape) >= recipe.crop_px
        ]
        if not self._sources:
            raise InvalidInputError(
                f"no training image is as large as the crop of {recipe.crop_px} px; lower it with --set crop_px=..."
            )
        self._style = style
        self._drawn: dict[str, tuple[RgbImage, npt.NDArray[np.float16]]] = {}
        self.codec: ImageCodec = Pixels()
        if recipe.basis is not None:
            images = (self._image_and_condition(*source)[0] for source in self._sources)
            self.codec = PatchBasis.fit(images, **recipe.basis.model_dump())

    def __getitem__(self, index: int) -> Batch:
        """Return crop ``index``: ``x0`` float32 (K, s, s), its data, and ``condition`` float32 (C', s, s), folded."""
        rng = numpy_generator(self._seed, "image crop", index)
        dataset, name, cells = self._sources[int(rng.integers(len(self._sources)))]
        side = self._recipe.crop_px
        row, column = (int(rng.integers(extent - side + 1)) for extent in cells.shape)
        orientation = int(rng.integers(8))
        window = np.s_[row : row + side, column : column + side]
        image, condition = self._image_and_condition(dataset, name, cells)
        pixels = _turned(image[window], orientation)
        shown = _turned(condition[:, *window].transpose(1, 2, 0), orientation).transpose(2, 0, 1)
        return {
            "x0": torch.from_numpy(self.codec.encode(pixels)),
            "condition": torch.from_numpy(fold_condition(shown.astype(np.float32), self.codec.side)),
        }

    def _image_and_condition(
        self, dataset: CellDataset, name: str, cells: Cells
    ) -> tuple[RgbImage, npt.NDArray[np.float16]]:
        if name not in self._drawn:
            image = dataset.read_image(name)
            styled = image if self._style is None else self._style.apply(image)
            self._drawn[name] = styled, draw_condition(cells, self._recipe.condition).astype(np.float16)
        return self._drawn[name]


def _turned(array: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Return an array (H, W, ...) in one of eight orientations."""
    turned = np.rot90(array, orientation % 4)
    return np.ascontiguousarray(turned[:, ::-1] if orientation >= 4 else turned)
