"""Images that tell what measures of images are worth: flat dots, and tissue stained otherwise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells
from cellweave.metrics.colours import ELSEWHERE, RADIUS_PX, nearest_labels
from cellweave.stain import MACENKO_HE, density_to_rgb, jitter_stains, rgb_to_density, unit_stains

_REFERENCE = unit_stains(MACENKO_HE)
_SEPARATION = np.linalg.pinv(_REFERENCE).astype(np.float32)


def painted_dots(image: npt.NDArray[np.uint8], cells: Cells, *, radius_px: float = RADIUS_PX) -> npt.NDArray[np.uint8]:
    """Return flat dots on a flat background, in the median colours that the image has near its cells and elsewhere.

    Args:
        image: uint8 (H, W, 3).
        cells: What it shows.
        radius_px: Of the dots.

    Returns:
        uint8 (H, W, 3): right in layout and mean colour, without any texture.
    """
    labels = nearest_labels(cells, radius_px)
    elsewhere = labels == ELSEWHERE
    flat = np.empty_like(image)
    flat[:] = np.median(image[elsewhere] if elsewhere.any() else image.reshape(-1, 3), axis=0).astype(np.uint8)
    for label in np.unique(labels[~elsewhere]):
        flat[labels == label] = np.median(image[labels == label], axis=0).astype(np.uint8)
    return flat


def restained(image: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return an image, uint8 (..., 3), as another laboratory might have stained it; what no stain explains stays.

    Args:
        image: Of tissue stained with haematoxylin and eosin.
        rng: Source of the other staining, see :func:`cellweave.stain.jitter_stains`.
    """
    other = jitter_stains(_REFERENCE, rng)
    change = (other.stains * other.strengths[:, None] - _REFERENCE).astype(np.float32)
    densities = rgb_to_density(image)
    light = density_to_rgb(np.maximum(densities + (densities @ _SEPARATION) @ change, 0))
    return np.asarray(light * (other.background / 255), np.uint8)
