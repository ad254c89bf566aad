"""What every reader returns: the images of a source, one after the other, and what is to be said about the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cellweave.core import Cells, InvalidInputError
from cellweave.data.dataset import CellClass
from cellweave.data.images import RgbImage
from cellweave.data.semantic_masks import SemanticMask


@dataclass(frozen=True, slots=True)
class ImportedImage:
    """One annotated image of a source: a file, or pixels where the source keeps images in another way.

    Attributes:
        name: Its name in the data set, without ending.
        cells: Its cells, in the frame of the image.
        file: The image file, copied as it is; None where there are pixels.
        split: training, validation or test.
        group: Patient or slide.
        clipped: Number of cells that lay a little outside the image and were moved into it.
        pixels: uint8 (H, W, 3), stored as PNG; None where there is a file.
        mask: The class of every pixel, with the nuclei where they are told apart; None where only points are known.

    Raises:
        InvalidInputError: There are both a file and pixels, or neither.
    """

    name: str
    cells: Cells
    file: Path | None
    split: str
    group: str
    clipped: int = 0
    pixels: RgbImage | None = None
    mask: SemanticMask | None = None

    def __post_init__(self) -> None:
        if (self.file is None) == (self.pixels is None):
            given = "neither" if self.file is None else "both"
            raise InvalidInputError(f"image {self.name!r} has {given} of file and pixels; give one of them.")


@dataclass(frozen=True, slots=True)
class AnnotatedSource:
    """A source that a reader has understood; its images are read one at a time, when they are asked for.

    Attributes:
        name: A name for the data set.
        classes: The classes of its cells, in label order.
        licence: Licence of images and annotations, in words.
        origin: Where they come from, in words.
        total: Number of images.
        images: The images; reading one may raise a :class:`cellweave.core.CellweaveError`.
        notes: What the user should know: parts that are not there or were left out. One sentence each.
    """

    name: str
    classes: tuple[CellClass, ...]
    licence: str
    origin: str
    total: int
    images: Iterator[ImportedImage]
    notes: tuple[str, ...]
