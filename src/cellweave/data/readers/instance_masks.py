"""From masks of nuclei to cells: a nucleus is the pixels of one number, its cell lies at their centroid.

A centroid is the mean of the pixel centres, so that of the single pixel (row 0, column 0) is x 0.5, y 0.5. It is the
centroid even where a concave nucleus does not cover it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import DatasetError
from cellweave.data.semantic_masks import BACKGROUND, MOST_INSTANCES, UNKNOWN, SemanticMask
from cellweave.data.wording import some

IntegerArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Nuclei:
    """The nuclei of an instance mask, in the order of their numbers.

    Attributes:
        numbers: The number of every nucleus in the mask, int64 (N,).
        xy: Their centroids, float64 (N, 2), x right and y down, in pixels.
        areas: Their sizes, int64 (N,), in pixels.
        pixels: Indices of all their pixels into the flat mask, int64 (P,).
        owners: Which nucleus each of these pixels belongs to, int64 (P,), an index into ``numbers``.
        shape: Height and width of the mask, in pixels.
        file: Where the mask comes from, for messages.
    """

    numbers: IntegerArray
    xy: npt.NDArray[np.float64]
    areas: IntegerArray
    pixels: IntegerArray
    owners: IntegerArray
    shape: tuple[int, int]
    file: Path

    @classmethod
    def of(cls, mask: npt.NDArray[Any], *, file: Path) -> Nuclei:
        """Find the nuclei of a mask.

        Args:
            mask: (H, W), whole numbers; 0 is background, every other number is a nucleus, in one piece or several.
            file: Where the mask comes from, for messages.

        Raises:
            DatasetError: The mask is not (H, W) or holds something else than whole numbers from 0.

        Example:
            >>> nuclei = Nuclei.of(np.array([[7, 7, 0], [0, 0, 2]]), file=Path("a.mat"))
            >>> nuclei.numbers.tolist(), nuclei.xy.tolist(), nuclei.areas.tolist()
            ([2, 7], [[2.5, 1.5], [1.0, 0.5]], [1, 2])
        """
        whole = whole_mask(mask, file=file)
        pixels = np.flatnonzero(whole)
        numbers, owners = np.unique(whole.reshape(-1)[pixels], return_inverse=True)
        rows, columns = np.divmod(pixels, max(whole.shape[1], 1))
        areas = np.bincount(owners, minlength=len(numbers))
        sums = [np.bincount(owners, weights=values, minlength=len(numbers)) for values in (columns, rows)]
        return cls(numbers, np.stack(sums, axis=1) / areas[:, None] + 0.5, areas, pixels, owners, whole.shape, file)

    def mask(self) -> IntegerArray:
        """Return the mask again, int64 (H, W)."""
        flat = np.zeros(self.shape[0] * self.shape[1], np.int64)
        flat[self.pixels] = self.numbers[self.owners]
        return flat.reshape(self.shape)

    def semantic_mask(self, labels: IntegerArray) -> SemanticMask:
        """Return the mask of a data set: nucleus ``i`` has number ``i + 1``, and its class at all of its pixels.

        Args:
            labels: Index of the class of every nucleus, int64 (N,), below 254; -1 where it is not known.

        Raises:
            DatasetError: There are more nuclei than numbers of 16 bits.

        Example:
            >>> mask = Nuclei.of(np.array([[7, 7, 0], [0, 0, 2]]), file=Path("a.mat")).semantic_mask(np.array([1, -1]))
            >>> mask.classes.tolist(), mask.instances.tolist()
            ([[255, 255, 0], [0, 0, 2]], [[2, 2, 0], [0, 0, 1]])
        """
        if len(self.numbers) > MOST_INSTANCES:
            raise DatasetError(
                f"{self.file} has {len(self.numbers):,} nuclei, and a mask can number {MOST_INSTANCES:,}; cut the "
                "image into tiles first."
            )
        classes = np.full(self.shape, BACKGROUND, np.uint8)
        classes.reshape(-1)[self.pixels] = np.where(labels < 0, UNKNOWN, labels + 1)[self.owners]
        instances = np.zeros(self.shape, np.uint16)
        instances.reshape(-1)[self.pixels] = self.owners + 1
        return SemanticMask(classes, instances)

    def codes_of(self, class_mask: npt.NDArray[Any], *, file: Path | None = None) -> IntegerArray:
        """Return the class code that most pixels of every nucleus have, int64 (N,); of equals the lowest.

        Pixels of code 0 have no class and do not count; a nucleus of such pixels alone has code 0.

        Args:
            class_mask: (H, W), whole numbers; 0 where there is no class.
            file: Where it comes from, for messages; that of the nuclei when None.

        Raises:
            DatasetError: The masks differ in size, or this one holds something else than whole numbers from 0.

        Example:
            >>> nuclei = Nuclei.of(np.array([[1, 1, 1, 2]]), file=Path("a.mat"))
            >>> nuclei.codes_of(np.array([[0, 3, 3, 0]])).tolist()
            [3, 0]
        """
        file = file or self.file
        codes = whole_mask(class_mask, file=file)
        if codes.shape != self.shape:
            raise DatasetError(
                f"{file}: the mask of classes is {_size(codes.shape)}, that of nuclei {_size(self.shape)} "
                "(width×height); they must agree."
            )
        found, indices = np.unique(codes.reshape(-1)[self.pixels], return_inverse=True)
        votes = np.bincount(self.owners * len(found) + indices, minlength=len(self.numbers) * len(found))
        votes = votes.reshape(len(self.numbers), len(found))
        votes[:, found == 0] = 0
        if not votes.size:
            return np.zeros(len(self.numbers), np.int64)
        return np.where(votes.any(axis=1), found[votes.argmax(axis=1)], 0)

    def codes_from(self, numbers: npt.ArrayLike, codes: npt.ArrayLike) -> IntegerArray:
        """Return the class code of every nucleus, int64 (N,), from a table; 0 for those that it does not have.

        Args:
            numbers: The numbers of nuclei in the table, (M,).
            codes: Their class codes, (M,).

        Raises:
            DatasetError: The table has a number twice, or one that is not in the mask, or lengths differ.
        """
        listed = _whole(np.asarray(numbers).reshape(-1), "a table of nuclei", self.file)
        values = _whole(np.asarray(codes).reshape(-1), "a table of classes", self.file)
        if len(listed) != len(values):
            raise DatasetError(f"{self.file}: {len(listed)} nuclei have {len(values)} classes; they must be as many.")
        unique, counts = np.unique(listed, return_counts=True)
        if (counts > 1).any():
            raise DatasetError(f"{self.file}: the table of classes has nucleus {unique[counts > 1][0]} twice.")
        strange = np.setdiff1d(unique, self.numbers)
        if len(strange):
            raise DatasetError(
                f"{self.file}: the table of classes has nuclei that are not in the mask: {some(strange.tolist())}; "
                "do table and mask belong together?"
            )
        result = np.zeros(len(self.numbers), np.int64)
        result[np.searchsorted(self.numbers, listed)] = values
        return result


def labels_of(codes: IntegerArray, labels: Mapping[int, int], *, file: Path) -> IntegerArray:
    """Return the index of the class of every code, int64 (N,); -1 for code 0.

    Args:
        codes: Class codes, int64 (N,).
        labels: Index of the class of every code that may occur; -1 for codes that mean an unknown class.
        file: Where the codes come from, for the message.

    Raises:
        DatasetError: A code is not among those.
    """
    known = {0: -1, **labels}
    unknown = sorted(set(codes.tolist()) - set(known))
    if unknown:
        raise DatasetError(
            f"{file}: class code {unknown[0]} is not known; the codes are {sorted(labels)}, and 0 for no class."
        )
    return np.array([known[code] for code in codes.tolist()], dtype=np.int64)


def whole_mask(mask: npt.NDArray[Any], *, file: Path) -> IntegerArray:
    """Return a mask as int64 (H, W).

    Raises:
        DatasetError: It has another shape, or holds something else than whole numbers from 0.
    """
    if mask.ndim != 2:
        raise DatasetError(f"{file}: a mask has shape (H, W), got {mask.shape}; give one number a pixel.")
    return _whole(mask, "a mask", file)


def require_size(mask_shape: tuple[int, int], image_shape: tuple[int, int], *, file: Path, image: Path) -> None:
    """Refuse a mask of another size than its image.

    Raises:
        DatasetError: They differ.
    """
    if mask_shape != image_shape:
        raise DatasetError(
            f"{file}: the mask is {_size(mask_shape)}, the image {image.name} {_size(image_shape)} (width×height); "
            "they must be equal: do they belong together?"
        )


def _whole(values: npt.NDArray[Any], what: str, file: Path) -> IntegerArray:
    if values.dtype.kind not in "buif":
        raise DatasetError(f"{file}: {what} holds whole numbers, got {values.dtype}; copy it from the release again.")
    with np.errstate(invalid="ignore"):  # NaN and numbers too large for int64 are told below
        whole = values.astype(np.int64)
    bad = (whole != values) | (whole < 0)
    if bad.any():
        raise DatasetError(f"{file}: {what} holds {values[bad].flat[0]}; the numbers must be whole, from 0.")
    return whole


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"
