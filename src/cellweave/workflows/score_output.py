"""The JSON file of scores: where it may be written, told before the work begins."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cellweave.core import OutputError, atomic_file


def require_place(out: str | os.PathLike[str], *read: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Refuse a place for scores that is taken, or in what is read.

    Args:
        out: The file to write.
        read: Data sets and model folders that are read.
        overwrite: Replace ``out`` where it is a file already.

    Raises:
        OutputError: The scores may not be written there.
    """
    place = Path(os.path.realpath(out))
    for one in read:
        if place == Path(os.path.realpath(one)):
            raise OutputError(f"{out} is what is to be read; choose another output path.")
        if place.is_relative_to(os.path.realpath(one)):
            raise OutputError(f"{out} lies in {one}, which is to be read; choose another output path.")
    if place.is_dir():
        raise OutputError(f"{out} is a folder where a file is to be written; choose another output path.")
    if place.exists() and not overwrite:
        raise OutputError(f"{out} exists; choose another output path or pass --overwrite.")


def write_scores(out: str | os.PathLike[str], scores: dict[str, Any]) -> None:
    """Write scores as JSON, whole or not at all.

    Raises:
        OutputError: The place cannot be written.
    """
    with atomic_file(out) as partial:
        partial.write_text(json.dumps(scores, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
