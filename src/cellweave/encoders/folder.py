"""Reading the folder of an encoder: what is wrong with it is told in one line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from cellweave.core import ModelFolderError

WEIGHTS, ABOUT, CARD = "encoder.safetensors", "encoder.json", "README.md"


@contextmanager
def encoder_folder(
    folder: str | os.PathLike[str] | None, *, shipped: str, tool: str, version: tuple[str, int]
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Give the folder of an encoder and the content of its ``encoder.json`` to a block that builds the encoder of them.

    Args:
        folder: The folder; None: the shipped one.
        shipped: Name of the shipped one.
        tool: Program that makes such folders.
        version: Name and number of the format.

    Raises:
        ModelFolderError: The folder is not complete, damaged, or of another version; also where the block finds it so.
    """
    place = Path(str(resources.files("cellweave.weights"))) / shipped if folder is None else Path(folder)
    try:
        about: dict[str, Any] = json.loads((place / ABOUT).read_text(encoding="utf-8"))
        if (about["format"], about["version"]) != version:
            raise ModelFolderError(
                f"{place} is of format {about['format']!r}, version {about['version']!r}; this program reads "
                f"{version[0]!r}, version {version[1]}."
            )
        yield place, about
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        if isinstance(error, ModelFolderError):
            raise
        reason = str(error).strip().splitlines()[0]
        remedy = "install cellweave again" if folder is None else f"give a folder made by {tool}"
        raise ModelFolderError(f"{place} holds no {shipped.replace('-', ' ')} ({reason}); {remedy}.") from error
