"""Encoders that a user brings as a TorchScript file: Inception, or another network."""

from __future__ import annotations

import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from cellweave.core import InvalidInputError, ModelFolderError
from cellweave.encoders.image_encoder import INPUT_PX, WHAT_IS_READ, Patches, PatchFeatures, require_patches

_BATCH = 32


class TorchScriptEncoder:
    """Features of a TorchScript module that takes float32 (N, 3, 299, 299), grey levels from 0 to 255.

    A module whose ``forward`` has the argument ``return_features``, as the Inception file of the FID of StyleGAN has,
    is asked for features; the output of any other is taken as features, or, if it is two, as features and logits of
    classes. Without logits there is no IS.

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
        """Return the features of patches, uint8 (N, 64, 64, 3), and the logits where the module gives them, too.

        Raises:
            InvalidInputError: The patches are of another shape, or the module cannot take them or gives no features.
        """
        require_patches(patches)
        parts: list[tuple[torch.Tensor, ...]] = []
        with torch.inference_mode():
            for start in range(0, max(1, len(patches)), _BATCH):
                levels = torch.from_numpy(patches[start : start + _BATCH].transpose(0, 3, 1, 2).copy()).float()
                large = F.interpolate(levels, size=(INPUT_PX, INPUT_PX), mode="bilinear", align_corners=False)
                try:
                    output = self._module(large, **self._options)
                except RuntimeError as error:
                    reason = str(error).strip().splitlines()[-1]
                    raise InvalidInputError(f"{self._path} cannot take patches ({reason}); {WHAT_IS_READ}") from error
                parts.append(self._checked(output, len(levels)))
        features, *logits = (torch.cat(one).numpy() for one in zip(*parts, strict=True))
        return PatchFeatures(features, logits[0] if logits else None)

    def _checked(self, output: Any, count: int) -> tuple[torch.Tensor, ...]:
        """Return features, or features and logits, of so many patches."""
        given = output if isinstance(output, tuple) else (output,)
        if len(given) > 2 or not all(
            isinstance(one, torch.Tensor) and one.ndim == 2 and len(one) == count for one in given
        ):
            raise InvalidInputError(f"{self._path} gives no features (N, F); {WHAT_IS_READ}")
        return tuple(one.float() for one in given)
