"""What a localiser gets wrong, as pictures: the regions with most errors, every kind of error with its own mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from cellweave.core import InvalidInputError
from cellweave.data import RgbImage
from cellweave.report.legend import LegendEntry, legend_strip
from cellweave.report.lettering import shortened, write_text
from cellweave.report.marks import Marks, draw_marks
from cellweave.report.overlay import enlarged
from cellweave.report.palette import FALSE_ALARM, GREY, HIT, INK, MISS, WRONG_CLASS

_Points = npt.NDArray[np.float64]

_GAP, _MARGIN = 8, 12
_TITLE, _CAPTION = 34, 38


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """The cells of one image by what became of them, positions in pixels of the image, (N, 2) each.

    Attributes:
        right: True cells that were found, with their class.
        confused: True cells that were found and taken for another class.
        missed: True cells that were not found.
        spurious: Cells that were found where there is none.
        shape: Height and width of the image.
    """

    right: _Points
    confused: _Points
    missed: _Points
    spurious: _Points
    shape: tuple[int, int]

    @property
    def errors(self) -> _Points:
        """All that is wrong, (N, 2)."""
        return np.concatenate([self.confused, self.missed, self.spurious])


@dataclass(frozen=True, slots=True)
class WorstRegion:
    """A part of an image, and what is wrong there.

    Attributes:
        image: Name of the image.
        row: Top row, in pixels.
        column: Left column, in pixels.
        height: In pixels.
        width: In pixels.
        missed: Number of true cells that were not found.
        spurious: Number of cells that were found where there is none.
        confused: Number of cells that were taken for another class.
    """

    image: str
    row: int
    column: int
    height: int
    width: int
    missed: int
    spurious: int
    confused: int

    @property
    def errors(self) -> int:
        """Number of errors of all kinds."""
        return self.missed + self.spurious + self.confused

    def to_json(self) -> dict[str, str | int]:
        """Return the region as JSON."""
        return {
            "image": self.image,
            "x": self.column,
            "y": self.row,
            "width": self.width,
            "height": self.height,
            "missed": self.missed,
            "spurious": self.spurious,
            "another_class": self.confused,
        }


def worst_regions(
    outcomes: Mapping[str, Outcomes], *, sides_px: Mapping[str, int], count: int, per_image: int = 2
) -> list[WorstRegion]:
    """Return the square regions with most errors, the worst first; none overlap, and every one has an error.

    Args:
        outcomes: Of every image.
        sides_px: Side of the regions of every image, in its pixels, >= 1; a smaller image is one region.
        count: Most regions in all.
        per_image: Most regions of one image, so that one bad image does not hide the others.
    """
    found = [
        region for name, one in outcomes.items() for region in _of_one_image(name, one, sides_px[name])[:per_image]
    ]
    found.sort(key=lambda region: (-region.errors, region.image, region.row, region.column))
    return found[:count]


def _of_one_image(name: str, outcomes: Outcomes, side_px: int) -> list[WorstRegion]:
    points = outcomes.errors
    if not len(points):
        return []
    height, width = (min(side_px, side) for side in outcomes.shape)
    size = np.array([width, height])
    room = np.array([outcomes.shape[1], outcomes.shape[0]]) - size
    pixels = np.floor(points)
    corners = np.unique(np.clip(pixels - size // 2, 0, room).astype(int), axis=0)
    half = size / 2
    # centres of pixels, none of which lies on the edge of a region
    tree = KDTree((pixels + 0.5) / half)
    reached = tree.query_ball_point((corners + half) / half, 1.0, p=np.inf, return_length=True)
    taken: list[WorstRegion] = []
    for i in np.lexsort((corners[:, 0], corners[:, 1], -reached)):
        column, row = corners[i].tolist()
        if all(abs(column - one.column) >= width or abs(row - one.row) >= height for one in taken):
            counts = (
                _inside(xy, row, column, height, width)
                for xy in (outcomes.missed, outcomes.spurious, outcomes.confused)
            )
            taken.append(WorstRegion(name, row, column, height, width, *counts))
    return sorted((one for one in taken if one.errors), key=lambda one: (-one.errors, one.row, one.column))


def _inside(xy: _Points, row: int, column: int, height: int, width: int) -> int:
    shifted = xy - (column, row)
    return int(((shifted >= 0) & (shifted < (width, height))).all(axis=1).sum())


def failure_sheet(
    crops: Sequence[tuple[WorstRegion, RgbImage, Outcomes]],
    *,
    title: str,
    radii_px: Sequence[float],
    classes: bool = True,
    columns: int = 4,
    tile_px: int = 256,
) -> RgbImage:
    """Return one picture of regions side by side, with their errors marked and a legend.

    A missed cell is an orange ring of the matching radius, a spurious one a black cross, one of another class a green
    ring with a dot, and one that is right a small blue dot.

    Args:
        crops: The regions, with their pixels, uint8 (height, width, 3), and the outcomes of their whole image.
        title: A line above.
        radii_px: Radius within which cells were matched, in pixels of the image of every region.
        classes: Whether there are classes to be wrong about.
        columns: Most regions side by side, >= 1.
        tile_px: Side of a region on the picture, in pixels, >= 64.

    Raises:
        InvalidInputError: There is no region, or ``columns`` or ``tile_px`` is too small.
    """
    if not crops or columns < 1 or tile_px < 64:
        raise InvalidInputError(
            f"a sheet has a region, columns >= 1 and tile_px >= 64, got {len(crops)} regions, columns {columns} and "
            f"tile_px {tile_px}."
        )
    across = min(columns, len(crops))
    width = across * (tile_px + _GAP) - _GAP
    row_px = tile_px + _CAPTION + _GAP
    body = np.full((-(-len(crops) // across) * row_px, width, 3), 255, np.uint8)
    for i, (crop, radius) in enumerate(zip(crops, radii_px, strict=True)):
        top, left = i // across * row_px, i % across * (tile_px + _GAP)
        tile = _tile(*crop, radius_px=radius, tile_px=tile_px)
        body[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
        _write_caption(body, crop[0], (left, top + tile_px), tile_px, classes=classes)
    heading = np.full((_TITLE, width, 3), 255, np.uint8)
    write_text(heading, shortened(title, width, 16), (0, _TITLE / 2), size_px=16, colour=INK)
    legend = legend_strip(_legend(classes=classes), width)
    return np.pad(
        np.concatenate([heading, legend, body]), ((_MARGIN // 2, 0), (_MARGIN, _MARGIN), (0, 0)), constant_values=255
    )


def _tile(region: WorstRegion, pixels: RgbImage, outcomes: Outcomes, *, radius_px: float, tile_px: int) -> RgbImage:
    image, factors = enlarged(pixels, tile_px / max(pixels.shape[:2]))
    radius = radius_px * float(factors[0])
    corner = (region.column, region.row)
    missed, spurious, confused, right = (
        (xy - corner) * factors for xy in (outcomes.missed, outcomes.spurious, outcomes.confused, outcomes.right)
    )
    layers = [
        Marks(right, HIT, "dot", max(radius / 5, 1.5)),
        Marks(confused, WRONG_CLASS, "ring", radius, 2.5),
        Marks(confused, WRONG_CLASS, "dot", max(radius / 4, 2)),
        Marks(missed, MISS, "ring", radius, 3.0),
        Marks(spurious, FALSE_ALARM, "cross", radius * 0.8, 2.5),
    ]
    draw_marks(image, layers)
    return image


def _legend(*, classes: bool) -> list[LegendEntry]:
    wrong = [LegendEntry("found, another class", WRONG_CLASS, ("ring", "dot"))] if classes else []
    return [
        LegendEntry("missed", MISS, ("ring",)),
        LegendEntry("spurious", FALSE_ALARM, ("cross",)),
        *wrong,
        LegendEntry("right", HIT, ("dot",)),
    ]


def _write_caption(body: RgbImage, region: WorstRegion, at: tuple[int, int], width: int, *, classes: bool) -> None:
    left, top = at
    counts = f"{region.missed} missed, {region.spurious} spurious" + (
        f", {region.confused} another class" if classes else ""
    )
    where = f"{region.image} at {region.column}, {region.row}"
    write_text(body, shortened(where, width, 12), (left, top + 10), size_px=12, colour=INK)
    write_text(body, shortened(counts, width, 12), (left, top + 27), size_px=12, colour=GREY)
