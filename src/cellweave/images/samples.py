"""Training samples of an image model: random crops of images with layout or mask, in one of eight orientations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cellweave.core import InvalidInputError, numpy_generator
from cellweave.data import CellDataset, RgbImage, SemanticMask
from cellweave.images.condition import draw_condition, draw_mask
from cellweave.images.patch_basis import ImageCodec, PatchBasis, Pixels, fold_condition
from cellweave.images.recipe import ImageRecipe
from cellweave.training import Batch


class ImageSamples:
    """Random crops; crop ``i`` depends on (seed, i) alone. Images and their conditions are read and drawn once.

    Args:
        dataset: The data set.
        names: Its images to train on; those smaller than the crop are left out.
        recipe: Of the model.
        seed: Of the run.
        read: Returns an image by its name, in the style that it is to be learnt in; the data set's own when None.
        codec: Turns crops into data, in place of one that is fitted to the images.

    Attributes:
        codec: Turns crops into data; the one given, the pixels themselves, or a basis fitted to the images.

    Raises:
        InvalidInputError: No image is as large as the crop, or too much of a mask is unknown.
        DatasetError: The recipe is for masks, and an image has none.
    """

    def __init__(
        self,
        dataset: CellDataset,
        names: Sequence[str],
        recipe: ImageRecipe,
        *,
        seed: int,
        read: Callable[[str], RgbImage] | None = None,
        codec: ImageCodec | None = None,
    ) -> None:
        self._dataset, self._recipe, self._seed = dataset, recipe, seed
        self._read = read or dataset.read_image
        self._images: dict[str, RgbImage] = {}
        self._masks: dict[str, SemanticMask] = {}
        self._drawn: dict[str, npt.NDArray[np.float16]] = {}
        sizes = {name: dataset.read_cells(name).shape for name in names}
        self._sources = [(name, shape) for name, shape in sizes.items() if min(shape) >= recipe.crop_px]
        if not self._sources:
            raise InvalidInputError(
                f"no training image is as large as the crop of {recipe.crop_px} px; lower it with --set crop_px=..."
            )
        if recipe.masks is not None:
            self._masks = {name: _usable_mask(dataset, name, recipe.masks.unknown_share) for name, _ in self._sources}
        self.codec: ImageCodec = Pixels() if codec is None else codec
        if recipe.basis is not None and codec is None:
            images = (self._image(name) for name, _ in self._sources)
            self.codec = PatchBasis.fit(images, **recipe.basis.model_dump())

    def __getitem__(self, index: int) -> Batch:
        """Return crop ``index``: ``x0`` float32 (K, s, s), its data, and ``condition`` float32 (C', s, s), folded."""
        rng = numpy_generator(self._seed, "image crop", index)
        name, shape = self._sources[int(rng.integers(len(self._sources)))]
        side = self._recipe.crop_px
        row, column = (int(rng.integers(extent - side + 1)) for extent in shape)
        orientation = int(rng.integers(8))
        pixels = _turned(self._image(name)[row : row + side, column : column + side], orientation)
        shown = self._shown(name, row, column, orientation)
        return {
            "x0": torch.from_numpy(self.codec.encode(pixels)),
            "condition": torch.from_numpy(fold_condition(shown.astype(np.float32), self.codec.side)),
        }

    def _image(self, name: str) -> RgbImage:
        if name not in self._images:
            self._images[name] = self._read(name)
        return self._images[name]

    def _shown(self, name: str, row: int, column: int, orientation: int) -> npt.NDArray[Any]:
        """Return the condition of a crop, (C', side, side)."""
        side = self._recipe.crop_px
        if self._recipe.masks is not None:
            crop = self._masks[name].crop(row, column, (side, side)).turned(orientation)
            return draw_mask(crop, self._recipe.masks, len(self._dataset.classes))
        assert self._recipe.condition is not None
        if name not in self._drawn:
            cells = self._dataset.read_cells(name)
            self._drawn[name] = draw_condition(cells, self._recipe.condition).astype(np.float16)
        window = self._drawn[name][:, row : row + side, column : column + side]
        return _turned(window.transpose(1, 2, 0), orientation).transpose(2, 0, 1)


def _usable_mask(dataset: CellDataset, name: str, unknown_share: float) -> SemanticMask:
    mask = dataset.read_mask(name)
    if mask.unknown_share > unknown_share:
        raise InvalidInputError(
            f"{mask.unknown_share:.1%} of the mask of training image {name!r} is unknown; cut patches without such "
            "pixels by `cellweave data patches`, or allow them with --set masks.unknown_share=..."
        )
    return mask


def _turned(array: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Return an array (H, W, ...) in one of eight orientations."""
    turned = np.rot90(array, orientation % 4)
    return np.ascontiguousarray(turned[:, ::-1] if orientation >= 4 else turned)
