"""From cells to the raster that a layout model learns, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.maps import (
    ExponentialDistanceCodec,
    MapCodec,
    MarkerCodec,
    PeakFinder,
    density_constant,
    density_maps,
    scale_densities,
)
from cellweave.maps.codec import Raster

EDT_FINDER = PeakFinder(window_px=3, threshold=0.5)
"""Reads a clean EDT map back; a trained model brings a calibrated one."""


def make_codec(recipe: LayoutRecipe, finder: PeakFinder = EDT_FINDER) -> MapCodec:
    """Return the codec of the layout channels; ``finder`` is not used by markers."""
    if recipe.channels.cells == "marker":
        return MarkerCodec()
    return ExponentialDistanceCodec(reach_px=recipe.channels.reach_px, finder=finder)


def raster_channels(recipe: LayoutRecipe, class_count: int) -> int:
    """Return the number of channels of the raster: cells of every class, and densities of every class if any."""
    return class_count * (1 if recipe.channels.density == "none" else 2)


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLayout:
    """A whole training image as rasters, from which crops are cut.

    Attributes:
        cells: Its cells, in a frame ``reduce`` times as small.
        densities: (C, H, W) in [-1, 1]; None when the recipe has none.
    """

    cells: Cells
    densities: Raster | None


def draw_layouts(annotated: list[Cells], recipe: LayoutRecipe, *, seed: int) -> tuple[list[DrawnLayout], float | None]:
    """Return the rasters of training images and the constant that their densities were divided by.

    Densities are fitted to the whole image at the raster's resolution.

    Raises:
        InvalidInputError: No class of any image has a density.
    """
    reduced = [cells.scaled(1 / recipe.frame.reduce) for cells in annotated]
    if recipe.channels.density == "none":
        return [DrawnLayout(cells, None) for cells in reduced], None
    maps = [density_maps(cells, recipe.channels.density, seed=seed) for cells in reduced]
    constant = density_constant(maps)
    drawn = [DrawnLayout(cells, scale_densities(one, constant)) for cells, one in zip(reduced, maps, strict=True)]
    return drawn, constant


def encode_crop(drawn: DrawnLayout, row: int, column: int, recipe: LayoutRecipe) -> Raster:
    """Return the raster of a window: channels of cells, then of densities, padded with background.

    Args:
        drawn: The whole image.
        row: Top of the window, in pixels of the reduced frame.
        column: Left of the window.
        recipe: Of the model.

    Returns:
        float32 (channels, raster_px, raster_px) in [-1, 1].
    """
    side, pad = recipe.frame.inner_px, recipe.frame.pad_px
    # cells just outside the window shape the distance map inside it
    margin = 0 if recipe.channels.cells == "marker" else int(np.ceil(recipe.channels.reach_px / 2))
    around = drawn.cells.crop(row - margin, column - margin, (side + 2 * margin, side + 2 * margin))
    layers = 2 * make_codec(recipe).encode(around)[:, margin : margin + side, margin : margin + side] - 1
    if drawn.densities is not None:
        layers = np.concatenate([layers, drawn.densities[:, row : row + side, column : column + side]])
    return np.asarray(np.pad(layers, [(0, 0), (pad, pad), (pad, pad)], constant_values=-1.0), np.float32)


def decode_raster(
    raster: npt.ArrayLike,
    recipe: LayoutRecipe,
    *,
    classes: tuple[str, ...],
    mpp: float | None,
    finder: PeakFinder = EDT_FINDER,
) -> Cells:
    """Return the cells of a raster, in the frame of the full-resolution window; the padding is cut off first.

    Args:
        raster: (channels, raster_px, raster_px) in about [-1, 1].
        recipe: Of the model.
        classes: Of the first channels.
        mpp: Of the full-resolution window, µm per pixel.
        finder: Reads EDT maps.

    Raises:
        InvalidInputError: The raster has another shape.
    """
    values = np.asarray(raster, np.float32)
    side, pad = recipe.frame.raster_px, recipe.frame.pad_px
    expected = (raster_channels(recipe, len(classes)), side, side)
    if values.shape != expected:
        raise InvalidInputError(f"a raster of this model has shape {expected}, got {values.shape}.")
    inner = (values[: len(classes), pad : side - pad, pad : side - pad] + 1) / 2
    reduced_mpp = None if mpp is None else mpp * recipe.frame.reduce
    return make_codec(recipe, finder).decode(inner, classes=classes, mpp=reduced_mpp).scaled(recipe.frame.reduce)


def round_trip(cells: Cells, recipe: LayoutRecipe) -> Cells:
    """Return what is left of cells after the raster and back: what a perfect model could at best return."""
    reduced = cells.scaled(1 / recipe.frame.reduce)
    codec = make_codec(recipe)
    back = codec.decode(codec.encode(reduced), classes=cells.classes, mpp=reduced.mpp)
    return back.scaled(recipe.frame.reduce)
