"""The shipped encoder of cell layouts: features of whole layouts, and of places in them."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.encoders.folder import WEIGHTS, encoder_folder
from cellweave.encoders.layout_autoencoder import STRIDE, LayoutAutoencoder
from cellweave.maps import marker_map

Floats = npt.NDArray[np.float64]

SHIPPED = "layout-encoder"
FORMAT, VERSION = "cellweave-layout-encoder", 1

RASTER_MPP = 1.0
"""µm to a pixel of the raster: half resolution at 20x, whatever the scale of the data."""

SQUARES = (2, 4)
"""Sides of the squares of places over which features are averaged, in places."""

PARTS = 2 + len(SQUARES)
"""Features of a layout to one feature of its places."""

_NO_SPREAD = 0.05
"""Keeps the shares finite where a channel holds no cell; features of places vary by about 1."""

_BATCH = 64
"""Rasters that are encoded at once."""


class LayoutEncoder:
    """Features of layouts, from the middle of an autoencoder that learnt to draw markers of cells.

    It sees one channel at a time, all cells or those of one class, so any set of classes will do.

    Args:
        network: The autoencoder; its decoder is not used.
        mean: Mean of every feature of a channel over the layouts that the encoder was made from, (F,).
        spread: Standard deviation of the same, (F,), > 0.
    """

    def __init__(self, network: LayoutAutoencoder, *, mean: npt.ArrayLike, spread: npt.ArrayLike) -> None:
        self._encoder = network.encoder.eval()
        self._mean, self._spread = np.asarray(mean, np.float64), np.asarray(spread, np.float64)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str] | None = None) -> LayoutEncoder:
        """Return the encoder of a folder that `tools/train_layout_encoder.py` made; None: the shipped one.

        Raises:
            ModelFolderError: The folder is not complete, damaged, or of another version.
        """
        version = (FORMAT, VERSION)
        with encoder_folder(folder, shipped=SHIPPED, tool="tools/train_layout_encoder.py", version=version) as found:
            place, about = found
            network = LayoutAutoencoder(about["widths"], about["middle"])
            network.load_state_dict(load_file(place / WEIGHTS))
            return cls(network, mean=about["mean"], spread=about["spread"])

    def features(self, layouts: Sequence[Cells], classes: Sequence[str], *, dimensions: int) -> Floats:
        """Return features of whole layouts: what lies in them, how unevenly, and at which scales it does.

        See :func:`pool_places` for those of a channel. The features of all cells and of every class stand one after
        another, and a fixed random rotation keeps ``dimensions`` of their combinations.

        Args:
            layouts: Of known scale.
            classes: The classes to look at, in this order.
            dimensions: Features to keep in all; fewer where there are not as many.

        Returns:
            float64 (N, dimensions).

        Raises:
            InvalidInputError: A layout has no scale, or is smaller than 4 places.
        """
        pooled = [self._pooled(one, classes) for one in layouts]
        joined = np.array(pooled, np.float64).reshape(len(pooled), (1 + len(classes)) * len(self._mean))
        return joined @ fixed_projection(joined.shape[1], dimensions)

    def places(self, cells: Cells, classes: Sequence[str], *, dimensions: int) -> npt.NDArray[np.float32]:
        """Return features of every place of a layout, of all cells and of classes, float32 (dimensions, H / 8, W / 8).

        A place is 8 µm wide. Before the fixed rotation keeps some of their combinations, features have mean 0 and
        variance 1 over the places of real layouts.

        Raises:
            InvalidInputError: The layout has no scale.
        """
        maps = self._maps(cells, classes)
        mean_of_means, mean_of_spreads, *_ = np.split(self._mean, PARTS)
        spread = np.hypot(mean_of_spreads, np.split(self._spread, PARTS)[0])
        scaled = (maps - mean_of_means[:, None, None]) / spread[:, None, None]
        joined = scaled.reshape(-1, *maps.shape[2:])
        reduced = np.einsum("cd,chw->dhw", fixed_projection(len(joined), dimensions), joined)
        return np.asarray(reduced, np.float32)

    def _pooled(self, cells: Cells, classes: Sequence[str]) -> Floats:
        return ((pool_places(self._maps(cells, classes)) - self._mean) / self._spread).ravel()

    def _maps(self, cells: Cells, classes: Sequence[str]) -> Floats:
        """Return the middle of the autoencoder, (channels, features, H / 8, W / 8)."""
        rasters = torch.from_numpy(layout_rasters(cells, classes))
        return encode_rasters(self._encoder, rasters)


def encode_rasters(encoder: torch.nn.Module, rasters: Tensor) -> Floats:
    """Return the middle of an autoencoder for rasters (N, H, W), float64 (N, features, H / 8, W / 8)."""
    height, width = (-(-side // STRIDE) * STRIDE for side in rasters.shape[1:])
    padded = F.pad(rasters, (0, width - rasters.shape[2], 0, height - rasters.shape[1]))
    with torch.inference_mode():
        parts = [encoder(padded[i : i + _BATCH, None]) for i in range(0, len(padded), _BATCH)]
    return torch.cat(parts).double().numpy()


def pool_places(maps: Floats) -> Floats:
    """Return what the places of maps (N, features, h, w) are on average and how they vary, (N, 4 × features).

    Mean, standard deviation, and the shares of the latter that are left between squares of 2×2 and of 4×4 places. The
    shares tell how cells are arranged, whatever their number; the first two tell mostly of their number, which differs
    so much between real layouts that arrangements alone would not be noticed beside it.

    Raises:
        InvalidInputError: There are fewer than 4 places in a direction.
    """
    height, width = maps.shape[2:]
    if min(height, width) < SQUARES[-1]:
        raise InvalidInputError(
            f"layouts of {width}×{height} places of 8 µm are too small for features; give layouts of 32 µm or more."
        )
    spread = maps.std(axis=(2, 3))
    coarse = [_squares(maps, side).std(axis=(2, 3)) / (spread + _NO_SPREAD) for side in SQUARES]
    return np.concatenate([maps.mean(axis=(2, 3)), spread, *coarse], axis=1)


def _squares(maps: Floats, side: int) -> Floats:
    """Return the means over squares of places, those at the far sides that do not fill one left out."""
    count, features, height, width = maps.shape
    rows, columns = height // side, width // side
    whole = maps[:, :, : rows * side, : columns * side]
    return np.asarray(whole.reshape(count, features, rows, side, columns, side).mean(axis=(3, 5)), np.float64)


def layout_rasters(cells: Cells, classes: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return rasters of 1 µm a pixel with 3×3 markers of all cells, then of every class, float32 (1 + C, H, W).

    Raises:
        InvalidInputError: The cells have no scale.
    """
    if cells.mpp is None:
        raise InvalidInputError("a layout has no scale (mpp), so it cannot be drawn; give its data one.")
    small = cells.scaled(cells.mpp / RASTER_MPP)
    return np.stack([marker_map(one.xy, small.shape) for one in (small, *map(small.of_class, classes))])


def fixed_projection(size: int, dimensions: int) -> Floats:
    """Return the directions that features are reduced to: orthonormal, random but fixed, (size, dimensions)."""
    normal = numpy_generator(0, "layout features", size).standard_normal((size, size))
    rotation, _ = np.linalg.qr(normal)
    return np.asarray(rotation[:, : min(size, dimensions)], np.float64)
