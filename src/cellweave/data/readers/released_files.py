"""Finding images and annotations in unpacked releases: which there are, which belong together, their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from cellweave.core import DatasetError
from cellweave.data.dataset import SPLITS
from cellweave.data.readers.natural_order import natural_order

SPLIT_FOLDERS = {
    "train": "training",
    "training": "training",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""What releases call the folders of their splits, in lower case."""


def files_below(source: Path, *suffixes: str) -> list[Path]:
    """Return the files with one of the endings (lower case) anywhere below a folder, their numbers in order.

    Raises:
        DatasetError: It is not a folder.
    """
    if not source.is_dir():
        raise DatasetError(f"{source} is not a folder; give the folder that the release was unpacked into.")
    found = [
        path
        for path in source.rglob("*")
        if path.suffix.lower() in suffixes
        and path.is_file()
        and not any(part.startswith((".", "__")) for part in path.relative_to(source).parts)
    ]
    return sorted(found, key=lambda path: natural_order(path.relative_to(source).as_posix()))


def split_of(file: Path, source: Path) -> str:
    """Return the split that a file's folder is named after.

    Raises:
        DatasetError: No folder between ``source`` and the file is.
    """
    for folder in reversed(file.relative_to(source).parts[:-1]):
        if folder.lower() in SPLIT_FOLDERS:
            return SPLIT_FOLDERS[folder.lower()]
    raise DatasetError(
        f"{file} lies in no folder of a split ({', '.join(SPLIT_FOLDERS)}); give the folder that holds those."
    )


def paired(
    images: Sequence[Path], annotations: Sequence[Path], key: Callable[[Path], Hashable]
) -> list[tuple[Path, Path]]:
    """Return every image with its annotation, in the order of the images.

    Args:
        images: Image files.
        annotations: Annotation files.
        key: What an image and its annotation have in common.

    Raises:
        DatasetError: A file has no partner, or shares it with another.
    """
    of_image, of_annotation = _by_key(images, key), _by_key(annotations, key)
    for one, others, what in ((of_image, of_annotation, "annotation"), (of_annotation, of_image, "image")):
        alone = [file for shared, file in one.items() if shared not in others]
        if alone:
            raise DatasetError(f"{alone[0]} has no {what}; copy it from the release, or remove this file.")
    return [(image, of_annotation[shared]) for shared, image in of_image.items()]


def distinct_names(files: Sequence[Path], source: Path) -> list[str]:
    """Return a name for every image: that of its file, with those of its folders where several files share it.

    Example:
        >>> distinct_names([Path("s/a/1.png"), Path("s/b/1.png"), Path("s/b/2.png")], Path("s"))
        ['a_1', 'b_1', '2']
    """
    count = Counter(file.stem for file in files)
    return [
        file.stem if count[file.stem] == 1 else "_".join(file.relative_to(source).with_suffix("").parts)
        for file in files
    ]


def note_missing_splits(splits: Sequence[str], expected: Sequence[str] = SPLITS) -> list[str]:
    """Return a sentence for every expected split without an image."""
    return [f"There is no {split} split." for split in expected if split not in splits]


def _by_key(files: Sequence[Path], key: Callable[[Path], Hashable]) -> dict[Hashable, Path]:
    found: dict[Hashable, Path] = {}
    for file in files:
        other = found.setdefault(key(file), file)
        if other != file:
            raise DatasetError(f"{file} and {other} are called the same; remove one of them.")
    return found
