"""Cutting annotated images into overlapping patches, with a seeded area of every image held out for testing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.data.images import RgbImage
from cellweave.data.semantic_masks import UNKNOWN, SemanticMask

_DRAWS = 200
"""Of places of the held-out area, among which one without unknown pixels is looked for."""


@dataclass(frozen=True, slots=True)
class PatchPlan:
    """Where the patches of one image lie.

    Attributes:
        corners: Row and column of the upper left pixel of every patch, in the image, in reading order.
        held_out: The same of the patches inside the held-out area.
        area: Row, column and side of that area, a square; None where nothing is held out.
        unknown: Number of places left out because too many of their pixels are unknown, in the held-out area or not.
        shared: Number of places left out because they reach into the held-out area, but not lie in it.
    """

    corners: tuple[tuple[int, int], ...]
    held_out: tuple[tuple[int, int], ...]
    area: tuple[int, int, int] | None
    unknown: int
    shared: int


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A patch, perhaps reduced.

    Attributes:
        pixels: uint8 (side, side, 3).
        cells: Those inside, in the patch's frame.
        mask: The patch's.
    """

    pixels: RgbImage
    cells: Cells
    mask: SemanticMask


def plan_patches(
    mask: SemanticMask,
    *,
    side: int,
    overlap: float = 0.5,
    unknown_share: float = 0.0,
    held_out: float = 0.0,
    seed: int = 0,
    image: str = "",
) -> PatchPlan:
    """Return where the patches of an image lie: every ``side * (1 - overlap)`` pixels, rows and columns.

    The held-out area is one square of ``held_out`` times the image's area, at a random place. Of 200 places that are
    drawn the first with the fewest unknown pixels is taken, so that images with unannotated margins have test patches,
    too. Patches that lie in it, on a grid from its corner, are held out; others may not touch it.

    Args:
        mask: The image's; says what is unknown.
        side: Height and width of a patch, in pixels of the image.
        overlap: Share of its side that a patch shares with the next one, 0 to below 1.
        unknown_share: Largest share of unknown pixels in a patch.
        held_out: Share of the image's area, 0 to below 1.
        seed: Of the run.
        image: Its name; the area depends on (seed, name) alone.

    Raises:
        InvalidInputError: A number is out of its range.

    Source:
        Shrivastava and Fletcher 2023 (NASDM), section 3.1: 128-pixel patches with 50 % overlap, 7.5 % held out.
    """
    for name, value in (("overlap", overlap), ("held-out share", held_out)):
        if not 0 <= value < 1:
            raise InvalidInputError(f"the {name} must be from 0 to below 1, got {value:g}.")
    if side < 1 or not 0 <= unknown_share <= 1:
        raise InvalidInputError(
            f"a patch has a side >= 1 and a share of unknown pixels from 0 to 1, got {side} and {unknown_share:g}."
        )
    sums = _window_sums(mask.classes == UNKNOWN)
    step = max(1, round(side * (1 - overlap)))
    area = _held_out_area(mask.shape, sums, held_out, seed=seed, image=image)
    places = _grid((0, 0), mask.shape, side, step)
    apart = [place for place in places if area is None or not _touches(place, side, area)]
    inside = [] if area is None else _grid(area[:2], (area[2], area[2]), side, step)
    known = [place for place in apart if _share(sums, *place, side) <= unknown_share]
    known_inside = [place for place in inside if _share(sums, *place, side) <= unknown_share]
    unknown = len(apart) + len(inside) - len(known) - len(known_inside)
    return PatchPlan(tuple(known), tuple(known_inside), area, unknown, len(places) - len(apart))


def cut_patch(
    pixels: RgbImage, cells: Cells, mask: SemanticMask, corner: tuple[int, int], *, side: int, reduce: int = 1
) -> Patch:
    """Return one patch.

    Args:
        pixels: Of the image, uint8 (H, W, 3).
        cells: Of the image.
        mask: Of the image.
        corner: Row and column of the patch's upper left pixel.
        side: Of the patch, in pixels of the image; a multiple of ``reduce``.
        reduce: How many times smaller the patch becomes: 2 makes 10x of 20x. Colours are averaged, masks keep the
            upper left of the pixels that become one.

    Raises:
        InvalidInputError: ``side`` is no multiple of ``reduce``.
    """
    if reduce < 1 or side % reduce:
        raise InvalidInputError(f"a side of {side} px cannot be reduced {reduce} times; it must be a multiple.")
    row, column = corner
    window = pixels[row : row + side, column : column + side]
    inside = cells.crop(row, column, (side, side))
    if reduce > 1:
        small = (side // reduce, side // reduce)
        window = np.asarray(cv2.resize(window, small, interpolation=cv2.INTER_AREA), np.uint8)
        inside = inside.scaled(1 / reduce)
    return Patch(np.ascontiguousarray(window), inside, mask.crop(row, column, (side, side)).reduced(reduce))


def _grid(corner: tuple[int, int], shape: tuple[int, int], side: int, step: int) -> list[tuple[int, int]]:
    rows, columns = (range(start, start + extent - side + 1, step) for start, extent in zip(corner, shape, strict=True))
    return [(row, column) for row in rows for column in columns]


def _held_out_area(
    shape: tuple[int, int], sums: npt.NDArray[np.int64], share: float, *, seed: int, image: str
) -> tuple[int, int, int] | None:
    side = min(round((share * shape[0] * shape[1]) ** 0.5), *shape)
    if not side:
        return None
    rng = numpy_generator(seed, "held-out area", image)
    drawn = np.stack([rng.integers(extent - side + 1, size=_DRAWS) for extent in shape], axis=1)
    unknown = [_share(sums, int(row), int(column), side) for row, column in drawn]
    row, column = drawn[int(np.argmin(unknown))].tolist()
    return row, column, side


def _touches(place: tuple[int, int], side: int, area: tuple[int, int, int]) -> bool:
    return all(one < start + area[2] and start < one + side for one, start in zip(place, area[:2], strict=True))


def _window_sums(values: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the sums over all windows that begin at the upper left corner, (H + 1, W + 1)."""
    return np.pad(values.cumsum(axis=0, dtype=np.int64).cumsum(axis=1), ((1, 0), (1, 0)))


def _share(sums: npt.NDArray[np.int64], row: int, column: int, side: int) -> float:
    top, bottom = sums[row], sums[row + side]
    return float(bottom[column + side] - bottom[column] - top[column + side] + top[column]) / side**2
