"""Reading whole slides through OpenSlide."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
import openslide

from cellweave.core import InvalidImageError, InvalidInputError
from cellweave.data import RgbImage
from cellweave.slides.tiling import TILE_PX, Tile, tiles_of

MPP_RANGE = (0.001, 1000.0)
"""What a pixel can measure, in µm: finer than any light microscope sees, coarser than any overview of a slide."""

_UNREADABLE = "is damaged, cut short or of a kind that cannot be read"


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution of a slide.

    Attributes:
        height: In its pixels.
        width: In its pixels.
        downsample: Side of one of its pixels in pixels of level 0, >= 1.
        mpp: Side of one of its pixels in µm; None where the slide does not say, or says what is out of
            :data:`MPP_RANGE`.
    """

    height: int
    width: int
    downsample: float
    mpp: float | None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width


class Slide:
    """A whole slide that is open; a context manager, or closed by :meth:`close`.

    Several threads may read from one slide.

    Args:
        path: Of a kind that OpenSlide reads: Aperio, Hamamatsu, Leica, MIRAX, Philips, Sakura, Trestle,
            Ventana, tiled TIFF.

    Raises:
        InvalidImageError: The file is missing, damaged or of another kind.

    Example::

        with Slide("slide.svs") as slide:
            for tile in tiles_of(slide.level(0).shape):
                pixels = slide.read(tile)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            found = "is a folder" if self.path.is_dir() else "does not exist"
            raise InvalidImageError(f"{self.path} {found}; give the path of a slide file.")
        try:
            self._opened = openslide.OpenSlide(self.path)
        except openslide.OpenSlideError as error:
            raise InvalidImageError(f"{self.path} {_UNREADABLE} ({error}); copy or export the slide again.") from error
        self.levels = _levels(self._opened)
        """From the finest to the coarsest."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; closing it twice does no harm."""
        self._opened.close()

    @property
    def mpp(self) -> float | None:
        """Side of a pixel of level 0 in µm, the mean of width and height; None where the slide does not say."""
        return self.levels[0].mpp

    def level(self, number: int) -> Level:
        """Return a level.

        Raises:
            InvalidInputError: The slide has none of that number.
        """
        if not 0 <= number < len(self.levels):
            raise InvalidInputError(
                f"{self.path} has no level {number}; its levels are 0 to {len(self.levels) - 1}."
                if len(self.levels) > 1
                else f"{self.path} has no level {number}; its only level is 0."
            )
        return self.levels[number]

    def read(self, tile: Tile, *, level: int = 0) -> RgbImage:
        """Return the pixels of a part of a level, uint8 (H, W, 3), white where the slide holds none.

        A pixel does not depend on the part that it is read with. OpenSlide takes places in pixels of level 0, and a
        coarser level's pixels rarely begin on one: it then shifts them by up to half a pixel of level 0. Coarser levels
        are therefore put together from the tiles of :func:`~cellweave.slides.tiles_of`, each shifted in one way.

        Raises:
            InvalidInputError: There is no such level, or the part is empty or reaches out of it.
            InvalidImageError: The data there are damaged.
        """
        height, width = self.level(level).shape
        bottom, right = tile.row + tile.height, tile.column + tile.width
        if min(tile.row, tile.column) < 0 or min(tile.height, tile.width) < 1 or bottom > height or right > width:
            raise InvalidInputError(f"{tile} is not a part of level {level} of {self.path}, {width}×{height} pixels.")
        if level == 0:
            return self._region(tile, 0)
        result = np.empty((tile.height, tile.width, 3), np.uint8)
        for piece in _pieces_over(tile, (height, width)):
            pixels = self._region(piece, level)
            top, left = max(piece.row, tile.row), max(piece.column, tile.column)
            rows = slice(top, min(piece.row + piece.height, bottom))
            columns = slice(left, min(piece.column + piece.width, right))
            result[_moved(rows, tile.row), _moved(columns, tile.column)] = pixels[
                _moved(rows, piece.row), _moved(columns, piece.column)
            ]
        return result

    def thumbnail(self, side: int) -> RgbImage:
        """Return the slide made small, uint8 (H, W, 3), no side longer than ``side`` pixels.

        Raises:
            InvalidImageError: The data are damaged.
        """
        number = max((i for i, level in enumerate(self.levels) if max(level.shape) >= side), default=0)
        height, width = self.levels[number].shape
        factor = -(-max(height, width) // side)
        small = np.empty((-(-height // factor), -(-width // factor), 3), np.uint8)
        for tile in tiles_of((height, width), side=max(1, TILE_PX // factor) * factor):
            size = -(-tile.width // factor), -(-tile.height // factor)
            top, left = tile.row // factor, tile.column // factor
            pixels = self.read(tile, level=number)
            small[top : top + size[1], left : left + size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        return small

    def _region(self, tile: Tile, level: int) -> RgbImage:
        downsample = self.levels[level].downsample
        place = round(tile.column * downsample), round(tile.row * downsample)
        try:
            region = np.asarray(self._opened.read_region(place, level, (tile.width, tile.height)))
        except openslide.OpenSlideError as error:
            raise InvalidImageError(
                f"{self.path} is damaged or cut short: level {level} cannot be read near column {tile.column}, row "
                f"{tile.row} ({error}); copy or export the slide again."
            ) from error
        pixels = region[..., :3].copy()
        pixels[region[..., 3] == 0] = 255
        return pixels


def is_mpp(value: float) -> bool:
    """Return whether a number of µm lies in :data:`MPP_RANGE`; NaN does not."""
    return MPP_RANGE[0] <= value <= MPP_RANGE[1]


def _levels(opened: openslide.OpenSlide) -> tuple[Level, ...]:
    mpp = _mpp(
        opened.properties.get(openslide.PROPERTY_NAME_MPP_X), opened.properties.get(openslide.PROPERTY_NAME_MPP_Y)
    )
    sizes = zip(opened.level_dimensions, opened.level_downsamples, strict=True)
    return tuple(
        Level(height, width, downsample, mpp * downsample if mpp is not None and is_mpp(mpp * downsample) else None)
        for (width, height), downsample in sizes
    )


def _mpp(across: str | None, down: str | None) -> float | None:
    """Return the mean of what a slide says of its pixels' width and height, None where it says nothing sensible."""
    try:
        sides = [float(side) for side in (across, down) if side is not None]
    except ValueError:
        return None
    if not sides or not all(is_mpp(side) for side in sides):
        return None
    return sum(sides) / len(sides)


def _pieces_over(tile: Tile, shape: tuple[int, int]) -> list[Tile]:
    """Return the tiles of a whole level that a part of it lies on."""
    first_row, first_column = tile.row // TILE_PX * TILE_PX, tile.column // TILE_PX * TILE_PX
    below = min(shape[0], -(-(tile.row + tile.height) // TILE_PX) * TILE_PX)
    beyond = min(shape[1], -(-(tile.column + tile.width) // TILE_PX) * TILE_PX)
    return [
        Tile(first_row + piece.row, first_column + piece.column, piece.height, piece.width)
        for piece in tiles_of((below - first_row, beyond - first_column))
    ]


def _moved(part: slice, origin: int) -> slice:
    return slice(part.start - origin, part.stop - origin)
