"""Spatial density maps: where in the image the cells of each class tend to lie, as a raster beside the layout's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.maps.codec import Raster
from cellweave.maps.density_cache import DensityCache
from cellweave.maps.density_fits import (
    LEAST_SPREAD_PX,
    MOST_COMPONENTS,
    fit_gaussian_mixture_copulas,
    fit_gaussian_mixtures,
    fit_kernel_density,
)
from cellweave.maps.density_settings import DensityMethod, DensitySettings

QUANTILE = 0.99
LEAST_CELLS = 3
"""Fewer cells of a class than this have no density: their map is 0."""


class SpatialDensity(Protocol):
    """The probability density of one cell's position: what every method but ``none`` fits."""

    def density(self, xy: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the density, per pixel², at points (N, 2): float64 (N,)."""
        ...

    def on_grid(self, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
        """Return the density, per pixel², at the centres of the pixels of a frame: float32 (H, W)."""
        ...


def fit_densities(
    point_sets: Sequence[npt.NDArray[np.float64]], settings: DensitySettings, *, seed: int = 0
) -> Sequence[SpatialDensity]:
    """Return the density of every set of points.

    Args:
        point_sets: Each (N, 2), N >= 1, in pixels.
        settings: The method is not ``none``.
        seed: Of the starts of ``gmm`` and ``gmcm``, >= 0.

    Raises:
        InvalidInputError: There are no points in a set, or no method.
    """
    least = settings.least_spread_px
    if settings.method == "kde":
        return [fit_kernel_density(xy, factor=settings.factor, least_spread_px=least) for xy in point_sets]
    if settings.method == "none":
        raise InvalidInputError("the density method 'none' fits nothing; use kde, gmm or gmcm.")
    fit = fit_gaussian_mixtures if settings.method == "gmm" else fit_gaussian_mixture_copulas
    return fit(
        point_sets,
        components=settings.components,
        most_components=settings.most_components,
        least_spread_px=least,
        seed=seed,
    )


def draw_densities(
    images: Sequence[Cells], settings: DensitySettings, *, seed: int = 0, cache: DensityCache | None = None
) -> list[Raster]:
    """Return the probability density of the cells of every class of images on the pixel grids of their frames.

    It is the density of one cell's position, so its sum over a boundless frame is 1 whatever the number of cells; the
    share that lies beyond the frame is not put back. A class with one or two cells, or none, has the map 0. Cells on a
    line, or on one another, get a density of standard deviation ``least_spread_px`` across it; see
    :func:`cellweave.maps.fit_kernel_density` and :func:`cellweave.maps.fit_gaussian_mixtures`. All images are fitted
    together; the map of one depends on its own cells, the settings and the seed alone.

    Args:
        images: The cells of whole images, in the frames that the maps are for (the layout models': half resolution);
            cells of unknown class are left out.
        settings: How they are fitted.
        seed: Of the starts of ``gmm`` and ``gmcm``, >= 0.
        cache: Maps drawn before are read from it, new ones put into it.

    Returns:
        For every image float32 (C, H, W), per pixel², channel i for class i, >= 0; not yet scaled, see
        :func:`scale_densities`.

    Source:
        Li et al. 2024 (layout generation), §3.2.
    """
    rasters = [np.zeros((len(cells.classes), *cells.shape), np.float32) for cells in images]
    if settings.method == "none":
        return rasters
    missing = []
    for i, cells in enumerate(images):
        stored = None if cache is None else cache.read(cells, settings, seed=seed)
        if stored is None:
            missing.append(i)
        else:
            rasters[i] = stored
    by_class = [(i, label) for i in missing for label in range(len(images[i].classes))]
    point_sets = [images[i].xy[images[i].labels == label] for i, label in by_class]
    places = [(place, xy) for place, xy in zip(by_class, point_sets, strict=True) if len(xy) >= LEAST_CELLS]
    fitted = fit_densities([xy for _, xy in places], settings, seed=seed)
    for ((i, label), _), density in zip(places, fitted, strict=True):
        rasters[i][label] = density.on_grid(images[i].shape)
    if cache is not None:
        for i in missing:
            cache.write(images[i], settings, rasters[i], seed=seed)
    return rasters


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
    """Return the densities of the classes of one image, float32 (C, H, W), as :func:`draw_densities` does for many.

    Args:
        cells: The cells of the whole image.
        method: See :class:`DensitySettings`, as for the numbers.
        factor: Of ``kde``.
        components: Of ``gmm`` and ``gmcm``.
        most_components: That BIC may choose.
        least_spread_px: Of kernels and components.
        seed: Of the starts.

    Raises:
        InvalidInputError: The method is unknown, or a number makes no sense.
    """
    settings = DensitySettings(method, factor, components, most_components, least_spread_px)
    return draw_densities([cells], settings, seed=seed)[0]


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
