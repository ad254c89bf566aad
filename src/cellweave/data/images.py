"""Reading and writing image files, with every way in which they can be bad told in one line."""

from __future__ import annotations

import os
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, UnidentifiedImageError

from cellweave.core import InvalidImageError, atomic_file

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
"""Endings of the files that a folder of images is searched for."""

MAX_PIXELS = 178_956_970
"""Larger images belong to slide tools; Pillow too takes them for decompression bombs."""

RgbImage = npt.NDArray[np.uint8]
"""(H, W, 3), red, green, blue."""


def read_image(path: str | os.PathLike[str]) -> RgbImage:
    """Return an 8-bit RGB image, uint8 (H, W, 3); grey images and palettes are expanded, transparency is dropped.

    Raises:
        InvalidImageError: The file is missing, is no image, is damaged or cut short, or has more than 8 bits a channel.
    """
    path = Path(path)
    with _opened(path) as image:
        _refuse_unusable(image, path)
        return np.asarray(image.convert("RGB"))


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return height and width of an image file in pixels, reading only its header.

    Raises:
        InvalidImageError: The file is missing or is no image.
    """
    with _opened(Path(path)) as image:
        return image.height, image.width


def read_ids(path: str | os.PathLike[str]) -> npt.NDArray[np.uint8 | np.uint16]:
    """Return the numbers of a PNG of one channel, uint8 or uint16 (H, W).

    Raises:
        InvalidImageError: The file is missing, no image, damaged, or has several channels or other numbers.
    """
    path = Path(path)
    with _opened(path) as image:
        kinds = {"L": np.uint8, "I;16": np.uint16}
        if image.mode not in kinds:
            raise InvalidImageError(f"{path} is an image of mode {image.mode}; a mask has one channel of 8 or 16 bits.")
        return np.asarray(image, kinds[image.mode])


def write_png(path: str | os.PathLike[str], image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> None:
    """Write an image, uint8 (H, W, 3), or uint8 or uint16 (H, W), as PNG, whole or not at all."""
    with atomic_file(path) as partial, partial.open("wb") as stream:
        Image.fromarray(image).save(stream, format="PNG")


@contextmanager
def _opened(path: Path) -> Iterator[ImageFile.ImageFile]:
    """Yield an image file, its header read; whatever is wrong with it, there or in the block, is one kind of error."""
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise InvalidImageError(f"{path} {found}; give the path of an image file ({', '.join(IMAGE_SUFFIXES)}).")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they speak of size, which MAX_PIXELS limits, and of metadata
            with Image.open(path) as image:
                yield image
    except InvalidImageError:
        raise
    except UnidentifiedImageError as error:
        raise InvalidImageError(
            f"{path} is not an image that can be read ({path.stat().st_size} bytes); export it again, or remove it."
        ) from error
    except Image.DecompressionBombError as error:
        raise InvalidImageError(f"{path} has more than {MAX_PIXELS:,} pixels; cut it into tiles first.") from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise InvalidImageError(f"{path} is damaged or cut short ({error}); copy or export it again.") from error


def _refuse_unusable(image: ImageFile.ImageFile, path: Path) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise InvalidImageError(
            f"{path} has {image.width}×{image.height} pixels, more than {MAX_PIXELS:,}; cut it into tiles first."
        )
    stored = [image.mode, *(str(tile[3]) for tile in image.tile)]  # Pillow would halve 16-bit colours in silence
    if image.mode.startswith(("I", "F")) or any(re.search(r";(16|32)[BLN]", one) for one in stored):
        raise InvalidImageError(f"{path} has pixels of more than 8 bits a colour; convert it to 8-bit RGB first.")
