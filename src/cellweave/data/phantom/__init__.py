"""Phantom tissue: seeded H&E-like images whose every cell is known."""

from cellweave.data.phantom.dataset import write_phantom_dataset
from cellweave.data.phantom.layout import CLASSES, EXCLUSION_UM
from cellweave.data.phantom.patch import PATCHES_A_PATIENT, PhantomPatch, phantom_patch

__all__ = [
    "CLASSES",
    "EXCLUSION_UM",
    "PATCHES_A_PATIENT",
    "PhantomPatch",
    "phantom_patch",
    "write_phantom_dataset",
]
