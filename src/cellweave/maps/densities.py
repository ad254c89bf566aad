"""Spatial density maps: where in the image the cells of each class tend to lie, as a raster beside the layout's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.maps.codec import Raster, encode_by_class
from cellweave.maps.density_fits import (
    LEAST_SPREAD_PX,
    MOST_COMPONENTS,
    fit_gaussian_mixture,
    fit_kernel_density,
)

DensityMethod = Literal["kde", "gmm", "none"]
QUANTILE = 0.99
LEAST_CELLS = 3
"""Fewer cells of a class than this have no density: their map is 0."""


def density_maps(
    cells: Cells,
    method: DensityMethod,
    *,
    factor: float | None = None,
    components: int | None = None,
    most_components: int = MOST_COMPONENTS,
    least_spread_px: float = LEAST_SPREAD_PX,
    seed: int = 0,
) -> Raster:
    """Return the probability density of the cells of every class on the pixel grid of their frame.

    It is the density of one cell's position, so its sum over a boundless frame is 1 whatever the number of cells; the
    share that lies beyond the frame is not put back. A class with one or two cells, or none, has the map 0. Cells on a
    line, or on one another, get a density of standard deviation ``least_spread_px`` across it; see
    :func:`cellweave.maps.fit_kernel_density` and :func:`cellweave.maps.fit_gaussian_mixture`.

    Args:
        cells: The cells of the whole image, in the frame that the maps are for (the layout models': half resolution);
            cells of unknown class are left out.
        method: ``kde``, Gaussian kernels; ``gmm``, a Gaussian mixture with its number of components by BIC; ``none``,
            all maps 0.
        factor: Of the bandwidth of ``kde``; Scott's when None.
        components: Number of components of ``gmm``; the one of smallest BIC when None.
        most_components: Largest number that BIC may choose.
        least_spread_px: Smallest standard deviation of kernels and components, in pixels of the frame.
        seed: Of the start of ``gmm``.

    Returns:
        float32 (C, H, W), per pixel², channel i for class i, >= 0; not yet scaled, see :func:`scale_densities`.

    Raises:
        InvalidInputError: The method is unknown, or a number makes no sense.

    Source:
        Li et al. 2024 (layout generation), §3.2.
    """
    if method not in get_args(DensityMethod):
        raise InvalidInputError(f"a density is one of {', '.join(get_args(DensityMethod))}, got {method!r}.")

    def draw(xy: npt.NDArray[np.float64], shape: tuple[int, int]) -> Raster:
        if method == "none" or len(xy) < LEAST_CELLS:
            return np.zeros(shape, np.float32)
        if method == "kde":
            return fit_kernel_density(xy, factor=factor, least_spread_px=least_spread_px).on_grid(shape)
        return fit_gaussian_mixture(
            xy, components=components, most_components=most_components, least_spread_px=least_spread_px, seed=seed
        ).on_grid(shape)

    return encode_by_class(cells, draw)


def density_constant(maps: Iterable[npt.ArrayLike], *, quantile: float = QUANTILE) -> float:
    """Return the one number by which all density maps of a data set are divided.

    It is a quantile over all pixels of the training maps; channels that are 0 everywhere, of classes without a
    density, are left out, so that it does not depend on how many of them there are.

    Args:
        maps: Maps (C, H, W) of the training images, whose sizes may differ; 4 bytes a pixel are held in memory.
        quantile: In 0..1.

    Raises:
        InvalidInputError: The quantile makes no sense, or no class of any image has a density.

    Source:
        LAYOUT's program divides by single numbers that it does not explain; the quantile is this project's.
    """
    if not 0 <= quantile <= 1:
        raise InvalidInputError(f"a quantile lies in 0..1, got {quantile}.")
    channels = [channel for one in maps for channel in np.asarray(one, np.float32) if channel.any()]
    if not channels:
        raise InvalidInputError(
            f"no class has {LEAST_CELLS} or more cells in any image, so there are no densities to scale; "
            "use the density method 'none'."
        )
    return float(np.quantile(np.concatenate([channel.ravel() for channel in channels]), quantile))


def scale_densities(maps: npt.ArrayLike, constant: float) -> Raster:
    """Return density maps as layout models see them: divided by the constant, clamped to 0..1, then put in -1..1.

    Args:
        maps: Any shape, >= 0.
        constant: That of the data set, > 0; see :func:`density_constant`.

    Returns:
        float32 of the same shape, in [-1, 1]; -1 where the density is 0.

    Raises:
        InvalidInputError: The constant is not > 0.

    Example:
        >>> scale_densities([0.0, 0.5, 3.0], 2.0).tolist()
        [-1.0, -0.5, 1.0]
    """
    if not 0 < constant < np.inf:
        raise InvalidInputError(f"densities are divided by a number > 0, got {constant}.")
    share = np.clip(np.asarray(maps, np.float32) / np.float32(constant), 0, 1)
    return np.asarray(2 * share - 1, np.float32)
