"""Training samples of a layout model: random crops, in one of eight orientations, with what is told of their counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.layouts.categories import CountingCategories
from cellweave.layouts.raster import DrawnLayout, DrawnLayouts, cell_channels, encode_crop
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.layouts.starting_point import LayoutStart
from cellweave.layouts.training_counts import TrainingCounts
from cellweave.training import Batch

COUNTED_CROPS = 2000
"""Crops whose numbers of cells the counting categories, or the scale of counts, are computed from."""


class LayoutSamples:
    """Random crops of layouts; crop ``i`` depends on (seed, part, i) alone.

    Args:
        drawn: Training images; those smaller than the crop are left out.
        recipe: Of the model.
        seed: Of the run.
        part: Name of the part of the run that they are for.

    Raises:
        InvalidInputError: No image is as large as the crop.
    """

    def __init__(self, drawn: DrawnLayouts, recipe: LayoutRecipe, *, seed: int, part: str = "final") -> None:
        side = recipe.frame.inner_px
        self.scale = drawn.scale
        self._drawn = [one for one in drawn.images if min(one.cells.shape) >= side]
        if not self._drawn:
            raise InvalidInputError(
                f"no training image is as large as the crop of {recipe.frame.crop_px} px; lower frame.crop_px."
            )
        self._recipe, self._seed, self._part = recipe, seed, part
        self._classes = len(self._drawn[0].cells.classes)
        self.categories = CountingCategories(())
        self.training_counts: TrainingCounts | None = None

    def count_crops(self, start: LayoutStart | None = None) -> npt.NDArray[np.int64]:
        """Make what samples tell of their counts; return the cells of every class in the first crops, (crops, C).

        Args:
            start: The model whose categories, and whose scale of counts, are used; None: they are those of the crops.

        Raises:
            InvalidInputError: The crops do not tell so many counting categories apart.
        """
        counts = self.class_counts()
        if start is None:
            self.categories = CountingCategories.from_counts(counts.sum(axis=1), self._recipe.told_categories)
        else:
            self.categories = start.categories
        if self._recipe.condition == "counts":
            own = TrainingCounts.of(counts)
            self.training_counts = own if start is None else start.told_as_before(own)
        return counts

    def __getitem__(self, index: int) -> Batch:
        """Return crop ``index``.

        Returns:
            ``x0``, float32 (channels, S, S), and ``category``, a number, or, with training counts, ``condition``,
            float32 (C + 2, 1, 1): what the network is told of the crop's counts. A share of the crops, the recipe's
            ``drop``, tells nothing: the category after the last, or zeros.
        """
        drawn, row, column, orientation = self._place(index)
        raster = encode_crop(drawn, row, column, self._recipe, self.scale)
        turned = np.rot90(raster, orientation % 4, axes=(1, 2))
        turned = turned[:, :, ::-1] if orientation >= 4 else turned
        batch: Batch = {"x0": torch.from_numpy(np.ascontiguousarray(turned))}
        counts = self._counts(drawn, row, column)
        drop = self._recipe.drop
        silent = drop > 0 and numpy_generator(self._seed, "told nothing", self._part, index).random() < drop
        if self.training_counts is not None:
            told = torch.from_numpy(self.training_counts.told(counts[None])[0])[:, None, None]
            return {**batch, "condition": torch.zeros_like(told) if silent else told}
        category = self.categories.number if silent else int(self.categories.of(counts.sum()))
        return {**batch, "category": torch.tensor(category)}

    def class_counts(self, number: int = COUNTED_CROPS) -> npt.NDArray[np.int64]:
        """Return the number of cells of every class in the first crops, (number, C), without drawing them."""
        return np.array([self._counts(*self._place(i)[:3]) for i in range(number)], np.int64)

    def cell_means(self, number: int) -> npt.NDArray[np.float64]:
        """Return the means of the channels of cells, as data, over the first crops, (number, channels)."""
        frame = self._recipe.frame
        inside = slice(frame.pad_px, frame.pad_px + frame.inner_px)
        last = cell_channels(self._recipe, self._classes)
        means = []
        for index in range(number):
            drawn, row, column, _ = self._place(index)
            raster = encode_crop(drawn, row, column, self._recipe, self.scale)
            means.append(raster[:last, inside, inside].mean(axis=(1, 2), dtype=np.float64))
        return np.stack(means)

    def cells(self, index: int) -> Cells:
        """Return the cells of crop ``index`` before it is turned, in the reduced frame."""
        drawn, row, column, _ = self._place(index)
        return self._window(drawn, row, column)

    def _place(self, index: int) -> tuple[DrawnLayout, int, int, int]:
        rng = numpy_generator(self._seed, "layout crop", self._part, index)
        drawn = self._drawn[int(rng.integers(len(self._drawn)))]
        side = self._recipe.frame.inner_px
        row, column = (int(rng.integers(extent - side + 1)) for extent in drawn.cells.shape)
        return drawn, row, column, int(rng.integers(8))

    def _counts(self, drawn: DrawnLayout, row: int, column: int) -> npt.NDArray[np.int64]:
        return np.bincount(self._window(drawn, row, column).labels, minlength=self._classes).astype(np.int64)

    def _window(self, drawn: DrawnLayout, row: int, column: int) -> Cells:
        side = self._recipe.frame.inner_px
        window = drawn.cells.crop(row, column, (side, side))
        return window.select(window.labels >= 0)
