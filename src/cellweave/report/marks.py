"""Rings, dots and crosses, anti-aliased and placed to a fraction of a pixel.

Drawn here because the anti-aliased lines of OpenCV and Pillow are up to twice as wide as asked for, which on crowded
nuclei hides what is to be shown, and because Pillow places them on whole pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from cellweave.data import RgbImage
from cellweave.report.palette import rgb

Shape = Literal["ring", "dot", "cross"]

_Floats = npt.NDArray[np.float64]

_HALO_PX = 1.0
_HALO_OPACITY = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Marks of one kind, in the pixels of the image that they are drawn on.

    Attributes:
        xy: Centres, (N, 2); the centre of pixel (row r, column c) is (c + 0.5, r + 0.5).
        colour: ``#rrggbb``.
        shape: ``ring``, ``dot`` (filled) or ``cross`` (diagonal).
        radius: Radius of the ring or dot, half the length of the strokes of the cross, in pixels.
        line: Width of the lines of ring and cross, in pixels.
    """

    xy: _Floats
    colour: str
    shape: Shape
    radius: float
    line: float = 2.0


def draw_marks(image: RgbImage, layers: Sequence[Marks], *, halo: bool = True) -> None:
    """Draw marks into an image, in place, later layers over earlier ones.

    Args:
        image: uint8 (H, W, 3).
        layers: The marks; what lies outside the image is cut off.
        halo: Lighten the image along every mark first, so that it stands out on dark nuclei; the halos of all layers
            lie under the marks of all layers.
    """
    if halo:
        veil = np.zeros(image.shape[:2], np.float32)
        for marks in layers:
            _cover(veil, marks, margin=_HALO_PX)
        _paint(image, veil * np.float32(_HALO_OPACITY), (255, 255, 255))
    for marks in layers:
        cover = np.zeros(image.shape[:2], np.float32)
        _cover(cover, marks, margin=0.0)
        _paint(image, cover, rgb(marks.colour))


def _cover(cover: npt.NDArray[np.float32], marks: Marks, *, margin: float) -> None:
    """Raise ``cover`` to the share, 0 to 1, of every pixel that the marks and a margin around them take up."""
    height, width = cover.shape
    distance = _DISTANCES[marks.shape]
    reach = marks.radius + marks.line / 2 + margin + 1
    for x, y in marks.xy:
        left, right = max(int(x - reach), 0), min(int(x + reach) + 1, width)
        top, bottom = max(int(y - reach), 0), min(int(y + reach) + 1, height)
        if left >= right or top >= bottom:
            continue
        dx, dy = np.arange(left, right) + 0.5 - x, np.arange(top, bottom)[:, None] + 0.5 - y
        share = np.clip(0.5 + margin - distance(dx, dy, marks), 0, 1)  # an edge cuts a pixel in about a straight line
        patch = cover[top:bottom, left:right]
        np.maximum(patch, share, out=patch, casting="same_kind")


def _paint(image: RgbImage, cover: npt.NDArray[np.float32], colour: tuple[int, int, int]) -> None:
    rows, columns = np.nonzero(cover)
    under = image[rows, columns].astype(np.float32)
    weight = cover[rows, columns, None]
    image[rows, columns] = np.rint(under + (np.array(colour, np.float32) - under) * weight).astype(np.uint8)


def _to_ring(dx: _Floats, dy: _Floats, marks: Marks) -> _Floats:
    return np.abs(np.hypot(dx, dy) - marks.radius) - marks.line / 2


def _to_dot(dx: _Floats, dy: _Floats, marks: Marks) -> _Floats:
    return np.hypot(dx, dy) - marks.radius


def _to_cross(dx: _Floats, dy: _Floats, marks: Marks) -> _Floats:
    along, across = np.abs(dx + dy) / np.sqrt(2), np.abs(dx - dy) / np.sqrt(2)
    first = np.hypot(np.maximum(along - marks.radius, 0), across)
    second = np.hypot(np.maximum(across - marks.radius, 0), along)
    nearest: _Floats = np.minimum(first, second)
    return nearest - marks.line / 2


_DISTANCES: dict[Shape, Callable[[_Floats, _Floats, Marks], _Floats]] = {
    "ring": _to_ring,
    "dot": _to_dot,
    "cross": _to_cross,
}
"""Distance from a point to the edge of a mark at the origin, negative inside."""
