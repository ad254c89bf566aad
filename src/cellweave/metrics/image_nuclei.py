"""Sizes of nuclei in images: the dark blobs of haematoxylin at the places of their cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.filters import threshold_otsu
from skimage.measure import label as number_pieces

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics.layout_statistics import Floats
from cellweave.stain import MACENKO_HE, rgb_to_density, unit_stains

REACH_UM = 8.0
"""Pixels farther from a cell than the radius of a large nucleus are not its own."""

NEAR_UM = 1.5
"""A blob belongs to a cell when it comes so near to it: annotated places are not exact."""

SMOOTHING_UM = 0.5

_SEPARATION = np.linalg.pinv(unit_stains(MACENKO_HE)).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class NucleusSizes:
    """Nuclei of the cells of an image.

    Attributes:
        diameters_um: Diameter of the circle of the same area, µm, (N,); NaN where there is no dark blob at the cell.
        labels: Class of every cell, (N,).
    """

    diameters_um: Floats
    labels: npt.NDArray[np.int64]


def measure_nuclei(image: npt.NDArray[np.uint8], cells: Cells, *, mpp: float) -> NucleusSizes:
    """Measure the nuclei that an image shows at the places of its cells.

    Haematoxylin (by the stain vectors of Macenko et al.), smoothed, is dark above Otsu's threshold of the image. Of
    the dark pixels within 8 µm that are nearer to a cell than to any other, its nucleus is the connected piece that
    comes nearest to it, if that is within 1.5 µm.

    Args:
        image: uint8 (H, W, 3).
        cells: In the frame of the image.
        mpp: µm per pixel of the image.

    Raises:
        InvalidInputError: The image is not of the size of its cells' frame, or the scale makes no sense.

    Source:
        Otsu 1979, A threshold selection method from gray-level histograms, IEEE Trans. Syst. Man Cybern. 9:62-66.
    """
    if image.shape[:2] != cells.shape or not mpp > 0:
        raise InvalidInputError(
            f"an image of shape {image.shape} at {mpp} µm does not go with cells in {cells.shape}; give its own cells."
        )
    diameters = np.full(len(cells), np.nan)
    amounts = (rgb_to_density(image) @ _SEPARATION)[..., 0]
    smooth = ndimage.gaussian_filter(amounts, SMOOTHING_UM / mpp)
    if len(cells) == 0 or smooth.max() <= smooth.min():
        return NucleusSizes(diameters, cells.labels.copy())
    rows, columns = np.nonzero(smooth > threshold_otsu(smooth))  # type: ignore[no-untyped-call]
    found = cKDTree(cells.xy).query(np.column_stack([columns, rows]) + 0.5, distance_upper_bound=REACH_UM / mpp)
    distance, owner = (np.asarray(one) for one in found)
    owned = owner < len(cells)
    rows, columns, distance, owner = rows[owned], columns[owned], distance[owned], owner[owned]
    territory = np.zeros((*image.shape[:2],), np.int64)
    territory[rows, columns] = owner + 1
    pieces = _pieces(territory)[rows, columns]
    nearest = ndimage.minimum(distance, pieces, np.arange(1, pieces.max(initial=0) + 1))
    area = np.bincount(pieces, minlength=len(nearest) + 1)[1:]
    whose = np.zeros(len(nearest), np.int64)
    whose[pieces - 1] = owner
    best = np.full(len(cells), NEAR_UM / mpp)
    for piece in np.argsort(-np.atleast_1d(nearest), kind="stable"):
        if nearest[piece] <= best[whose[piece]]:
            best[whose[piece]] = nearest[piece]
            diameters[whose[piece]] = 2 * np.sqrt(area[piece] / np.pi) * mpp
    return NucleusSizes(diameters, cells.labels.copy())


def _pieces(territory: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return numbers of the connected pieces (over sides) of every territory, 0 where there is none, (H, W)."""
    numbers = number_pieces(territory, background=0, connectivity=1)  # type: ignore[no-untyped-call]
    return np.asarray(numbers, np.int64)
