"""Varying training crops: flips and right-angle turns, scale, and stain jitter in optical density."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.localization.recipe import AugmentationRecipe
from cellweave.stain import RUIFROK_HE, rgb_to_density

_RESIDUAL = np.cross(*RUIFROK_HE)
_STAINS = np.vstack([RUIFROK_HE, _RESIDUAL / np.linalg.norm(_RESIDUAL)])
"""Haematoxylin, eosin and what neither explains, unit rows."""

_LN_10 = float(np.log(10))


def turn(array: npt.NDArray[np.generic], which: int) -> npt.NDArray[np.generic]:
    """Return an array (H, W, ...) in one of the eight orientations of a square, ``which`` 0 to 7."""
    turned = np.rot90(array, which % 4)
    return turned[:, ::-1] if which >= 4 else turned


def zoomed(
    image: npt.NDArray[np.generic], heights: npt.NDArray[np.generic], labels: npt.NDArray[np.generic], *, side: int
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.generic], npt.NDArray[np.generic]]:
    """Return a square window of an image, its maps and its labels at another size, as if under another magnification.

    Heights of peaks stay, their widths grow and shrink with the cells.

    Args:
        image: uint8 (S, S, 3).
        heights: float16 (S, S, M).
        labels: int16 (S, S).
        side: Wanted instead of S, pixels.
    """
    seen = len(labels)
    if seen == side:
        return image, heights, labels
    size = (side, side)
    smooth = cv2.INTER_AREA if side < seen else cv2.INTER_LINEAR
    maps = cv2.resize(heights.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return (
        np.asarray(cv2.resize(image.astype(np.uint8), size, interpolation=smooth)),
        np.asarray(maps).reshape(side, side, -1),
        np.asarray(cv2.resize(labels.astype(np.int16), size, interpolation=cv2.INTER_NEAREST)),
    )


def restained(
    image: npt.NDArray[np.uint8], recipe: AugmentationRecipe, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return an image with each stain's amount scaled and shifted, and the light's brightness varied.

    Args:
        image: uint8 (H, W, 3).
        recipe: How far.
        rng: Where the factors come from.

    Returns:
        float32 (H, W, 3) in [0, 1].

    Source:
        Tellez et al. 2018: jitter of the concentrations of haematoxylin, eosin and residual.
    """
    scale = np.exp(rng.normal(0, recipe.stain_scale, 3))
    shift = rng.normal(0, recipe.stain_shift, 3)
    shift[2] = 0.0
    light = rng.normal(0, recipe.brightness)
    mixing = np.linalg.inv(_STAINS) @ np.diag(scale) @ _STAINS  # row vectors: density -> stains -> density
    constant = shift @ _STAINS + light
    affine = np.concatenate([mixing.T, constant[:, None]], axis=1).astype(np.float32)
    density = cv2.transform(rgb_to_density(image), affine)
    return np.asarray(np.minimum(cv2.exp(-_LN_10 * density), 1.0), np.float32)
