"""The encoder of patches that a user names: the shipped one, that of a folder, or Inception from a file."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from cellweave.encoders.image_encoder import IN_DOMAIN, ImageEncoder, PatchEncoder
from cellweave.encoders.image_inception import InceptionEncoder
from cellweave.encoders.image_torchscript import TorchScriptEncoder


def patch_encoder(encoder: str | os.PathLike[str]) -> PatchEncoder:
    """Return the shipped encoder (``in-domain``), that of a folder, of a TorchScript file, or of Inception's weights.

    Raises:
        ModelFolderError: There is no such encoder, it is damaged, or of a kind that is not read.
        InvalidInputError: It is Inception's weights, and the extra ``inception`` is not installed.
    """
    if os.fspath(encoder) == IN_DOMAIN:
        return ImageEncoder.from_pretrained()
    place = Path(encoder)
    if place.is_dir():
        return ImageEncoder.from_pretrained(place)
    return TorchScriptEncoder(place) if _holds_code(place) else InceptionEncoder(place)


def _holds_code(path: Path) -> bool:
    """Return whether a file is an archive of TorchScript; one of weights alone looks alike."""
    if not (path.is_file() and zipfile.is_zipfile(path)):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())
