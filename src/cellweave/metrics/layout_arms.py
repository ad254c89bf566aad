"""The layouts that are compared, all treated alike: the same frame, and the same way through a raster and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cellweave.core import Cells, numpy_generator
from cellweave.maps import MapCodec, MarkerCodec

RoundTrip = Callable[[Cells], Cells]


def smallest_frame(layouts: Sequence[Cells]) -> tuple[int, int]:
    """Return the smallest height and the smallest width of the frames of layouts, in pixels."""
    return min(one.shape[0] for one in layouts), min(one.shape[1] for one in layouts)


def crop_to_centre(cells: Cells, shape: tuple[int, int]) -> Cells:
    """Return the cells in the middle of their frame, in a window of a shape that fits into it."""
    return cells.crop((cells.shape[0] - shape[0]) // 2, (cells.shape[1] - shape[1]) // 2, shape)


def throw_at_random(cells: Cells, *, seed: int, index: int) -> Cells:
    """Return as many cells of each class, each anywhere in the frame; ``index`` is the number of the layout."""
    height, width = cells.shape
    xy = numpy_generator(seed, "random layout", index).random((len(cells), 2)) * (width, height)
    return Cells(xy, cells.labels, classes=cells.classes, shape=cells.shape, mpp=cells.mpp)


def raster_round_trip(cells: Cells, codec: MapCodec | None = None, *, scale: float = 0.5) -> Cells:
    """Return what is left of cells once they are drawn at a smaller scale and read back.

    They come back at the centres of the pixels of the small raster, near ones merged, those of unknown class lost;
    with the default codec just as layouts come out of a layout model. The frame is that of the raster, scaled up: up
    to a pixel larger where its side does not divide.

    Args:
        cells: The cells.
        codec: 3×3 markers, one channel a class, when None.
        scale: Of the raster, relative to the frame of the cells.
    """
    codec = MarkerCodec() if codec is None else codec
    small = cells.scaled(scale)
    found = codec.decode(codec.encode(small), classes=cells.classes, mpp=small.mpp)
    back = found.scaled(1 / scale)
    return Cells(back.xy, back.labels, classes=back.classes, shape=back.shape, mpp=cells.mpp)
