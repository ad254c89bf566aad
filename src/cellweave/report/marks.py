"""Rings, dots and crosses, anti-aliased and placed to a sixteenth of a pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from cellweave.data import RgbImage
from cellweave.report.palette import rgb

Shape = Literal["ring", "dot", "cross"]

_Canvas = npt.NDArray[np.uint8]
_Paint = float | tuple[int, int, int]

_FRACTION_BITS = 4
_HALO_PX = 2
_HALO_OPACITY = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Marks of one kind, in the pixels of the image that they are drawn on.

    Attributes:
        xy: Centres, (N, 2); the centre of pixel (row r, column c) is (c + 0.5, r + 0.5).
        colour: ``#rrggbb``.
        shape: ``ring``, ``dot`` (filled) or ``cross`` (diagonal).
        radius: Radius of the ring, dot or circle about the cross, in pixels.
        line: Width of its lines, in pixels.
    """

    xy: npt.NDArray[np.float64]
    colour: str
    shape: Shape
    radius: float
    line: int = 2


def draw_marks(image: RgbImage, layers: Sequence[Marks], *, halo: bool = True) -> None:
    """Draw marks into an image, in place, later layers over earlier ones.

    Args:
        image: uint8 (H, W, 3), contiguous.
        layers: The marks; what lies outside the image is cut off.
        halo: Lighten the image along every mark first, so that it stands out on dark nuclei; the halos of all layers
            lie under the marks of all layers.
    """
    if halo:
        veil = np.zeros(image.shape[:2], np.uint8)
        for marks in layers:
            _draw(veil, marks, 255, widen=_HALO_PX)
        rows, columns = np.nonzero(veil)
        weight = veil[rows, columns, None] * np.float32(_HALO_OPACITY / 255)
        under = image[rows, columns].astype(np.float32)
        image[rows, columns] = np.rint(under + (255 - under) * weight).astype(np.uint8)
    for marks in layers:
        _draw(image, marks, rgb(marks.colour), widen=0)


def _draw(canvas: _Canvas, marks: Marks, colour: _Paint, *, widen: int) -> None:
    draw = _SHAPES[marks.shape]
    for x, y in marks.xy - 0.5:  # OpenCV puts whole numbers at pixel centres
        draw(canvas, float(x), float(y), marks, colour, widen)


def _ring(canvas: _Canvas, x: float, y: float, marks: Marks, colour: _Paint, widen: int) -> None:
    _circle(canvas, x, y, marks.radius, colour, thickness=marks.line + widen)


def _dot(canvas: _Canvas, x: float, y: float, marks: Marks, colour: _Paint, widen: int) -> None:
    _circle(canvas, x, y, marks.radius + widen / 2, colour, thickness=cv2.FILLED)


def _cross(canvas: _Canvas, x: float, y: float, marks: Marks, colour: _Paint, widen: int) -> None:
    arm = marks.radius / np.sqrt(2)
    for direction in (1, -1):
        start, end = _fixed(x - arm, y - direction * arm), _fixed(x + arm, y + direction * arm)
        cv2.line(canvas, start, end, colour, marks.line + widen, cv2.LINE_AA, _FRACTION_BITS)


def _circle(canvas: _Canvas, x: float, y: float, radius: float, colour: _Paint, *, thickness: int) -> None:
    size, _ = _fixed(radius, 0)
    cv2.circle(canvas, _fixed(x, y), size, colour, thickness, cv2.LINE_AA, _FRACTION_BITS)


def _fixed(x: float, y: float) -> tuple[int, int]:
    return round(x * 2**_FRACTION_BITS), round(y * 2**_FRACTION_BITS)


_SHAPES: dict[Shape, Callable[[_Canvas, float, float, Marks, _Paint, int], None]] = {
    "ring": _ring,
    "dot": _dot,
    "cross": _cross,
}
