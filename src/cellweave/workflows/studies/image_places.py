"""Places in real images whose layouts or masks are painted anew, and what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.data import CellDataset, RgbImage, SemanticMask
from cellweave.encoders.image_network import PATCH_PX
from cellweave.images.condition import Scene
from cellweave.workflows.score_image_likeness import MPP

_SEED = 0
"""Of the choice of places: the same for all arms and seeds, so that they are compared on the same ones."""


@dataclass(frozen=True, slots=True)
class Place:
    """A square of an image.

    Attributes:
        image: Its name.
        row: Of the upper left pixel.
        column: Likewise.
        side: Height and width, in pixels of the image.
    """

    image: str
    row: int
    column: int
    side: int

    @property
    def name(self) -> str:
        """Image, row and column, which tell it from others of its size."""
        return f"{self.image} {self.row} {self.column}"

    def divided(self, times: int) -> list[Place]:
        """Return the ``times * times`` squares that it falls into, in reading order."""
        small = self.side // times
        return [
            Place(self.image, self.row + down * small, self.column + across * small, small)
            for down in range(times)
            for across in range(times)
        ]


class RealPatch(NamedTuple):
    """What is at a place: pixels, cells, and the mask where masks are asked for."""

    pixels: RgbImage
    cells: Cells
    mask: SemanticMask | None

    @property
    def scene(self) -> Scene:
        """What an image model paints of it."""
        return self.cells if self.mask is None else self.mask


class PatchReader:
    """Reads patches of a data set; those of one image should come one after another, because one is kept.

    Args:
        dataset: The data set.
        masks: Read masks, too.
        reduce: How many times smaller patches become, a divisor of their places' sides: colours are averaged, masks
            keep the upper left of the pixels that become one.
    """

    def __init__(self, dataset: CellDataset, *, masks: bool, reduce: int = 1) -> None:
        self.dataset, self.masks, self.reduce = dataset, masks, reduce
        self._name = ""
        self._image = np.zeros((0, 0, 3), np.uint8)

    def read(self, place: Place) -> RealPatch:
        """Return what is at a place.

        Raises:
            DatasetError: The image, its cells or its mask cannot be read.
        """
        if place.image != self._name:
            self._name, self._image = place.image, self.dataset.read_image(place.image)
        window = self._image[place.row : place.row + place.side, place.column : place.column + place.side]
        patch = self.read_scene(place)
        if self.reduce > 1:
            window = np.asarray(cv2.resize(window, patch.cells.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
        return patch._replace(pixels=np.ascontiguousarray(window))

    def read_scene(self, place: Place) -> RealPatch:
        """Return what is at a place but for the pixels, which are an array without any."""
        shape = (place.side, place.side)
        cells = self.dataset.read_cells(place.image).crop(place.row, place.column, shape)
        mask = self.dataset.read_mask(place.image).crop(place.row, place.column, shape) if self.masks else None
        if self.reduce > 1:
            cells = cells.scaled(1 / self.reduce)
            mask = None if mask is None else mask.reduced(self.reduce)
        return RealPatch(np.zeros((0, 0, 3), np.uint8), cells, mask)


def tile_px(mpp: float | None) -> int:
    """Return the side of what the encoders of patches see, 32 µm, in pixels; where the scale is unknown, 64."""
    return max(1, round(PATCH_PX * (1.0 if mpp is None else MPP / mpp)))


def default_side(crop_px: int, mpp: float | None) -> int:
    """Return the side of the patches that are painted: no less than a training crop, and whole tiles of an encoder."""
    tile = tile_px(mpp)
    return -(-crop_px // tile) * tile


def choose_places(
    dataset: CellDataset,
    names: Sequence[str],
    *,
    side: int,
    count: int | None,
    at_most: int,
    unknown_share: float | None = None,
) -> tuple[Place, ...]:
    """Return places side by side in images, evenly over the images, in the order of the images.

    Where some images give one place more than others, these are taken from all over the list, and so from many groups,
    instead of from its beginning.

    Args:
        dataset: The data set.
        names: Images.
        side: Height and width of a place, in pixels.
        count: How many; None takes all that there are, up to ``at_most``.
        at_most: Likewise.
        unknown_share: Largest share of pixels of unknown class in the mask of a place; None: masks are not looked at.

    Raises:
        InvalidInputError: There are fewer than ``count``, or fewer than two.
    """
    by_image: list[list[Place]] = []
    for name in names:
        height, width = dataset.read_cells(name).shape
        places = [
            Place(name, row, column, side)
            for row in range(0, height - side + 1, side)
            for column in range(0, width - side + 1, side)
        ]
        if unknown_share is not None and places:
            mask = dataset.read_mask(name)
            places = [
                one for one in places if mask.crop(one.row, one.column, (side, side)).unknown_share <= unknown_share
            ]
        order = numpy_generator(_SEED, "study places", name).permutation(len(places))
        by_image.append([places[i] for i in order])
    there = sum(map(len, by_image))
    wanted = min(at_most, there) if count is None else count
    if there < max(wanted, 2) or wanted < 2:
        raise InvalidInputError(
            f"{len(names)} images of {dataset.root} give {there} patches of {side} px side by side, and "
            f"{max(wanted, 2)} are needed; lower --count, but not below 2, or --size."
        )
    taken: list[set[Place]] = [set() for _ in by_image]
    for rank in range(max(map(len, by_image))):
        longer = [number for number, places in enumerate(by_image) if rank < len(places)]
        if len(longer) > wanted:
            longer = [longer[i * len(longer) // wanted] for i in range(wanted)]
        for number in longer:
            taken[number].add(by_image[number][rank])
        wanted -= len(longer)
    return tuple(one for places in taken for one in sorted(places, key=lambda place: (place.row, place.column)))
