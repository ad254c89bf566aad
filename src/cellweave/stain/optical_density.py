"""Beer-Lambert: optical densities of stains add up where the light that passes them multiplies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError

Densities = npt.NDArray[np.float32]
"""Optical densities of the red, green and blue channels, (..., 3); 0 is clear glass."""


def unit_stains(stains: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return stain vectors scaled to length 1.

    Args:
        stains: Optical density of every stain in red, green and blue, (S, 3), all >= 0.

    Raises:
        InvalidInputError: The shape is another one, or a vector is negative, not finite or all zero.
    """
    rows = np.array(stains, np.float64)
    if rows.ndim != 2 or rows.shape[1] != 3:
        raise InvalidInputError(f"stain vectors have shape (S, 3): red, green, blue densities, got {rows.shape}.")
    usable = np.isfinite(rows).all(axis=1) & (rows >= 0).all(axis=1) & rows.any(axis=1)
    if not usable.all():
        i = int(np.argmin(usable))
        raise InvalidInputError(f"stain {i} is {rows[i].tolist()}; give optical densities >= 0 that are not all 0.")
    unit: npt.NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _frozen(stains: npt.ArrayLike) -> npt.NDArray[np.float64]:
    rows = unit_stains(stains)
    rows.setflags(write=False)
    return rows


RUIFROK_HE = _frozen([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
"""Haematoxylin and eosin, unit rows. Source: Ruifrok & Johnston 2001, Quantification of histochemical staining by color
deconvolution, Analyt. Quant. Cytol. Histol. 23:291-299."""

MACENKO_HE = _frozen([[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]])
"""Haematoxylin and eosin, unit rows: the reference of the program released with Macenko et al. 2009, A method for
normalizing histology slides for quantitative analysis, ISBI 2009."""


def rgb_to_density(image: npt.NDArray[np.uint8]) -> Densities:
    """Return optical densities ``-log10((I + 1) / 256)`` of an image.

    The 1 keeps black finite: white is 0, black is log10(256) = 2.41.

    Args:
        image: uint8 (..., 3), red, green, blue.

    Returns:
        float32, the shape of ``image``, in [0, 2.41].

    Raises:
        InvalidInputError: The image is of another type or shape.

    Source:
        Ruifrok & Johnston 2001, Eq. 1-2, with log10 and one grey level added.
    """
    if image.dtype != np.uint8 or image.ndim < 1 or image.shape[-1] != 3:
        raise InvalidInputError(f"an image is uint8 (..., 3), got {image.dtype} {image.shape}.")
    return DENSITY_OF_LEVEL[image]


DENSITY_OF_LEVEL = -np.log10((np.arange(256, dtype=np.float32) + 1) / 256)
"""Optical density of every grey level, float32 (256,)."""
DENSITY_OF_LEVEL[255] = 0.0  # not -0.0
DENSITY_OF_LEVEL.setflags(write=False)


def density_to_rgb(densities: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Return the image of optical densities, the inverse of :func:`rgb_to_density`, rounded to whole grey levels.

    Args:
        densities: (..., 3); values below 0 come out white, values above 2.41 black.

    Returns:
        uint8, the shape of ``densities``.

    Example:
        >>> density_to_rgb([0.0, 0.30103, 9.0]).tolist()
        [255, 127, 0]
    """
    light = np.exp(np.asarray(densities, np.float32) * np.float32(-np.log(10.0)))
    light *= 256
    light -= 1
    return np.asarray(np.clip(np.rint(light), 0, 255), np.uint8)


def compose(
    concentrations: npt.ArrayLike,
    stains: npt.ArrayLike,
    *,
    background: npt.ArrayLike = (255.0, 255.0, 255.0),
) -> npt.NDArray[np.uint8]:
    """Return the image of stains on a slide: density = concentrations × stains + density of the background.

    Args:
        concentrations: How much of every stain lies at a pixel, (..., S), >= 0; 1 absorbs one unit of density.
        stains: Stain vectors (S, 3); scaled to length 1 before use.
        background: Grey levels of the empty slide in red, green and blue, in [0, 255].

    Returns:
        uint8 (..., 3).

    Raises:
        InvalidInputError: Numbers of stains disagree, or the background is no colour.

    Source:
        Ruifrok & Johnston 2001, Eq. 2.

    Example:
        >>> compose([0.0, 0.0], RUIFROK_HE).tolist()
        [255, 255, 255]
    """
    amounts, rows = np.asarray(concentrations, np.float32), unit_stains(stains)
    if amounts.ndim < 1 or amounts.shape[-1] != len(rows):
        raise InvalidInputError(f"concentrations of {len(rows)} stains have shape (..., {len(rows)}): {amounts.shape}.")
    levels = np.asarray(background, np.float64)
    if levels.shape != (3,) or not ((levels >= 0) & (levels <= 255)).all():
        raise InvalidInputError(f"a background is three grey levels in [0, 255], got {levels.tolist()}.")
    densities = amounts @ rows.astype(np.float32)
    densities -= np.log10((levels + 1) / 256).astype(np.float32)
    return density_to_rgb(densities)
