"""Training samples of the localiser: random crops of images with their maps and class labels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import get_worker_info

from cellweave.core import Cells, InvalidImageError, InvalidInputError, numpy_generator
from cellweave.data import CellDataset, RgbImage
from cellweave.data.images import MAX_PIXELS
from cellweave.localization.augmentation import restained, turn, zoomed
from cellweave.localization.recipe import LocatorRecipe
from cellweave.localization.targets import TargetRecipe, class_map
from cellweave.training import Batch

IGNORED = -100
"""Class label of pixels that teach no class."""

LARGEST_FACTOR = 64
"""Scales that differ by more are a slip, such as millimetres: from 40x to 1.25x it is 32."""

_CACHE_BYTES = 2_000_000_000


def resized(image: RgbImage, cells: Cells, mpp: float | None) -> tuple[RgbImage, Cells]:
    """Return an image and its cells at another scale; unchanged where a scale is unknown or within 2 % of the same.

    Raises:
        InvalidImageError: The image would become larger than any that is read, or the scales differ too much.
    """
    if mpp is None or cells.mpp is None or abs(cells.mpp / mpp - 1) < 0.02:
        return image, cells
    height, width = (max(1, round(side * cells.mpp / mpp)) for side in cells.shape)
    if height * width > MAX_PIXELS or not 1 / LARGEST_FACTOR <= cells.mpp / mpp <= LARGEST_FACTOR:
        raise InvalidImageError(
            f"an image of {cells.shape[1]}×{cells.shape[0]} pixels at {cells.mpp:g} µm per pixel would have "
            f"{width}×{height} at {mpp:g}; is its mpp right?"
        )
    method = cv2.INTER_AREA if height < cells.shape[0] else cv2.INTER_CUBIC
    # each axis by its own whole-pixel ratio, so that cells stay where the resized image shows them
    xy = cells.xy * (width / cells.shape[1], height / cells.shape[0])
    inside = np.minimum(xy, np.nextafter((width, height), 0.0))
    moved = Cells(inside, cells.labels, classes=cells.classes, shape=(height, width), mpp=mpp)
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8), moved


@dataclass(frozen=True, slots=True)
class _Drawn:
    image: RgbImage
    heights: npt.NDArray[np.float16]
    labels: npt.NDArray[np.int16]

    @property
    def nbytes(self) -> int:
        return self.image.nbytes + self.heights.nbytes + self.labels.nbytes


class LocatorSamples:
    """Random crops; crop ``i`` depends on (seed, part, i) alone.

    Maps are drawn of whole images and kept, up to 2 GB; larger data sets draw them again as they are needed.

    Args:
        sources: Data sets and the names of their images to train on.
        recipe: Target, augmentation and scale.
        mpp: Scale to work at, µm per pixel; None leaves images as they are.
        seed: Of the run.
        part: Name of the part of the run that they are for.
        synthetic: The same of synthetic images.
        share: Probability that a crop is of a synthetic image, where there are any. A crop that is not is the one
            that a run without synthetic images would have.

    Raises:
        InvalidInputError: There are no images.
    """

    def __init__(
        self,
        sources: Sequence[tuple[CellDataset, str]],
        recipe: LocatorRecipe,
        *,
        mpp: float | None,
        seed: int,
        part: str = "final",
        synthetic: Sequence[tuple[CellDataset, str]] = (),
        share: float = 0.0,
    ) -> None:
        if not sources:
            raise InvalidInputError("there are no images to train on.")
        self._sources = [*sources, *synthetic]
        self._synthetic = range(len(sources), len(self._sources))
        self._real, self._share = range(len(sources)), share
        self._target: TargetRecipe = recipe.target
        self._augmentation = recipe.augmentation
        self._mpp, self._seed, self._part = mpp, seed, part
        self._cache: OrderedDict[int, _Drawn] = OrderedDict()
        self._cached_bytes = 0

    def __getitem__(self, index: int) -> Batch:
        """Return crop ``index``: image (3, S, S) normalised, maps (M, S, S) and labels (S, S), -100 where none."""
        rng = numpy_generator(self._seed, "crop", self._part, index)
        images = self._synthetic if self.is_synthetic(index) else self._real
        drawn = self._drawn(images[int(rng.integers(len(images)))])
        side = self._augmentation.crop_px
        seen = self._augmentation.seen_px(rng)
        height, width = drawn.labels.shape
        top, left = (int(rng.integers(0, max(extent - seen, 0) + 1)) for extent in (height, width))
        window = np.s_[top : top + seen, left : left + seen]
        orientation = int(rng.integers(8)) if self._augmentation.turn else 0
        parts = (_padded(part[window], seen) for part in (drawn.image, drawn.heights, drawn.labels))
        pieces = [turn(part, orientation) for part in zoomed(*parts, side=side)]
        image = restained(np.ascontiguousarray(pieces[0], np.uint8), self._augmentation, rng)
        labels = pieces[2].astype(np.int64)
        labels[labels < 0] = IGNORED
        return {
            "image": torch.from_numpy(normalised(image)),
            "heights": torch.from_numpy(np.ascontiguousarray(pieces[1].transpose(2, 0, 1), np.float32)),
            "labels": torch.from_numpy(labels),
        }

    def is_synthetic(self, index: int) -> bool:
        """Return whether crop ``index`` is of a synthetic image."""
        # a stream of its own, so that the crops of real images are the same at every share
        return bool(self._synthetic) and numpy_generator(self._seed, "share", self._part, index).random() < self._share

    def _drawn(self, index: int) -> _Drawn:
        if index in self._cache:
            self._cache.move_to_end(index)
            return self._cache[index]
        dataset, name = self._sources[index]
        image, cells = resized(dataset.read_image(name), dataset.read_cells(name), self._mpp)
        drawn = _Drawn(
            image,
            self._target.draw(cells).transpose(1, 2, 0).astype(np.float16),
            class_map(cells, self._target.class_radius_px),
        )
        self._cache[index] = drawn
        self._cached_bytes += drawn.nbytes
        worker = get_worker_info()
        limit = _CACHE_BYTES // (worker.num_workers if worker else 1)
        while self._cached_bytes > limit and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
        return drawn


def transmitted_light(image: RgbImage) -> npt.NDArray[np.float32]:
    """Return an image, uint8 (H, W, 3), as light in (0, 1], with the same grey level added as for densities."""
    return (image.astype(np.float32) + np.float32(1)) / np.float32(256)


def normalised(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return transmitted light (H, W, 3) as network input (3, H, W), about -2 to 1."""
    return np.ascontiguousarray((image.transpose(2, 0, 1) - 0.7) / 0.25, np.float32)


def _padded(array: npt.NDArray[np.generic], side: int) -> npt.NDArray[np.generic]:
    """Return an array (H, W, ...) mirrored out to at least ``side`` pixels each way."""
    missing = [max(side - extent, 0) for extent in array.shape[:2]]
    if not any(missing):
        return array
    return np.pad(array, [(0, m) for m in missing] + [(0, 0)] * (array.ndim - 2), mode="symmetric")
