"""Cells, frames and units, errors, randomness, files and devices: what every other room builds on."""

from cellweave.core.cells import Cells
from cellweave.core.devices import bf16_is_fast, choose_device, device_description
from cellweave.core.errors import (
    CellweaveError,
    CompilationError,
    DatasetError,
    InvalidCellsError,
    InvalidImageError,
    InvalidInputError,
    ModelFolderError,
    OutputError,
    RecipeError,
    TableError,
)
from cellweave.core.files import atomic_file, atomic_folder, sha256_of
from cellweave.core.frames import Length
from cellweave.core.randomness import numpy_generator, torch_generator

__all__ = [
    "Cells",
    "CellweaveError",
    "CompilationError",
    "DatasetError",
    "InvalidCellsError",
    "InvalidImageError",
    "InvalidInputError",
    "Length",
    "ModelFolderError",
    "OutputError",
    "RecipeError",
    "TableError",
    "atomic_file",
    "atomic_folder",
    "bf16_is_fast",
    "choose_device",
    "device_description",
    "numpy_generator",
    "sha256_of",
    "torch_generator",
]
