"""Cells drawn on their image: by class, or as a comparison of prediction and truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidImageError, InvalidInputError
from cellweave.data import RgbImage
from cellweave.report.legend import LegendEntry, class_legend, count_unknown, legend_strip
from cellweave.report.marks import Marks, Shape, draw_marks
from cellweave.report.palette import FALSE_ALARM, HIT, MISS, UNKNOWN_COLOUR, require_colours


def draw_cells(
    pixels: npt.NDArray[np.uint8],
    cells: Cells,
    colours: Mapping[str, str],
    *,
    radius_px: float = 6.0,
    scale: float = 1.0,
    line_px: float = 2.5,
    legend: bool = False,
) -> RgbImage:
    """Draw a ring in the colour of its class around every cell; a cell of unknown class gets a grey one.

    Args:
        pixels: The image, uint8 (H, W, 3).
        cells: Its cells.
        colours: Colour of every class, ``#rrggbb``.
        radius_px: Radius of the rings, in pixels of the image, > 0.
        scale: Size of the result relative to the image, > 0.
        line_px: Width of the rings, in pixels of the result.
        legend: Add a strip with the classes, their colours and numbers below.

    Returns:
        uint8 (round(H · scale) + height of the legend, round(W · scale), 3).

    Raises:
        InvalidImageError: ``pixels`` is not such an image, or not of the size of the frame of ``cells``.
        InvalidInputError: A class has no colour, or a length or the scale is not positive.
    """
    require_colours(cells.classes, colours)
    _require_positive(radius_px=radius_px, scale=scale, line_px=line_px)
    _require_frame(pixels, cells)
    image, factors = enlarged(pixels, scale)
    layers = class_marks(cells, colours, factors, shape="ring", radius=radius_px * scale, line=line_px)
    draw_marks(image, layers)
    if not legend:
        return image
    entries = class_legend(cells.counts(), count_unknown(cells), colours)
    return _with_strip(image, entries)


def draw_comparison(
    pixels: npt.NDArray[np.uint8],
    truth: Cells,
    predicted: Cells,
    *,
    matched_truth: npt.ArrayLike,
    matched_predicted: npt.ArrayLike,
    radius_px: float,
    scale: float = 1.0,
    line_px: float = 2.5,
    legend: bool = False,
) -> RgbImage:
    """Draw where prediction and truth agree and differ, told apart by shape as well as by colour.

    An annotated cell is a ring of the matching radius, a predicted one a dot. So a hit is a blue ring with its dot
    where it was predicted, a miss an orange ring without one, and a false alarm a black cross.

    Args:
        pixels: The image, uint8 (H, W, 3).
        truth: Annotated cells.
        predicted: Predicted cells, in the same frame.
        matched_truth: Indices into ``truth`` of the cells found, (M,).
        matched_predicted: Indices into ``predicted`` of the cells that they were found by, (M,).
        radius_px: Radius within which cells were matched, in pixels of the image, > 0.
        scale: Size of the result relative to the image, > 0.
        line_px: Width of the lines, in pixels of the result.
        legend: Add a strip with the marks' meaning and numbers below.

    Returns:
        uint8 (round(H · scale) + height of the legend, round(W · scale), 3).

    Raises:
        InvalidImageError: ``pixels`` is not such an image, or not of the size of the frame of the cells.
        InvalidInputError: The matches are no pairs of cells there are, each used once, or a length is not positive.
    """
    _require_positive(radius_px=radius_px, scale=scale, line_px=line_px)
    _require_frame(pixels, truth)
    _require_frame(pixels, predicted)
    found = _indices("matched_truth", matched_truth, len(truth))
    finding = _indices("matched_predicted", matched_predicted, len(predicted))
    if len(found) != len(finding):
        raise InvalidInputError(
            f"every match has a true and a predicted cell, got {len(found)} true and {len(finding)} predicted ones."
        )
    image, factors = enlarged(pixels, scale)
    radius = radius_px * scale
    missed, false = np.delete(truth.xy, found, axis=0), np.delete(predicted.xy, finding, axis=0)
    layers = [
        Marks(truth.xy[found] * factors, HIT, "ring", radius, line_px),
        Marks(missed * factors, MISS, "ring", radius, line_px + 1),
        Marks(predicted.xy[finding] * factors, HIT, "dot", max(radius / 4, 1.5), line_px),
        Marks(false * factors, FALSE_ALARM, "cross", radius * 0.9, line_px + 1),
    ]
    draw_marks(image, layers)
    if not legend:
        return image
    entries = [
        LegendEntry(f"hit {len(found):,}", HIT, ("ring", "dot")),
        LegendEntry(f"miss {len(missed):,}", MISS, ("ring",)),
        LegendEntry(f"false alarm {len(false):,}", FALSE_ALARM, ("cross",)),
    ]
    return _with_strip(image, entries)


def class_marks(
    cells: Cells,
    colours: Mapping[str, str],
    factors: npt.NDArray[np.float64],
    *,
    shape: Shape,
    radius: float,
    line: float,
    unknown: str = UNKNOWN_COLOUR,
) -> list[Marks]:
    """Return the marks of cells, one layer a class, unknown ones first.

    Args:
        cells: The cells.
        colours: Colour of every class.
        factors: Pixels of the result per pixel of the frame, along x and y, (2,).
        shape: What a cell is drawn as.
        radius: Radius, in pixels of the result.
        line: Width of the lines, in pixels of the result.
        unknown: Colour of cells of unknown class.
    """
    palette = [unknown, *(colours[name] for name in cells.classes)]
    xy = cells.xy * factors
    return [Marks(xy[cells.labels == i - 1], colour, shape, radius, line) for i, colour in enumerate(palette)]


def enlarged(pixels: RgbImage, scale: float) -> tuple[RgbImage, npt.NDArray[np.float64]]:
    """Return an image at another size, a copy, and the pixels that it has per old pixel, along x and y, (2,).

    Raises:
        InvalidImageError: The image has no pixels.
    """
    if not pixels.size:
        raise InvalidImageError(f"an image to draw has pixels, got one of shape {pixels.shape}.")
    height, width = pixels.shape[:2]
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    if size == (width, height):
        return np.array(pixels, order="C"), np.ones(2)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image: RgbImage = np.ascontiguousarray(cv2.resize(pixels, size, interpolation=method))
    return image, np.array([size[0] / width, size[1] / height])


def _with_strip(image: RgbImage, entries: list[LegendEntry]) -> RgbImage:
    return np.concatenate([image, legend_strip(entries, image.shape[1])])


def _require_positive(**lengths: float) -> None:
    for name, value in lengths.items():
        if not (np.isfinite(value) and value > 0):
            raise InvalidInputError(f"{name} must be a positive number, got {value}.")


def _require_frame(pixels: npt.NDArray[Any], cells: Cells) -> None:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise InvalidImageError(f"an image to draw on is uint8 (H, W, 3), got {pixels.dtype} {pixels.shape}.")
    if pixels.shape[:2] != cells.shape:
        raise InvalidImageError(
            f"the image is {pixels.shape[1]}×{pixels.shape[0]} pixels, its cells live in a frame of "
            f"{cells.shape[1]}×{cells.shape[0]}; are they the cells of another image?"
        )


def _indices(name: str, values: npt.ArrayLike, count: int) -> npt.NDArray[np.int64]:
    array = np.asarray(values)
    indices = array.astype(np.int64)
    whole = array.ndim == 1 and np.array_equal(indices, array)
    if not whole or len(np.unique(indices)) != len(indices) or ((indices < 0) | (indices >= count)).any():
        raise InvalidInputError(
            f"{name} must hold different indices from 0 to {count - 1}, (M,), "
            f"got {np.array2string(array, threshold=8).replace(chr(10), ' ')}."
        )
    return indices
