"""Gaussian density maps, with kernels of one width or of widths that follow the cells' density, and their codecs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.special import ndtr

from cellweave.core import Cells, InvalidCellsError, InvalidInputError
from cellweave.maps.centres import pixels_of_centres
from cellweave.maps.codec import Found, Raster, decode_by_class, encode_by_class
from cellweave.maps.peaks import CCLS, Decoder
from cellweave.maps.profiles import require_at_least

_CELLS_AT_ONCE = 1024

Floats = npt.NDArray[np.float64]


def gaussian_density_map(
    xy: npt.ArrayLike, shape: tuple[int, int], *, sigma_px: npt.ArrayLike = 4.0, keep_mass: bool = True
) -> Raster:
    """Draw cells as a density: a Gaussian of mass 1 for each, so that the map sums to their number.

    A pixel gets the mass of every Gaussian on its area, not the density at its centre, so that narrow kernels keep
    their mass too. Gaussians are not cut off.

    Args:
        xy: Cell centres, shape (N, 2), x right and y down, in pixels; floored to pixels, in whose middle the Gaussian
            lies. N may be 0; cells on one another add up.
        shape: Height and width of the map, in pixels.
        sigma_px: Standard deviation, > 0, of all cells or of each (N,); see :func:`neighbour_sigmas`.
        keep_mass: Divide each Gaussian by its mass inside the frame, so that each cell keeps mass 1 also at the border,
            where its peak is up to four times higher; otherwise the mass beyond the border is lost, and the map of
            a crop is the crop of the map of the cells in it.

    Returns:
        float32 array of ``shape``, cells per pixel, >= 0; all 0 when there are no cells. An isolated cell is
        :func:`gaussian_peak` high.

    Raises:
        InvalidCellsError: ``xy`` is not (N, 2), or a centre is not finite or outside the map.
        InvalidInputError: A sigma is not > 0, or there are not as many as cells.

    Source:
        Li et al. 2024, Eq. 1 and 2; Zhang et al. 2016 (MCNN).

    Example:
        >>> float(gaussian_density_map([[3.5, 3.5], [0.5, 0.5]], (9, 9)).sum().round(5))
        2.0
    """
    density = np.zeros(shape)
    for down, across in gaussian_factors(xy, shape, sigma_px=sigma_px, keep_mass=keep_mass):
        density += down.T @ across
    return density.astype(np.float32)


def gaussian_factors(
    xy: npt.ArrayLike, shape: tuple[int, int], *, sigma_px: npt.ArrayLike, keep_mass: bool
) -> Iterator[tuple[Floats, Floats]]:
    """Yield, for at most 1024 cells at a time, their masses a row (n, H) and a column (n, W); a pixel's is the product.

    The arguments and errors are those of :func:`gaussian_density_map`.
    """
    pixels = pixels_of_centres(xy, shape)
    given = np.asarray(sigma_px, np.float64)
    count = len(pixels.rows)
    if given.shape not in ((), (count,)):
        raise InvalidInputError(f"sigma_px must be one number or one a cell, ({count},), got shape {given.shape}.")
    wrong = given[~(np.isfinite(given) & (given > 0))]
    if wrong.size:
        raise InvalidInputError(f"sigma_px must be > 0 and finite, got {wrong.ravel()[0]}.")
    sigmas = np.broadcast_to(given, (count,))
    for start in range(0, count, _CELLS_AT_ONCE):
        some = slice(start, start + _CELLS_AT_ONCE)
        yield (
            _masses(pixels.rows[some], sigmas[some], shape[0], keep_mass=keep_mass),
            _masses(pixels.columns[some], sigmas[some], shape[1], keep_mass=keep_mass),
        )


def _masses(position: npt.NDArray[np.int64], sigmas: Floats, length: int, *, keep_mass: bool) -> Floats:
    """Return the mass of Gaussians in the middle of pixels on every pixel along an axis, (n, length)."""
    edges = np.arange(length + 1) - (position[:, None] + 0.5)
    below = ndtr(edges / sigmas[:, None])
    masses = np.diff(below, axis=1)
    return np.asarray(masses / masses.sum(axis=1, keepdims=True) if keep_mass else masses)


def gaussian_peak(sigma_px: float) -> float:
    """Return the height of the density map at a cell far from others and from the border: the mass on its pixel.

    Dividing a density map by it brings such a cell to height 1, as the target of a network or for a decoder.

    Args:
        sigma_px: Standard deviation, > 0; for a wide kernel the height is about ``1 / (2 π sigma_px²)``.

    Example:
        >>> round(gaussian_peak(4.0), 5)
        0.0099
    """
    return math.erf(0.5 / (math.sqrt(2) * sigma_px)) ** 2


def neighbour_sigmas(
    xy: npt.ArrayLike, *, neighbours: int = 3, beta: float = 0.3, least_px: float = 2.0, most_px: float = 8.0
) -> Floats:
    """Return a width for the Gaussian of every cell that follows from how near its neighbours are.

    It is ``beta`` times the mean distance to the ``neighbours`` nearest other cells, then clipped to
    ``least_px`` .. ``most_px``. Of fewer other cells the mean is over those there are; a single cell gets ``most_px``.
    Cells on one another are at distance 0.

    Args:
        xy: Cell centres, shape (N, 2), finite. N may be 0.
        neighbours: k; >= 1.
        beta: > 0.
        least_px: In pixels, > 0.
        most_px: In pixels, >= ``least_px``.

    Returns:
        float64 (N,), in pixels.

    Raises:
        InvalidCellsError: ``xy`` is not (N, 2) or not finite.
        InvalidInputError: A number is out of range.

    Source:
        Zhang et al. 2016 (MCNN), with β = 0.3; the bounds are this project's.

    Example:
        >>> neighbour_sigmas([[0, 0], [10, 0], [30, 0]], neighbours=2).tolist()
        [6.0, 4.5, 7.5]
    """
    require_neighbourhood(neighbours, beta, least_px, most_px)
    centres = np.asarray(xy, np.float64)
    centres = centres.reshape(-1, 2) if centres.size == 0 else centres
    if centres.ndim != 2 or centres.shape[1] != 2 or not np.isfinite(centres).all():
        raise InvalidCellsError(f"xy must be finite and have shape (N, 2), got shape {centres.shape}.")
    others = min(neighbours, len(centres) - 1)
    if others < 1:
        return np.full(len(centres), float(most_px))
    distance = np.asarray(cKDTree(centres).query(centres, k=others + 1)[0])
    return np.asarray(np.clip(beta * distance[:, 1:].mean(axis=1), least_px, most_px), np.float64)


def require_neighbourhood(neighbours: int, beta: float, least_px: float, most_px: float) -> None:
    """Check the settings of :func:`neighbour_sigmas`."""
    require_at_least(1, neighbours=neighbours)
    require_at_least(0, inclusive=False, beta=beta, least_px=least_px)
    require_at_least(least_px, most_px=most_px)


class DensityMapCodec(ABC):
    """Cells as Gaussian densities, one channel a class; what the codecs of such maps share."""

    __slots__ = ()
    keep_mass: bool
    finder: Decoder

    @abstractmethod
    def sigmas(self, xy: npt.ArrayLike) -> npt.ArrayLike:
        """Return the standard deviation, in pixels, of all cells or of each."""

    @property
    @abstractmethod
    def peak(self) -> float:
        """Height at a cell; the map divided by it has peaks that decoders and networks take for cells."""

    def draw(self, xy: npt.ArrayLike, shape: tuple[int, int]) -> Raster:
        """Return the map (H, W) of all positions together, in cells per pixel."""
        return gaussian_density_map(xy, shape, sigma_px=self.sigmas(xy), keep_mass=self.keep_mass)

    def encode(self, cells: Cells) -> Raster:
        """Return a float32 raster (C, H, W), >= 0, in cells per pixel; cells of unknown class are left out."""
        return encode_by_class(cells, self.draw)

    def decode(self, raster: npt.ArrayLike, *, classes: Sequence[str], mpp: float | None = None) -> Cells:
        """Return the peaks of every channel of a raster (C, H, W), divided by ``peak``, as cells at pixel centres.

        It is not divided by its own maximum, lest noise in a map without cells become cells; scores are heights in
        units of ``peak``.
        """

        def find(channel: Raster) -> Found:
            return self.finder(channel / np.float32(self.peak))

        return decode_by_class(raster, find, classes=classes, mpp=mpp)


@dataclass(frozen=True, slots=True)
class GaussianCodec(DensityMapCodec):
    """Cells as densities of Gaussians of one width, one channel a class.

    Attributes:
        sigma_px, keep_mass: Those of :func:`gaussian_density_map`.
        finder: Reads the cells back from the map divided by ``peak``; CCLS when not given. Cells nearer than about
            two sigmas melt into one peak, whatever reads them.

    Raises:
        InvalidInputError: The width is not > 0.
    """

    sigma_px: float = 4.0
    keep_mass: bool = True
    finder: Decoder = CCLS

    def __post_init__(self) -> None:
        require_at_least(0, inclusive=False, sigma_px=self.sigma_px)

    @property
    def peak(self) -> float:
        """Height at a cell far from others and from the border; see :func:`gaussian_peak`."""
        return gaussian_peak(self.sigma_px)

    def sigmas(self, xy: npt.ArrayLike) -> npt.ArrayLike:
        """Return the one standard deviation, in pixels."""
        return self.sigma_px


@dataclass(frozen=True, slots=True)
class NeighbourGaussianCodec(DensityMapCodec):
    """Cells as densities of Gaussians whose widths follow from their neighbours of the same class, one channel a class.

    Attributes:
        neighbours, beta, least_px, most_px: Those of :func:`neighbour_sigmas`.
        keep_mass: That of :func:`gaussian_density_map`.
        finder: Reads the cells back from the map divided by ``peak``; CCLS when not given. Heights of cells differ by
            up to ``(most_px / least_px) ** 2``, 16 here, so a threshold relative to the highest loses the wide ones.

    Raises:
        InvalidInputError: A number is out of range.
    """

    neighbours: int = 3
    beta: float = 0.3
    least_px: float = 2.0
    most_px: float = 8.0
    keep_mass: bool = True
    finder: Decoder = CCLS

    def __post_init__(self) -> None:
        require_neighbourhood(self.neighbours, self.beta, self.least_px, self.most_px)

    @property
    def peak(self) -> float:
        """Height at a cell whose Gaussian is the narrowest, ``least_px``; wider ones are lower in a map divided by it.

        A map divided by it is so at most 1 high at each cell that lies apart; one of width ``s`` is about
        ``(least_px / s) ** 2`` high.
        """
        return gaussian_peak(self.least_px)

    def sigmas(self, xy: npt.ArrayLike) -> npt.ArrayLike:
        """Return the standard deviation of each cell, float64 (N,), in pixels."""
        return neighbour_sigmas(
            xy, neighbours=self.neighbours, beta=self.beta, least_px=self.least_px, most_px=self.most_px
        )
