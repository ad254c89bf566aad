"""Cell centres kept as one N×2 array in a file of MATLAB or HDF5."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from cellweave.core import DatasetError, TableError
from cellweave.data.readers.array_files import read_mat

_AGAIN = "copy it from the release again"


def read_matlab_centres(path: Path, variable: str) -> npt.NDArray[np.float64]:
    """Return the array of a MATLAB file (versions 4 to 7.2), float64 (N, 2), as it stands there.

    Raises:
        DatasetError: The file is missing or damaged, or lacks the variable.
        TableError: The variable holds something else than N×2 numbers.
    """
    return _as_centres(read_mat(path, [variable])[variable], path, variable)


def read_hdf5_centres(path: Path, dataset: str) -> npt.NDArray[np.float64]:
    """Return the array of an HDF5 file, float64 (N, 2), as it stands there.

    Raises:
        DatasetError: The file is missing or damaged, or lacks the data set.
        TableError: The data set holds something else than N×2 numbers.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is missing, but its image is there; copy it from the release.")
    try:
        with h5py.File(path, "r") as file:
            found = file.get(dataset)
            content = found[()] if isinstance(found, h5py.Dataset) else None
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise DatasetError(f"{path} is not an HDF5 file that can be read ({_first_line(error)}); {_AGAIN}.") from error
    if content is None:
        raise DatasetError(f"{path} has no data set {dataset!r}; {_AGAIN}.")
    return _as_centres(content, path, dataset)


def row_names(count: int) -> Sequence[str]:
    """Return what messages call the rows of an array, from 1."""
    return [f"row {i}" for i in range(1, count + 1)]


def _as_centres(content: Any, path: Path, name: str) -> npt.NDArray[np.float64]:
    array = np.asarray(content)
    if array.dtype.kind not in "iuf":
        raise TableError(f"{path}: {name} holds {array.dtype} values, not numbers; {_AGAIN}.")
    if array.size == 0:
        return np.zeros((0, 2))
    if array.ndim != 2 or array.shape[1] != 2:
        raise TableError(f"{path}: {name} has shape {array.shape}, not (N, 2), one x and one y a cell; {_AGAIN}.")
    return array.astype(np.float64)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
