"""What a layout model can be asked for, and what it makes of a request before it generates anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cellweave.core import InvalidInputError, numpy_generator
from cellweave.data import CellClass
from cellweave.data.images import MAX_PIXELS
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.layouts.requests import CountRequest
from cellweave.layouts.training_counts import TrainingCounts


class RequestableModel:
    """A layout model as far as requests go.

    Args:
        recipe: What it was trained by.
        classes: The classes of its channels.
        training_counts: Counts of the training crops, for a model that is told counts.
    """

    def __init__(
        self, recipe: LayoutRecipe, classes: Sequence[CellClass], training_counts: TrainingCounts | None
    ) -> None:
        self.recipe, self.classes, self.training_counts = recipe, tuple(classes), training_counts

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in label order."""
        return tuple(one.name for one in self.classes)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a layout of the training crop's size, in pixels."""
        return (self.recipe.frame.crop_px, self.recipe.frame.crop_px)

    def category_of(self, index: int) -> int | None:
        """Return the counting category of sample ``index``: the categories take turns."""
        return index % self.recipe.told_categories if self.recipe.told_categories else None

    def check_category(self, category: int | None) -> None:
        """Make sure that the model has a counting category; None stands for any.

        Raises:
            InvalidInputError: It has no such category.
        """
        number = self.recipe.told_categories
        if category is None or 0 <= category < number:
            return
        there = f"the model has {number}, from 0" if number else "the model has none: leave it out"
        raise InvalidInputError(f"there is no counting category {category}; {there}.")

    def check_counts(self, counts: Mapping[str, int] | None, *, size: tuple[int, int] | None = None) -> None:
        """Make sure that counts of some classes can be asked for in layouts of a size; None stands for any.

        Raises:
            InvalidInputError: The model is not told counts, or training crops never had such ones.
        """
        if counts is None:
            return
        if self.training_counts is None:
            can = "takes a counting category" if self.recipe.told_categories else "is told nothing of counts"
            raise InvalidInputError(
                f"counts of classes are asked for, but this model {can}; leave the counts out, or train a model with "
                "the recipe 'counts'."
            )
        self.training_counts.require_seen(counts, self.class_names, windows=self.windows(size))

    def check_size(self, size: tuple[int, int] | None) -> None:
        """Make sure that layouts of a size, height and width in pixels, can be made; None stands for the crop's.

        Raises:
            InvalidInputError: A side is shorter than the crop's or no multiple of ``reduce``, or the area is too large.
        """
        if size is None:
            return
        frame, said = self.recipe.frame, f"{size[1]}×{size[0]}"
        if min(size) < frame.crop_px or any(side % frame.reduce for side in size):
            raise InvalidInputError(
                f"a layout's sides are at least the {frame.crop_px} px of the model's crop, and multiples of "
                f"{frame.reduce} px, got a size of {said}."
            )
        if size[0] * size[1] > MAX_PIXELS:
            raise InvalidInputError(f"a layout has at most {MAX_PIXELS:,} pixels, got a size of {said}.")

    def windows(self, size: tuple[int, int] | None) -> float:
        """Return the area of a layout of a size over that of the training crop."""
        return 1.0 if size is None else size[0] * size[1] / self.recipe.frame.crop_px**2

    def request_of(
        self,
        index: int,
        *,
        seed: int,
        category: int | None = None,
        counts: Mapping[str, int] | None = None,
        size: tuple[int, int] | None = None,
    ) -> CountRequest:
        """Return what is asked of the numbers of cells of layout ``index``; see :meth:`LayoutGenerator.generate`."""
        windows = self.windows(size)
        if self.training_counts is None:
            return CountRequest(self.category_of(index) if category is None else category, windows=windows)
        asked = {self.class_names.index(name): count for name, count in (counts or {}).items()}
        rng = numpy_generator(seed, "layout counts", index)
        return CountRequest(counts=self.training_counts.complete(asked, rng, windows=windows), windows=windows)
