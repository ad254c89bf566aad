"""Finding the image file that an annotation speaks of."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from cellweave.core import DatasetError, TableError
from cellweave.data.dataset import is_inside
from cellweave.data.images import IMAGE_SUFFIXES


class ImageFolder:
    """A folder of images, searched by file name with or without ending, or by path relative to the folder.

    Args:
        root: The folder.

    Raises:
        DatasetError: It is not a folder.
    """

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise DatasetError(f"{root} is not a folder; give the folder that holds the images.")
        self.root = root
        self._list = cache(_images_in)

    def all(self) -> list[Path]:
        """Return the images that lie directly in the folder, sorted by name."""
        return self._list(self.root)

    def find(self, name: str, *, file: Path) -> Path:
        """Return the image called ``name``.

        Args:
            name: ``slide-1``, ``slide-1.png`` or ``patient-1/slide-1.png``.
            file: The annotation file that names it, for the message.

        Raises:
            TableError: There is no such image in the folder, or several share the name.
        """
        folder = (self.root / name).parent
        if not is_inside(self.root, os.path.dirname(name)):
            raise TableError(f"{file}: image {name!r} leaves the folder {self.root}; name images inside it.")
        wanted = Path(name).name
        images = self._list(folder)
        found = [path for path in images if path.name == wanted] or [path for path in images if path.stem == wanted]
        if not found:
            raise TableError(
                f"{file}: image {name!r} is not in {self.root} (looked for {', '.join(IMAGE_SUFFIXES)}); "
                "give the folder of the images."
            )
        if len(found) > 1:
            raise TableError(f"{file}: image {name!r} may be {' or '.join(one.name for one in found)}; add the ending.")
        return found[0]


def _images_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
