"""A whole data set of phantom tissue on disk."""

from __future__ import annotations

import os
from pathlib import Path

from cellweave.core import InvalidInputError
from cellweave.core.progress import Progress, silent
from cellweave.data.dataset_writer import DatasetWriter
from cellweave.data.phantom.layout import CLASSES
from cellweave.data.phantom.patch import PATCHES_A_PATIENT, phantom_patch
from cellweave.data.semantic_masks import SemanticMask

MIN_IMAGES = 6
"""Three patients, one a split."""


def write_phantom_dataset(
    out: str | os.PathLike[str],
    *,
    images: int = 24,
    size: int = 256,
    mpp: float = 0.5,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Path:
    """Write a data set of phantom patches, two a patient, whole or not at all.

    A sixth of the patients (at least one) is the test split, as many are the validation split, the others
    the training split.

    Args:
        out: The folder to make.
        images: Number of patches, at least 6.
        size: Height and width of a patch, in pixels.
        mpp: Micrometres per pixel.
        seed: Equal seeds give equal data sets; a larger one begins with the patches of a smaller one.
        overwrite: Replace ``out`` where it is there already.
        progress: Called after every patch.

    Returns:
        The folder.

    Raises:
        InvalidInputError: Too few images, or a size, scale or seed out of range.
        OutputError: The folder exists already or cannot be written.
    """
    if images < MIN_IMAGES:
        raise InvalidInputError(
            f"a phantom data set needs at least {MIN_IMAGES} images, so that every split has a patient; got {images}."
        )
    splits = patient_splits(-(-images // PATCHES_A_PATIENT))
    with DatasetWriter(
        out,
        name="phantom tissue",
        classes=CLASSES,
        licence="CC0-1.0",
        source=f"cellweave phantom tissue, seed {seed}",
        overwrite=overwrite,
    ) as writer:
        for index in range(images):
            patient = index // PATCHES_A_PATIENT
            patch = phantom_patch(index, seed=seed, size=size, mpp=mpp)
            writer.add(
                f"phantom-{index:04d}",
                patch.cells,
                pixels=patch.pixels,
                split=splits[patient],
                group=f"patient-{patient:04d}",
                mask=SemanticMask(patch.classes, patch.instances),
            )
            progress("growing phantom tissue", index + 1, images)
    return writer.root


def patient_splits(patients: int) -> list[str]:
    """Return the split of each patient: a sixth test, a sixth validation, at least one each, the others training.

    Example:
        >>> patient_splits(4)
        ['training', 'training', 'validation', 'test']
    """
    held_out = max(1, round(patients / 6))
    return ["training"] * (patients - 2 * held_out) + ["validation"] * held_out + ["test"] * held_out
