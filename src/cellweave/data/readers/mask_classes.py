"""The classes of nuclei in masks: from a table with a row a nucleus, or from masks of class codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from cellweave.core import InvalidInputError, TableError
from cellweave.data.readers.array_files import read_mask
from cellweave.data.readers.image_folder import ImageFolder
from cellweave.data.readers.instance_masks import IntegerArray, Nuclei, labels_of
from cellweave.data.tables import read_csv_text, require_unique_columns

UNKNOWN_CODE = 255
"""In masks of classes: pixels whose class is not known. It may be given a name all the same."""

_COLUMNS = ("image", "instance", "class")


class MaskClasses(Protocol):
    """Where the classes of nuclei come from."""

    @property
    def names(self) -> list[str]:
        """The names of the classes, each once."""

    def labels(self, nuclei: Nuclei, image: Path, classes: Sequence[str]) -> IntegerArray:
        """Return the class of every nucleus of an image as an index into ``classes``, int64 (N,); -1 for none."""


@dataclass(frozen=True, slots=True)
class NoClasses:
    """Nothing is known of classes."""

    names: list[str]

    def labels(self, nuclei: Nuclei, image: Path, classes: Sequence[str]) -> IntegerArray:
        """Return -1 for every nucleus."""
        return np.full(len(nuclei.xy), -1, np.int64)


@dataclass(frozen=True, slots=True)
class TableOfClasses:
    """A table with the columns image, instance and class; nuclei that it lacks or gives no class have none.

    Attributes:
        path: The table.
        by_image: Its rows by image file: instance (int64) and class (text, empty where none is given).
    """

    path: Path
    by_image: Mapping[Path, pd.DataFrame]

    @classmethod
    def read(cls, path: Path, images: ImageFolder) -> TableOfClasses:
        """Read a CSV.

        Raises:
            TableError: It is damaged, lacks a column, or has an instance that is no whole number above 0, or names an
                image that is not there.
        """
        table = read_csv_text(path, expected=f"a table of classes has the columns {', '.join(_COLUMNS)}")
        require_unique_columns(list(table.columns), _COLUMNS, path)
        missing = [name for name in _COLUMNS if name not in table.columns]
        if missing:
            raise TableError(f"{path} lacks the column {missing[0]}; it has {list(table.columns)}.")
        whole = table["instance"].str.fullmatch(r"0*[1-9][0-9]{0,9}").to_numpy(bool)
        if not whole.all():
            row = int(np.argmin(whole))
            raise TableError(
                f"{path}: row {row + 1}: instance is {table['instance'][row]!r}; give a nucleus's number, 1 or more."
            )
        files = {name: images.find(str(name), file=path) for name in table["image"].unique()}
        rows = pd.DataFrame({"instance": table["instance"].astype("int64"), "class": table["class"].str.strip()})
        return cls(path, dict(iter(rows.groupby(table["image"].map(files), sort=False))))

    @property
    def names(self) -> list[str]:
        """The classes that occur."""
        return sorted({name for rows in self.by_image.values() for name in rows["class"]} - {""})

    def labels(self, nuclei: Nuclei, image: Path, classes: Sequence[str]) -> IntegerArray:
        """Return the classes of the rows of an image.

        Raises:
            DatasetError: The table has a nucleus twice, or one that the mask does not have.
        """
        if image not in self.by_image:
            return np.full(len(nuclei.xy), -1, np.int64)
        rows = self.by_image[image]
        codes = {"": 0} | {name: i + 1 for i, name in enumerate(classes)}
        return nuclei.codes_from(rows["instance"].to_numpy(), [codes[name] for name in rows["class"]]) - 1


@dataclass(frozen=True, slots=True)
class MasksOfClasses:
    """Masks with a class code at every pixel: 0 for none, 255 for an unknown one.

    Attributes:
        codes: Name of the class of every code; several may share one.
        files: The mask of classes of every image.
    """

    codes: Mapping[int, str]
    files: Mapping[Path, Path]

    @property
    def names(self) -> list[str]:
        """The classes, in the order of their codes."""
        return list(dict.fromkeys(name for _, name in sorted(self.codes.items())))

    def labels(self, nuclei: Nuclei, image: Path, classes: Sequence[str]) -> IntegerArray:
        """Return the class that most pixels of every nucleus have.

        Raises:
            DatasetError: The mask is damaged, of another size, or has an unknown code.
        """
        file = self.files[image]
        indices = {UNKNOWN_CODE: -1} | {code: classes.index(name) for code, name in self.codes.items()}
        return labels_of(nuclei.codes_of(read_mask(file), file=file), indices, file=file)


def parse_codes(pairs: Sequence[str]) -> dict[int, str]:
    """Return the names of class codes, which are written ``1=tumor``.

    Raises:
        InvalidInputError: One is written otherwise, or is there twice.

    Example:
        >>> parse_codes(["1=tumor", "2=stromal"])
        {1: 'tumor', 2: 'stromal'}
    """
    codes: dict[int, str] = {}
    for pair in pairs:
        code, _, name = (part.strip() for part in pair.partition("="))
        if not (code.isascii() and code.isdigit() and 0 < int(code) <= np.iinfo(np.uint16).max and name):
            raise InvalidInputError(f"class codes are written 1=tumor,2=stromal with codes above 0, got {pair!r}.")
        if int(code) in codes:
            raise InvalidInputError(f"class code {code} is given twice; give it one name.")
        codes[int(code)] = name
    return codes
