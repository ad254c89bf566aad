"""From cells to the raster that a layout model learns, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.layouts.channel_scale import ChannelScale
from cellweave.layouts.recipe import LayoutRecipe
from cellweave.maps import (
    DensityCache,
    ExponentialDistanceCodec,
    MapCodec,
    MarkerCodec,
    PeakFinder,
    SharedPeakCodec,
    density_constant,
    draw_densities,
    scale_densities,
)
from cellweave.maps.codec import Raster

CLEAN_FINDER = PeakFinder(window_px=3, threshold=0.5)
"""Reads clean peaks back; a trained model brings a calibrated one."""


def make_codec(recipe: LayoutRecipe, finder: PeakFinder = CLEAN_FINDER) -> MapCodec:
    """Return the codec of the channels of cells; ``finder`` is not used by markers."""
    channels = recipe.channels
    if channels.cells == "marker":
        return MarkerCodec()
    if channels.cells == "edt":
        return ExponentialDistanceCodec(reach_px=channels.reach_px, finder=finder)
    return SharedPeakCodec(channels.peak_width_px, channels.class_width_px, finder)


def cell_channels(recipe: LayoutRecipe, class_count: int) -> int:
    """Return the number of channels that hold the cells."""
    return class_count + 1 if recipe.channels.cells == "shared" else class_count


def raster_channels(recipe: LayoutRecipe, class_count: int) -> int:
    """Return the number of channels of the raster: those of the cells, and densities of every class if any."""
    return cell_channels(recipe, class_count) + (0 if recipe.channels.density == "none" else class_count)


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLayout:
    """A whole training image as rasters, from which crops are cut.

    Attributes:
        cells: Its cells, in a frame ``reduce`` times as small.
        layers: Channels of the cells, (channels, H, W) in [0, 1]; None for markers, which are drawn crop by crop.
        densities: (C, H, W) in [0, 1]; None when the recipe has none.
    """

    cells: Cells
    layers: Raster | None
    densities: Raster | None


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLayouts:
    """All training images as rasters, and what is stored with the model to read rasters like theirs.

    Attributes:
        images: One an image.
        scale: Of the channels.
        density_constant: What the densities were divided by; None when there are none.
    """

    images: list[DrawnLayout]
    scale: ChannelScale
    density_constant: float | None


def draw_layouts(
    annotated: list[Cells],
    recipe: LayoutRecipe,
    *,
    seed: int,
    cache: DensityCache | None = None,
    given: tuple[ChannelScale, float | None] | None = None,
) -> DrawnLayouts:
    """Return the rasters of training images.

    Densities are fitted to the whole image at the raster's resolution; ``cache`` keeps them. Where ``given``, a scale
    and what densities are divided by are used in place of those of the images.

    Raises:
        InvalidInputError: No class of any image has a density.
    """
    reduced = [cells.scaled(1 / recipe.frame.reduce) for cells in annotated]
    codec = make_codec(recipe)
    layers = [codec.encode(cells) for cells in reduced]
    densities: list[Raster] = []
    constant = None
    if recipe.channels.density != "none":
        maps = draw_densities(reduced, recipe.channels.density_settings(), seed=seed, cache=cache)
        constant = None if given is None else given[1]
        constant = density_constant(maps) if constant is None else constant
        densities = [np.asarray((scale_densities(one, constant) + 1) / 2, np.float32) for one in maps]
    whole = [np.concatenate(parts) for parts in zip(layers, densities, strict=True)] if densities else layers
    drawn = [
        DrawnLayout(
            cells,
            None if recipe.channels.cells == "marker" else layers[i],
            densities[i] if densities else None,
        )
        for i, cells in enumerate(reduced)
    ]
    if given is not None:
        return DrawnLayouts(drawn, given[0], constant)
    standard = recipe.channels.scaling == "standard"
    scale = ChannelScale.standard(whole) if standard else ChannelScale.range(len(whole[0]))
    return DrawnLayouts(drawn, scale, constant)


def encode_crop(drawn: DrawnLayout, row: int, column: int, recipe: LayoutRecipe, scale: ChannelScale) -> Raster:
    """Return the raster of a window as data: channels of cells, then of densities, padded with background.

    Args:
        drawn: The whole image.
        row: Top of the window, in pixels of the reduced frame.
        column: Left of the window.
        recipe: Of the model.
        scale: Of the channels.

    Returns:
        float32 (channels, raster_px, raster_px).
    """
    side, pad = recipe.frame.inner_px, recipe.frame.pad_px
    window = np.s_[:, row : row + side, column : column + side]
    if drawn.layers is None:
        values = make_codec(recipe).encode(drawn.cells.crop(row, column, (side, side)))
    else:  # cells just outside the window show in it
        values = drawn.layers[window]
    if drawn.densities is not None:
        values = np.concatenate([values, drawn.densities[window]])
    return scale.to_data(np.pad(values, [(0, 0), (pad, pad), (pad, pad)]))


def decode_raster(
    raster: npt.ArrayLike,
    recipe: LayoutRecipe,
    scale: ChannelScale,
    *,
    classes: tuple[str, ...],
    mpp: float | None,
    finder: PeakFinder = CLEAN_FINDER,
    size: tuple[int, int] | None = None,
) -> Cells:
    """Return the cells of a raster, in the frame of the full-resolution window; the padding is cut off first.

    Args:
        raster: Data, (channels, raster_px, raster_px), or of another size.
        recipe: Of the model.
        scale: Of the channels.
        classes: Of the model.
        mpp: Of the full-resolution window, µm per pixel.
        finder: Reads peaks.
        size: Height and width of the full-resolution window, multiples of ``reduce``; those of the crop when None.

    Raises:
        InvalidInputError: The raster has another shape.
    """
    data = np.asarray(raster, np.float32)
    pad = recipe.frame.pad_px
    height, width = recipe.frame.raster_shape(size)
    expected = (raster_channels(recipe, len(classes)), height, width)
    if data.shape != expected:
        raise InvalidInputError(f"a raster of this model has shape {expected}, got {data.shape}.")
    values = scale.to_values(data)[: cell_channels(recipe, len(classes)), pad : height - pad, pad : width - pad]
    reduced_mpp = None if mpp is None else mpp * recipe.frame.reduce
    return make_codec(recipe, finder).decode(values, classes=classes, mpp=reduced_mpp).scaled(recipe.frame.reduce)


def round_trip(cells: Cells, recipe: LayoutRecipe) -> Cells:
    """Return what is left of cells after the raster and back: what a perfect model could at best return."""
    reduced = cells.scaled(1 / recipe.frame.reduce)
    codec = make_codec(recipe)
    back = codec.decode(codec.encode(reduced), classes=cells.classes, mpp=reduced.mpp)
    return back.scaled(recipe.frame.reduce)
