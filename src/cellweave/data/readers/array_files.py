"""Arrays of a release: variables of a MATLAB file, and NumPy files that are read image by image."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.io
from PIL import Image

from cellweave.core import DatasetError
from cellweave.data.images import image_size

_AGAIN = "copy it from the release again"
_MASK_MODES = ("L", "P", "I", "I;16", "I;16B", "I;16L")


def read_mat(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, npt.NDArray[Any]]:
    """Return variables of a MATLAB file (versions 4 to 7.2).

    Raises:
        DatasetError: The file is missing, damaged or of version 7.3, or lacks a required variable.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is missing, but its image is there; copy it from the release.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a variable that the file holds twice; the last one counts
            content = scipy.io.loadmat(path, appendmat=False, variable_names=[*required, *optional])
    except NotImplementedError as error:
        raise DatasetError(f"{path} is a MATLAB file of version 7.3; save it with -v7.") from error
    except Exception as error:  # scipy's parser raises whatever the garbage in a damaged file leads it to
        raise DatasetError(f"{path} is not a MATLAB file that can be read ({_first_line(error)}); {_AGAIN}.") from error
    missing = [name for name in required if name not in content]
    if missing:
        there = [name for name in content if not name.startswith("__")]
        raise DatasetError(f"{path} has no variable {missing[0]!r}, only {there}; {_AGAIN}.")
    return {name: np.asarray(content[name]) for name in (*required, *optional) if name in content}


def open_npy(path: Path) -> npt.NDArray[Any]:
    """Return the array of a NumPy file, left on disk until parts of it are used.

    Raises:
        DatasetError: The file is missing, damaged, or holds Python objects, which are never read.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is missing; copy it from the release.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers as old Pythons wrote them
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # the header is Python text: damaged, it leads to whatever its parser raises
        raise DatasetError(
            f"{path} is not an array that can be read ({_first_line(error)}); pickled objects are never read: {_AGAIN}."
        ) from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise DatasetError(f"{path} is an archive of arrays, not a .npy file; unpack it.")
    return array


def require_shape(array: npt.NDArray[Any], expected: tuple[int | None, ...], *, file: Path) -> None:
    """Refuse an array of another shape.

    Args:
        array: The array.
        expected: Its shape; None where any length is right.
        file: Where it comes from, for the message.

    Raises:
        DatasetError: The shape is another, or the values are no numbers.
    """
    right = array.ndim == len(expected) and all(
        want in {None, have} for want, have in zip(expected, array.shape, strict=True)
    )
    if not right or array.dtype.kind not in "buif":
        shape = ", ".join("N" if want is None else str(want) for want in expected)
        raise DatasetError(f"{file} holds {array.dtype} {array.shape}; it must hold numbers, ({shape}).")


def read_mask(path: Path) -> npt.NDArray[Any]:
    """Return a mask, (H, W), from a ``.npy`` file or from an image of one channel of 8, 16 or 32 bits.

    Raises:
        DatasetError: It is damaged, has several channels, or a single bit a pixel.
        InvalidImageError: It is missing or no image.
    """
    if path.suffix.lower() == ".npy":
        return open_npy(path)
    image_size(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                mode, mask = image.mode, np.asarray(image)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise DatasetError(
            f"{path} is damaged or cut short ({_first_line(error)}); copy or export it again."
        ) from error
    if mode not in _MASK_MODES:
        raise DatasetError(
            f"{path} is an image of mode {mode}; a mask has one channel of 8, 16 or 32 bits: export it so."
        )
    return mask


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
