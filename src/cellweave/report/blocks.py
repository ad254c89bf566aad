"""What a section of a report is made of. Text is plain text: the report escapes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from matplotlib.figure import Figure

from cellweave.core import InvalidInputError
from cellweave.data import RgbImage

Cell: TypeAlias = str | int | float | None
"""A cell of a table; numbers are formatted and set flush right, None and NaN are shown as a dash."""

_NUMERIC: tuple[set[type], ...] = ({int}, {float}, {int, float})


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines to be shown as they are, such as commands."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        header: Names of the columns.
        rows: Rows, each as long as the header.
        caption: What the table shows.

    Raises:
        InvalidInputError: A row is not as long as the header.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""

    def __post_init__(self) -> None:
        for i, row in enumerate(self.rows):
            if len(row) != len(self.header):
                raise InvalidInputError(
                    f"rows[{i}] has {len(row)} cells, the header {list(self.header)} has {len(self.header)}."
                )

    @property
    def numeric_columns(self) -> tuple[bool, ...]:
        """Whether a column holds numbers, and besides them only None."""
        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.header)
        return tuple({type(cell) for cell in column} - {type(None)} in _NUMERIC for column in columns)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A figure (embedded as SVG) or an image, uint8 (H, W, 3) (embedded as JPEG or PNG), with its caption."""

    image: Figure | RgbImage
    caption: str


@dataclass(frozen=True, slots=True, eq=False)
class ImageGrid:
    """Images side by side, each with its own caption.

    Attributes:
        images: uint8 (H, W, 3) each.
        captions: One an image.
        columns: Images in a row, 1 to 6.
        caption: What they show together.

    Raises:
        InvalidInputError: Images and captions are not equally many, or ``columns`` is out of range.
    """

    images: Sequence[RgbImage]
    captions: Sequence[str]
    columns: int = field(default=3, kw_only=True)
    caption: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        if len(self.images) != len(self.captions):
            raise InvalidInputError(f"{len(self.images)} images need as many captions, got {len(self.captions)}.")
        if not 1 <= self.columns <= 6:
            raise InvalidInputError(f"an image grid has 1 to 6 columns, got {self.columns}.")


Block: TypeAlias = Heading | Paragraph | Listing | Table | Picture | ImageGrid


@dataclass(frozen=True, slots=True)
class Headline:
    """A number that the report opens with, and what it is."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a report."""

    title: str
    blocks: tuple[Block, ...]
