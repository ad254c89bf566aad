"""Outputs that are either whole or absent, and checksums."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from cellweave.core.errors import OutputError


def _partial_name(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial-{uuid.uuid4().hex[:8]}")


def _explain(target: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(f"{target} cannot be written ({reason}); choose another output path.")


def _place(target: Path) -> Path:
    """Return where an output really goes: behind symbolic links, so that links survive their target's replacement."""
    try:
        place = Path(os.path.realpath(target))
        around = Path.cwd().is_relative_to(place)
        os.fspath(place).encode()
    except OSError as error:  # the working folder has been removed
        raise _explain(target, error) from error
    except UnicodeEncodeError as error:
        raise OutputError(f"{target} is not UTF-8, as other programs expect; choose another output path.") from error
    if around:
        raise OutputError(f"{target} is the folder you are in, or holds it; give the path of an output of its own.")
    return place


@contextmanager
def atomic_file(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``target`` that replaces it when the block ends well, and is removed otherwise.

    Parent folders are made.

    Raises:
        OutputError: The place cannot be written.
    """
    target = Path(target)
    place = _place(target)
    partial = _partial_name(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir():
            raise OutputError(f"{target} is a folder where a file is to be written; choose another output path.")
        partial.touch()
    except OutputError:
        raise
    except OSError as error:
        raise _explain(target, error) from error
    try:
        yield partial
        os.replace(partial, place)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise _explain(target, error) from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(
    target: str | os.PathLike[str], *, overwrite: bool = False, own: Collection[str] | None = None
) -> Iterator[Path]:
    """Yield an empty temporary folder beside ``target`` that becomes ``target`` when the block ends well.

    Args:
        target: The folder to make.
        overwrite: Replace an existing folder; without it a non-empty one is an error.
        own: Names that may stand in a folder that is replaced; anything else in it is a user's and an error. None
            replaces whatever is there.

    Raises:
        OutputError: The place cannot be written, or holds something already.
    """
    target = Path(target)
    place = _place(target)
    partial = _partial_name(place)
    try:
        if target.exists() and not target.is_dir():
            raise OutputError(f"{target} is a file where a folder is to be written; choose another output path.")
        if target.is_dir() and any(target.iterdir()) and not overwrite:
            raise OutputError(f"{target} exists and is not empty; choose another output folder or pass --overwrite.")
        strange = [path.name for path in target.iterdir() if path.name not in own] if own and target.is_dir() else []
        if strange:
            raise OutputError(
                f"{target} holds {min(strange)!r}, which no such output has, so it is not replaced; "
                "choose another output folder."
            )
        partial.mkdir(parents=True)
    except OutputError:
        raise
    except OSError as error:
        raise _explain(target, error) from error
    try:
        yield partial
        try:
            _replace_folder(partial, place)
        except OSError as error:
            raise _explain(target, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _replace_folder(partial: Path, place: Path) -> None:
    if not place.exists():
        os.replace(partial, place)
        return
    retired = _partial_name(place)
    os.replace(place, retired)
    try:
        os.replace(partial, place)
    except OSError:
        os.replace(retired, place)
        raise
    shutil.rmtree(retired)


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
