"""Mixtures of Gaussians on the crossings of two axes: only where components reach, in single precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NEGLECTED = 1e-6
"""What all components leave out together, as a share of the density's peak."""

_FINE = 200
"""Axes longer than this many standard deviations of a component take double precision for 1e-5 of its peak."""

_TILE = 16
"""Side of the tiles that equal components are drawn in, in pixels."""

_FAR = 13.0
"""Standard deviations from the middle of a tile at which an equal component is below 1e-12 of its peak in all of it."""

_BLOCK = 4_000_000
"""Values of components along the sides of tiles held in memory at once."""


def mixture_on_axes(weights: Floats, means: Floats, covariances: Floats, *, x: Floats, y: Floats) -> Floats:
    """Return the density at every (x[j], y[i]).

    A component is drawn only where it is more than its part of ``NEGLECTED``. Its exponent is written as the square of
    the offset of x from its mean at y, beside that of y, so that nothing cancels in single precision.

    Args:
        weights: (K,).
        means: (K, 2).
        covariances: (K, 2, 2).
        x: Ascending, (W,).
        y: Ascending, (H,).

    Returns:
        float32 or float64 (H, W), within 1e-5 of the density's peak.
    """
    spread_y = np.sqrt(covariances[:, 1, 1])
    slopes = covariances[:, 0, 1] / covariances[:, 1, 1]
    spread_at_y = np.sqrt(covariances[:, 0, 0] - slopes * covariances[:, 0, 1])
    peaks = weights / (2 * np.pi * spread_y * spread_at_y)
    reach = np.sqrt(2 * np.log(np.maximum(peaks * len(peaks) / (NEGLECTED * peaks.max()), 1)))
    extent = max(float(np.ptp(x)), float(np.ptp(y)))
    precision: Any = np.float32 if extent <= _FINE * min(spread_y.min(), spread_at_y.min()) else np.float64
    values = np.zeros((len(y), len(x)), precision)
    for k, (mean_x, mean_y) in enumerate(means):
        rows = _window(y, mean_y, reach[k] * spread_y[k])
        columns = _window(x, mean_x, reach[k] * np.sqrt(covariances[k, 0, 0]))
        if rows.start == rows.stop or columns.start == columns.stop:
            continue
        from_mean = y[rows] - mean_y
        across = ((x[columns] - mean_x) / spread_at_y[k]).astype(precision)
        shift = (slopes[k] / spread_at_y[k] * from_mean).astype(precision)
        along = (np.log(peaks[k]) - 0.5 * (from_mean / spread_y[k]) ** 2).astype(precision)
        exponent = across[None] - shift[:, None]
        exponent *= exponent
        exponent *= precision(-0.5)
        exponent += along[:, None]
        values[rows, columns] += np.exp(exponent, out=exponent)
    return values


def _window(axis: Floats, middle: float, reach: float) -> slice:
    return slice(*(int(i) for i in np.searchsorted(axis, [middle - reach, middle + reach])))


def suits_tiles(covariances: Floats) -> bool:
    """Return whether components are alike and wide enough for :func:`equal_components_on_pixels` to be exact."""
    alike = len(covariances) > 1 and bool((covariances == covariances[0]).all())
    return alike and bool(np.linalg.eigvalsh(covariances[0])[0] >= (_TILE / 8) ** 2)


def equal_components_on_pixels(
    weights: Floats, means: Floats, covariance: Floats, shape: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Return the density of components of one covariance at the centres of pixels, tile by tile.

    With u from a component to the middle of a tile, d from there to a pixel, and P the precision, the exponent
    -(u + d)'P(u + d) / 2 falls into a part for the component, one for the pixel, and -d'Pu, which is a part for the
    column beside one for the row: a tile is one matrix product of the rows and columns of all components.

    Args:
        weights: (K,).
        means: (K, 2).
        covariance: (2, 2), the smallest standard deviation at least an eighth of a tile.
        shape: Height and width.
    """
    height, width = shape
    precision = np.linalg.inv(covariance)
    offsets = np.arange(_TILE) - (_TILE - 1) / 2
    tile_rows, tile_columns = -(-height // _TILE), -(-width // _TILE)
    middle_x = (np.arange(tile_columns) + 0.5) * _TILE
    dx, dy = np.meshgrid(offsets, offsets)
    at_pixel = precision[0, 0] * dx**2 + 2 * precision[0, 1] * dx * dy + precision[1, 1] * dy**2
    at_pixel = np.exp(-0.5 * at_pixel) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
    values = np.empty((tile_rows * _TILE, tile_columns * _TILE), np.float32)
    steps = -offsets.astype(np.float32)[:, None]
    at_once = max(1, _BLOCK // (2 * _TILE * tile_columns * len(weights)))
    for first in range(0, tile_rows, at_once):
        middle_y = (np.arange(first, min(first + at_once, tile_rows)) + 0.5) * _TILE
        from_x = middle_x[None, :, None] - means[:, 0]
        from_y = middle_y[:, None, None] - means[:, 1]
        pull_x = precision[0, 0] * from_x + precision[0, 1] * from_y
        pull_y = precision[0, 1] * from_x + precision[1, 1] * from_y
        squared = from_x * pull_x + from_y * pull_y
        near = squared < _FAR**2
        factor = np.where(near, weights * np.exp(-0.5 * squared), 0).astype(np.float32)
        along_x = np.exp(steps * np.where(near, pull_x, 0).astype(np.float32)[:, :, None])
        along_y = np.exp(steps * np.where(near, pull_y, 0).astype(np.float32)[:, :, None])
        along_y *= factor[:, :, None]
        tiles = (along_y @ along_x.swapaxes(2, 3)) * at_pixel.astype(np.float32)
        rows = slice(first * _TILE, (first + len(middle_y)) * _TILE)
        values[rows] = tiles.swapaxes(1, 2).reshape(-1, tile_columns * _TILE)
    return values[:height, :width]
