"""How far a mask of nuclei lies beside the image that it is said to be of.

A mask that was made from another stain of the same tissue stands a few pixels off where the two were not registered
exactly: in the training strips of the DeepLIIF samples by (6, 1) and (0, -7) pixels, and within 1 pixel of that in each
quarter of a strip, so that a translation says it all. Nuclei are darker than what surrounds them; the offset is that at
which the mask agrees best with the image's optical density.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from cellweave.data.images import RgbImage
from cellweave.stain import rgb_to_density

REACH_PX = 20
"""Offsets up to this many pixels along either axis are tried; a nucleus at 40x is some 28 pixels wide."""

LEAST_GAIN = 0.05
"""A mask stays where it is unless the correlation rises by this much; in the samples by 0.16 and 0.12 in the strips
that lie beside their images, and by 0.003 at most in the two test images, which do not."""

SMOOTHING_PX = 1.5
"""Standard deviation of the Gaussian that both are smoothed with, so that chromatin counts for less than nuclei."""

Offset = tuple[int, int]
"""How far to move a mask: x right and y down, in pixels."""


def mask_offset(image: RgbImage, nuclei: npt.NDArray[np.bool_], *, reach_px: int = REACH_PX) -> Offset:
    """Return how far to move a mask so that it covers the nuclei of its image, in whole pixels.

    The offset has the highest normalised correlation of mask and summed optical density, both smoothed, over the pixels
    where they overlap. It is (0, 0) where the gain is below :data:`LEAST_GAIN`, where the correlation still rises at
    the end of the reach, and where mask or image are uniform. Mask and image must show the same tissue: of unrelated
    ones the best of many chance agreements would be taken.

    Args:
        image: uint8 (H, W, 3), dark nuclei on a lighter ground.
        nuclei: Where the mask has nuclei, bool (H, W).
        reach_px: Largest offset along either axis; at most half of the image's shorter side is tried.

    Source:
        Padfield 2012, "Masked object registration in the Fourier domain" (IEEE TIP), Eq. 1, with whole images as masks.

    Example:
        >>> nuclei = np.zeros((40, 40), bool)
        >>> nuclei[10:18, 20:30] = True
        >>> image = np.where(np.roll(nuclei, (-3, 4), (0, 1))[..., None], 90, 240).astype(np.uint8).repeat(3, axis=2)
        >>> mask_offset(image, nuclei)
        (4, -3)
    """
    density = ndimage.gaussian_filter(rgb_to_density(image).sum(axis=2, dtype=np.float64), SMOOTHING_PX)
    covered = ndimage.gaussian_filter(nuclei.astype(np.float64), SMOOTHING_PX)
    reach = min(reach_px, *(side // 2 for side in nuclei.shape))
    if reach < 1 or np.ptp(density) == 0 or np.ptp(covered) == 0:
        return 0, 0
    found = correlations_by_offset(density, covered, reach)
    row, column = np.unravel_index(int(np.argmax(found)), found.shape)
    x, y = int(column) - reach, int(row) - reach
    if found[row, column] - found[reach, reach] < LEAST_GAIN or max(abs(x), abs(y)) == reach:
        return 0, 0
    return x, y


def moved_mask(mask: npt.NDArray[np.uint8], offset: Offset) -> npt.NDArray[np.uint8]:
    """Return a mask moved by whole pixels; what leaves its frame is cut off, what enters it is 0.

    Args:
        mask: (H, W, ...).
        offset: x right and y down, in pixels.

    Example:
        >>> moved_mask(np.array([[1, 2], [3, 4]], np.uint8), (1, -1)).tolist()
        [[0, 3], [0, 0]]
    """
    moved = np.zeros_like(mask)
    to_columns, from_columns = _spans(offset[0], mask.shape[1])
    to_rows, from_rows = _spans(offset[1], mask.shape[0])
    moved[to_rows, to_columns] = mask[from_rows, from_columns]
    return moved


def _spans(by: int, side: int) -> tuple[slice, slice]:
    """Return where the kept part of an axis goes, and where it comes from."""
    kept = max(side - abs(by), 0)
    to, start = max(by, 0), max(-by, 0)
    return slice(to, to + kept), slice(start, start + kept)


def correlations_by_offset(
    image: npt.NDArray[np.float64], mask: npt.NDArray[np.float64], reach: int
) -> npt.NDArray[np.float64]:
    """Return Pearson's correlation over the overlap at every offset of the mask.

    Args:
        image: (H, W).
        mask: (H, W).
        reach: Largest offset along either axis, in pixels, below H and W.

    Returns:
        (2 reach + 1, 2 reach + 1): y by row and x by column, offset (0, 0) in the middle; -1 where there is nothing to
        correlate because one of them is uniform in the overlap.
    """
    image, mask = image - image.mean(), mask - mask.mean()
    sides = [fft.next_fast_len(side + reach, real=True) for side in image.shape]
    steps = np.arange(-reach, reach + 1)

    def products(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the sum of left(p + offset) · right(p) over the overlap, for every offset."""
        product = fft.rfft2(left, sides) * np.conj(fft.rfft2(right, sides))
        whole: npt.NDArray[np.float64] = fft.irfft2(product, sides)
        return whole[np.ix_(steps, steps)]

    ones = np.ones_like(image)
    pixels = np.outer(*(side - abs(steps) for side in image.shape))
    sum_image, sum_mask = products(image, ones), products(ones, mask)
    variances = (
        (products(image**2, ones) - sum_image**2 / pixels) * (products(ones, mask**2) - sum_mask**2 / pixels)
    ).clip(0)
    spread = np.sqrt(variances)
    floor = 1e-9 * spread.max()  # where rounding is all there is, they do not agree
    covariance = products(image, mask) - sum_image * sum_mask / pixels
    found: npt.NDArray[np.float64] = np.full_like(spread, -1.0)
    np.divide(covariance, spread, out=found, where=spread > floor)
    return found
