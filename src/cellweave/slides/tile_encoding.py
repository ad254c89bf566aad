"""How the tiles of a TIFF are compressed."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from PIL import Image

from cellweave.data import RgbImage
from cellweave.slides.tiling import TILE_PX

JPEG_QUALITY = 85
"""Of 100. Colours keep their full resolution, since they are what most slides are written for."""


@dataclass(frozen=True, slots=True)
class Compression:
    """A way to compress tiles.

    Attributes:
        encode: From a tile of full size, uint8 (TILE_PX, TILE_PX, 3), to its bytes in the file.
        tag: Its number in a TIFF.
        photometric: What the bytes stand for, by tifffile's name.
        differences: Whether every pixel is stored as its difference from the one before.
    """

    encode: Callable[[RgbImage], bytes]
    tag: int
    photometric: str
    differences: bool


def _jpeg(tile: RgbImage) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(tile).save(stream, format="JPEG", quality=JPEG_QUALITY, subsampling="4:4:4")
    return stream.getvalue()


def _deflate(tile: RgbImage) -> bytes:
    differences = tile.copy()
    differences[:, 1:] -= tile[:, :-1]
    return zlib.compress(differences.tobytes())


COMPRESSIONS: Mapping[str, Compression] = MappingProxyType(
    {
        "jpeg": Compression(_jpeg, 7, "ycbcr", differences=False),
        "deflate": Compression(_deflate, 8, "rgb", differences=True),
    }
)
"""The ways by name; ``deflate`` loses nothing."""


def filled_up(tile: RgbImage) -> RgbImage:
    """Return a tile at the edge of a level in full size, its last row and column repeated."""
    missing = [(0, TILE_PX - extent) for extent in tile.shape[:2]]
    return np.pad(tile, (*missing, (0, 0)), mode="edge") if any(after for _, after in missing) else tile
