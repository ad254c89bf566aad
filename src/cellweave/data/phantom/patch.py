"""One patch of phantom tissue, from nothing but a seed and a number."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.data.images import RgbImage
from cellweave.data.phantom.bodies import draw_bodies
from cellweave.data.phantom.character import Patient, Region
from cellweave.data.phantom.fields import smooth_noise
from cellweave.data.phantom.layout import CLASSES, TUMOR, place_cells
from cellweave.data.phantom.nuclei import lookalikes, nuclei
from cellweave.data.phantom.tissue import ground_stain, grow_tissue

PATCHES_A_PATIENT = 2
"""Patches 0 and 1 are of the first phantom patient, 2 and 3 of the second, and so on."""

MARGIN_UM = 10.0
"""Tissue is grown this far beyond the patch, so that cells at its border are cut as in any image."""

MPP_RANGE = (0.2, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class PhantomPatch:
    """An H&E-like image with everything that is known about it.

    Attributes:
        pixels: uint8 (H, W, 3), red, green, blue.
        cells: All cells whose centre lies in the image.
        instances: uint16 (H, W): 0 outside nuclei, i + 1 in the nucleus of ``cells[i]``; higher numbers are
            nuclei that reach into the image from a centre outside it.
        classes: uint8 (H, W): 0 outside nuclei, ``i + 1`` in those of class ``i``.
    """

    pixels: RgbImage
    cells: Cells
    instances: npt.NDArray[np.uint16]
    classes: npt.NDArray[np.uint8]


def phantom_patch(index: int, *, seed: int, size: int = 256, mpp: float = 0.5) -> PhantomPatch:
    """Return one patch of phantom tissue: dark round lymphocytes in clusters, pale oval tumour nuclei in nests,
    spindle-shaped stromal nuclei along the fibres, and things that are no cells.

    It depends on the arguments alone. The two patches of a patient share stain, scanner and kind of nuclei.

    Args:
        index: Number of the patch, >= 0.
        seed: Seed of the run, >= 0.
        size: Height and width, in pixels; 32 to 2048.
        mpp: Micrometres per pixel; 0.2 (40x and finer) to 1.0 (10x).

    Raises:
        InvalidInputError: An argument lies outside its range.
    """
    _check(index, seed=seed, size=size, mpp=mpp)
    patient = Patient.draw(numpy_generator(seed, "phantom patient", index // PATCHES_A_PATIENT))
    rng = numpy_generator(seed, "phantom patch", index)
    region = Region.draw(rng)
    margin = int(np.ceil(MARGIN_UM / mpp))
    tissue = grow_tissue((size + 2 * margin,) * 2, region, mpp=mpp, rng=rng)
    xy, labels = place_cells(tissue, region, rng)
    planes = ground_stain(tissue, xy[labels == TUMOR], rng)
    chromatin = smooth_noise(tissue.shape, 0.9 / mpp, rng)
    detail_px = 0.6 / mpp
    draw_bodies(lookalikes(tissue, rng), planes, chromatin, detail_px=detail_px)
    owner = draw_bodies(nuclei(xy, labels, tissue, patient, rng), planes, chromatin, detail_px=detail_px)
    inner = (slice(margin, margin + size),) * 2
    light = patient.staining.compose(np.stack(planes, axis=-1))
    pixels = _photographed(light, patient, rng)[inner]
    cells, instances = _in_frame(xy - margin, labels, owner[inner], mpp=mpp)
    classes = np.concatenate([[0], labels + 1]).astype(np.uint8)[owner[inner]]
    return PhantomPatch(np.ascontiguousarray(pixels), cells, instances, classes)


def _photographed(light: RgbImage, patient: Patient, rng: np.random.Generator) -> RgbImage:
    """Blur as the objective does, then add the sensor's noise."""
    sharp = light.astype(np.float32)
    seen = np.asarray(cv2.GaussianBlur(sharp, (0, 0), patient.blur_px), np.float32)
    seen += rng.standard_normal(seen.shape, np.float32) * np.float32(patient.noise)
    return np.clip(np.rint(seen), 0, 255).astype(np.uint8)


def _in_frame(
    xy: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], owner: npt.NDArray[np.uint16], *, mpp: float
) -> tuple[Cells, npt.NDArray[np.uint16]]:
    """Keep the cells inside the image, and number the nuclei: theirs first, then those of cells outside."""
    size = owner.shape[0]
    inside = ((xy >= 0) & (xy < size)).all(axis=1)
    number = np.zeros(len(xy) + 1, np.uint16)
    number[1:][inside] = 1 + np.arange(inside.sum())
    number[1:][~inside] = 1 + inside.sum() + np.arange((~inside).sum())
    cells = Cells(xy[inside], labels[inside], classes=CLASSES, shape=(size, size), mpp=mpp)
    return cells, number[owner]


def _check(index: int, *, seed: int, size: int, mpp: float) -> None:
    for name, value in (("index", index), ("seed", seed)):
        if value < 0:
            raise InvalidInputError(f"{name} of a phantom patch must be >= 0, got {value}.")
    if not 32 <= size <= 2048:
        raise InvalidInputError(f"size of a phantom patch must lie in 32..2048 pixels, got {size}.")
    if not MPP_RANGE[0] <= mpp <= MPP_RANGE[1]:
        raise InvalidInputError(f"mpp (µm per pixel) of a phantom patch must lie in {MPP_RANGE}, got {mpp}.")
