"""``Cells``: positions and classes of the cells of one image, and the frame that they live in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from cellweave.core.errors import InvalidCellsError

UNKNOWN = -1
"""Label of a cell whose class is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells of one image.

    Attributes:
        xy: Centres, float64 (N, 2), x right and y down, in pixels; pixel (row r, column c) covers
            [c, c + 1) × [r, r + 1). All inside the frame: 0 <= x < W and 0 <= y < H.
        labels: Class of every cell as an index into ``classes``, int64 (N,); -1 where it is not known.
        classes: Names of the classes.
        shape: Height and width of the frame, in pixels.
        mpp: Micrometres per pixel; None where unknown.
        scores: Confidence of every cell, float32 (N,); None for annotated cells.

    Raises:
        InvalidCellsError: Shapes disagree, a position is not finite or lies outside the frame, or a label is unknown.

    The arrays are read-only; every method returns new ``Cells``.

    Example:
        >>> cells = Cells([[1.5, 0.5]], [0], classes=("lymphocyte",), shape=(4, 4))
        >>> len(cells), cells.counts()
        (1, {'lymphocyte': 1})
    """

    xy: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    classes: tuple[str, ...] = field(kw_only=True)
    shape: tuple[int, int] = field(kw_only=True)
    mpp: float | None = field(default=None, kw_only=True)
    scores: npt.NDArray[np.float32] | None = field(default=None, kw_only=True)

    def __init__(
        self,
        xy: npt.ArrayLike,
        labels: npt.ArrayLike | None = None,
        *,
        classes: Sequence[str],
        shape: tuple[int, int],
        mpp: float | None = None,
        scores: npt.ArrayLike | None = None,
    ) -> None:
        positions = np.array(xy, dtype=np.float64).reshape(-1, 2) if np.size(xy) == 0 else np.array(xy, np.float64)
        if positions.ndim != 2 or positions.shape[1] != 2:
            raise InvalidCellsError(f"xy must have shape (N, 2), got {positions.shape}.")
        count = len(positions)
        indices = np.full(count, UNKNOWN) if labels is None else np.array(labels).reshape(-1)
        if not _are_whole(indices):
            raise InvalidCellsError(
                f"labels must be whole numbers, indices into the classes, got {indices.tolist()[:5]}."
            )
        confidence = None if scores is None else np.array(scores, np.float32).reshape(-1)
        set_field = object.__setattr__
        set_field(self, "xy", positions)
        set_field(self, "labels", indices.astype(np.int64))
        set_field(self, "classes", tuple(str(name) for name in classes))
        set_field(self, "shape", (int(shape[0]), int(shape[1])))
        set_field(self, "mpp", None if mpp is None else float(mpp))
        set_field(self, "scores", confidence)
        self._validate()
        for array in (self.xy, self.labels, self.scores):
            if array is not None:
                array.setflags(write=False)

    def _validate(self) -> None:
        height, width = self.shape
        if height < 0 or width < 0:
            raise InvalidCellsError(f"a frame has a height and width >= 0, got {self.shape}.")
        if self.mpp is not None and not (np.isfinite(self.mpp) and self.mpp > 0):
            raise InvalidCellsError(f"mpp (µm per pixel) must be a positive number or None, got {self.mpp}.")
        if len(set(self.classes)) != len(self.classes):
            raise InvalidCellsError(f"class names must differ, got {list(self.classes)}.")
        for name, values in (("labels", self.labels), ("scores", self.scores)):
            if values is not None and len(values) != len(self.xy):
                raise InvalidCellsError(f"{name} must have one value a cell, got {len(values)} for {len(self.xy)}.")
        inside = ((self.xy >= 0) & (self.xy < (width, height))).all(axis=1)  # False for NaN
        if not inside.all():
            i = int(np.argmin(inside))
            raise InvalidCellsError(
                f"xy[{i}] is {self.xy[i].tolist()}, outside the {width}×{height} (width×height) frame; "
                "is it (row, column), or the frame of another image?"
            )
        known = (self.labels >= UNKNOWN) & (self.labels < len(self.classes))
        if not known.all():
            i = int(np.argmin(known))
            raise InvalidCellsError(
                f"labels[{i}] is {self.labels[i]}, but there are {len(self.classes)} classes "
                f"{list(self.classes)} (-1 stands for unknown)."
            )

    def __len__(self) -> int:
        return len(self.xy)

    @classmethod
    def empty(cls, *, classes: Sequence[str], shape: tuple[int, int], mpp: float | None = None) -> Self:
        """Return no cells in a frame."""
        return cls(np.zeros((0, 2)), classes=classes, shape=shape, mpp=mpp)

    def counts(self) -> dict[str, int]:
        """Return the number of cells of every class; cells of unknown class are left out."""
        return {name: int(np.sum(self.labels == i)) for i, name in enumerate(self.classes)}

    def label_names(self) -> list[str | None]:
        """Return the class name of every cell, None where it is unknown."""
        return [None if label == UNKNOWN else self.classes[label] for label in self.labels]

    def select(self, which: npt.ArrayLike) -> Cells:
        """Return some of the cells, by boolean mask (N,) or by indices."""
        index = np.asarray(which)
        index = index.astype(np.int64) if index.size == 0 and index.dtype != bool else index
        scores = None if self.scores is None else self.scores[index]
        return self._with(self.xy[index], self.labels[index], scores=scores)

    def of_class(self, name: str) -> Cells:
        """Return the cells of one class.

        Raises:
            InvalidCellsError: There is no such class.
        """
        if name not in self.classes:
            raise InvalidCellsError(f"there is no class {name!r}; the classes are {list(self.classes)}.")
        return self.select(self.labels == self.classes.index(name))

    def crop(self, row: int, column: int, shape: tuple[int, int]) -> Cells:
        """Return the cells inside a window, in the window's frame.

        Args:
            row: Top row of the window, in pixels; may be negative (the window then reaches beyond the frame).
            column: Left column of the window, in pixels; may be negative.
            shape: Height and width of the window, in pixels.
        """
        shifted = self.xy - (column, row)
        inside = ((shifted >= 0) & (shifted < (shape[1], shape[0]))).all(axis=1)
        scores = None if self.scores is None else self.scores[inside]
        return self._with(shifted[inside], self.labels[inside], shape=shape, scores=scores)

    def scaled(self, factor: float) -> Cells:
        """Return the cells in a frame ``factor`` times as large, rounded up to whole pixels."""
        height, width = (int(np.ceil(side * factor - 1e-9)) for side in self.shape)
        xy = np.minimum(self.xy * factor, np.nextafter((width, height), 0.0))
        mpp = None if self.mpp is None else self.mpp / factor
        return self._with(xy, self.labels, shape=(height, width), mpp=mpp, scores=self.scores)

    def _with(
        self,
        xy: npt.NDArray[np.float64],
        labels: npt.NDArray[np.int64],
        *,
        scores: npt.NDArray[np.float32] | None,
        shape: tuple[int, int] | None = None,
        mpp: float | None = None,
    ) -> Cells:
        return Cells(
            xy,
            labels,
            classes=self.classes,
            shape=self.shape if shape is None else shape,
            mpp=self.mpp if mpp is None else mpp,
            scores=scores,
        )


def _are_whole(values: npt.NDArray[np.generic]) -> bool:
    if values.size == 0 or values.dtype.kind in "biu":
        return True
    return values.dtype.kind == "f" and bool((np.isfinite(values) & (values == np.rint(values))).all())
