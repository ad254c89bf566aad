"""Writing a slide as a tiled pyramid in a TIFF, whose tiles come one after another."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

import numpy as np
import tifffile

from cellweave import __version__
from cellweave.core import InvalidInputError
from cellweave.data import RgbImage
from cellweave.slides.halving import Halving, level_shapes
from cellweave.slides.slide import MPP_RANGE, is_mpp
from cellweave.slides.tile_encoding import COMPRESSIONS, Compression, filled_up
from cellweave.slides.tile_work import in_order
from cellweave.slides.tiling import TILE_PX, tiles_of

_CLASSIC_BYTES = 2**32 - 2**26
"""More than so many, uncompressed, need BigTIFF: offsets of a classic TIFF have 32 bits."""

_DEFLATE = 8
_REDUCED = 1
_UM_PER_CM = 10_000


def write_pyramid(
    path: Path,
    tiles: Iterable[RgbImage],
    *,
    shape: tuple[int, int],
    mpp: float | None = None,
    compression: str = "jpeg",
    description: str = "",
) -> None:
    """Write a pyramidal TIFF that OpenSlide reads, BigTIFF where it may need to be.

    Each level is half the one before, by means of 2×2 pixels. Memory holds a few tiles and one row of them for every
    level but the finest; the compressed tiles of these wait in a temporary file beside ``path``, which the system
    removes whatever happens.

    Args:
        path: The file; replaced where it exists. See :func:`~cellweave.core.atomic_file`.
        tiles: Pixels of the finest level, uint8 (H, W, 3) each, by the tiles of
            :func:`~cellweave.slides.tiles_of` in their order.
        shape: Height and width of the finest level.
        mpp: µm per pixel of the finest level; nothing is said of it in the file when None.
        compression: A name of :data:`COMPRESSIONS`.
        description: Of the image, for the file.

    Raises:
        InvalidInputError: There is no such compression, or ``mpp`` is not from 0.001 to 1000.
    """
    if compression not in COMPRESSIONS:
        raise InvalidInputError(f"there is no compression {compression!r}; there are {', '.join(COMPRESSIONS)}.")
    if mpp is not None and not is_mpp(mpp):
        low, high = MPP_RANGE
        raise InvalidInputError(f"the pixels of a pyramid measure {low:g} to {high:g} µm, got {mpp:g}; correct mpp.")
    way = COMPRESSIONS[compression]
    shapes = level_shapes(shape)
    with (
        tifffile.TiffWriter(path, bigtiff=sum(3 * h * w for h, w in shapes) > _CLASSIC_BYTES) as file,
        tempfile.TemporaryFile(dir=path.parent) as stream,
    ):
        coarser = _Waiting(stream)
        halving = Halving(shapes, lambda level, tile: coarser.add(level, way.encode(filled_up(tile))))
        for level, (height, width) in enumerate(shapes):
            encoded = _finest(tiles, shape, way, halving) if level == 0 else coarser.tiles(level)
            with closing(encoded):
                file.write(
                    encoded,
                    shape=(height, width, 3),
                    dtype=np.uint8,
                    tile=(TILE_PX, TILE_PX),
                    photometric=way.photometric,
                    compression=_DEFLATE,
                    predictor=way.differences,
                    subfiletype=0 if level == 0 else _REDUCED,
                    resolution=None if mpp is None else (_UM_PER_CM / (mpp * 2**level),) * 2,
                    resolutionunit="NONE" if mpp is None else "CENTIMETER",
                    software=f"cellweave {__version__}",
                    description=description.encode() if description and level == 0 else None,
                    metadata=None,
                )
    if way.tag != _DEFLATE:
        _name_compression(path, way.tag)


class _Waiting:
    """Compressed tiles of several levels in one file, each level's in the order in which they came."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._places: dict[int, list[tuple[int, int]]] = {}

    def add(self, level: int, tile: bytes) -> None:
        self._places.setdefault(level, []).append((self._stream.tell(), len(tile)))
        self._stream.write(tile)

    def tiles(self, level: int) -> Generator[bytes, None, None]:
        for place, length in self._places[level]:
            self._stream.seek(place)
            yield self._stream.read(length)


def _finest(
    tiles: Iterable[RgbImage], shape: tuple[int, int], way: Compression, halving: Halving
) -> Generator[bytes, None, None]:
    def passing() -> Iterator[RgbImage]:
        for place, tile in zip(tiles_of(shape), tiles, strict=True):
            if tile.shape != (place.height, place.width, 3) or tile.dtype != np.uint8:
                raise InvalidInputError(f"{place} of a pyramid is uint8 (H, W, 3), got {tile.dtype} {tile.shape}.")
            halving.add(place, tile)
            yield tile

    yield from in_order(lambda tile: way.encode(filled_up(tile)), passing())


def _name_compression(path: Path, tag: int) -> None:
    """Put the number of the compression into the file: tifffile writes tiles that others encoded, but lets itself be
    told only of compressions that it could encode itself, JPEG not being one without a further package.
    """
    with tifffile.TiffFile(path, mode="r+") as file:
        for page in file.pages:
            page.aspage().tags["Compression"].overwrite(tag)
