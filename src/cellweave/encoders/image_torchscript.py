"""Encoders that a user brings: Inception, or another network, as a TorchScript file."""

from __future__ import annotations

import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from cellweave.core import InvalidInputError, ModelFolderError
from cellweave.encoders.image_encoder import (
    IN_DOMAIN,
    ImageEncoder,
    PatchEncoder,
    Patches,
    PatchFeatures,
    require_patches,
)

INPUT_PX = 299
"""Side that Inception takes; patches are resized to it."""

_BATCH = 32


class TorchScriptEncoder:
    """Features of a TorchScript module that takes float32 (N, 3, 299, 299), grey levels from 0 to 255.

    A module whose ``forward`` has the argument ``return_features``, as the Inception file of the FID of StyleGAN has,
    is asked for features; the output of any other is taken as features. There are no classes for an IS.

    Args:
        path: The file.

    Raises:
        ModelFolderError: The file is missing or no TorchScript.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        if not (self._path.is_file() and zipfile.is_zipfile(self._path)):
            raise ModelFolderError(f"{path} is no TorchScript file; {WHAT_IS_READ}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # torch.export files would need the same torch
                self._module: Any = torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelFolderError(f"{path} is no TorchScript file ({reason}); {WHAT_IS_READ}") from error
        arguments = [one.name for one in self._module.forward.schema.arguments]
        self._options = {"return_features": True} if "return_features" in arguments else {}

    @property
    def name(self) -> str:
        """What to call it beside its numbers."""
        return f"TorchScript {self._path.name}, patches resized to {INPUT_PX}×{INPUT_PX}"

    def encode(self, patches: Patches) -> PatchFeatures:
        """Return the features of patches, uint8 (N, 64, 64, 3).

        Raises:
            InvalidInputError: The patches are of another shape, or the module cannot take them or gives no features.
        """
        require_patches(patches)
        parts = []
        with torch.inference_mode():
            for start in range(0, max(1, len(patches)), _BATCH):
                levels = torch.from_numpy(patches[start : start + _BATCH].transpose(0, 3, 1, 2).copy()).float()
                large = F.interpolate(levels, size=(INPUT_PX, INPUT_PX), mode="bilinear", align_corners=False)
                try:
                    features = self._module(large, **self._options)
                except RuntimeError as error:
                    reason = str(error).strip().splitlines()[-1]
                    raise InvalidInputError(f"{self._path} cannot take patches ({reason}); {WHAT_IS_READ}") from error
                if not isinstance(features, torch.Tensor) or features.ndim != 2:
                    raise InvalidInputError(f"{self._path} gives no features (N, F); {WHAT_IS_READ}")
                parts.append(features.float())
        return PatchFeatures(torch.cat(parts).numpy(), None)


WHAT_IS_READ = (
    f"give {IN_DOMAIN}, a folder made by tools/train_image_encoder.py, or a TorchScript file that takes float32 "
    f"(N, 3, {INPUT_PX}, {INPUT_PX}) from 0 to 255."
)


def patch_encoder(encoder: str | os.PathLike[str]) -> PatchEncoder:
    """Return the shipped encoder (``in-domain``), that of a folder, or that of a TorchScript file.

    Raises:
        ModelFolderError: There is no such encoder, it is damaged, or of a kind that is not read.
    """
    if os.fspath(encoder) == IN_DOMAIN:
        return ImageEncoder.from_pretrained()
    place = Path(encoder)
    if place.is_dir():
        return ImageEncoder.from_pretrained(place)
    if place.suffix == ".safetensors":
        raise ModelFolderError(f"{place} holds weights without their network, which is not read; {WHAT_IS_READ}")
    return TorchScriptEncoder(place)
