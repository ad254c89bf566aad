"""The Inception network that FIDs are usually measured with, from a file of its weights that a user brings."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from cellweave.core import InvalidInputError, ModelFolderError, sha256_of
from cellweave.encoders.image_encoder import INPUT_PX, WHAT_IS_READ, Patches, PatchFeatures, require_patches

FEATURES, CLASSES = 2048, 1008
"""Lengths of what the network makes of a patch."""

_BATCH = 32

_LANDMARKS = {
    "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
    "Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1),
    "fc.weight": (CLASSES, FEATURES),
    "fc.bias": (CLASSES,),
}
"""Weights that tell this network from the Inceptions of other libraries, which have 1,000 classes."""


class InceptionEncoder:
    """Features and logits of the Inception network of the FID: 2,048 after its last pooling, and 1,008 classes.

    The network is torch-fidelity's, on which torchmetrics' FID, KID and IS rest, too: it resizes patches to 299×299
    pixels itself, as TensorFlow 1 does, and takes levels from 0 to 255. Logits are those without the bias, which an IS
    is usually measured on.

    Args:
        path: ``.pth`` with the weights as pytorch-fid and torch-fidelity name them, or the same as ``.safetensors``.

    Raises:
        ModelFolderError: The file is missing, damaged, of another network, or holds more than weights.
        InvalidInputError: The extra ``inception`` is not installed, or does not work.

    Source:
        Heusel et al. 2017, GANs trained by a two time-scale update rule converge to a local Nash equilibrium; Salimans
        et al. 2016, Improved techniques for training GANs. Network: Szegedy et al. 2016, Rethinking the Inception
        architecture for computer vision, as the TensorFlow graph of 2015-12-05 has it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        weights = inception_weights(self._path)
        self._network = _network_of(weights, self._path)
        self._checksum = sha256_of(self._path)

    @property
    def name(self) -> str:
        """What to call it beside its numbers."""
        checksum = self._checksum[:8]
        return f"Inception {self._path.name} (sha256 {checksum}), patches resized to {INPUT_PX}×{INPUT_PX}"

    def encode(self, patches: Patches) -> PatchFeatures:
        """Return the features and the logits of patches, uint8 (N, 64, 64, 3).

        Raises:
            InvalidInputError: The patches are of another shape or type.
        """
        require_patches(patches)
        features = np.empty((len(patches), FEATURES), np.float32)
        logits = np.empty((len(patches), CLASSES), np.float32)
        with torch.inference_mode():
            for start in range(0, len(patches), _BATCH):
                block = slice(start, start + _BATCH)
                levels = torch.from_numpy(np.ascontiguousarray(patches[block].transpose(0, 3, 1, 2)))
                features[block], logits[block] = (one.numpy() for one in self._network(levels))
        return PatchFeatures(features, logits)


def inception_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of a file by name, read without running anything that it says.

    Raises:
        ModelFolderError: The file is missing, damaged, of another network, or holds more than weights.
    """
    if not path.is_file():
        raise ModelFolderError(f"there is no encoder {path}; {WHAT_IS_READ}")
    try:
        held = load_file(path) if path.suffix == ".safetensors" else _unpickled(path)
    except pickle.UnpicklingError as error:
        raise ModelFolderError(f"{path} is no file of weights alone, so it is not read; {WHAT_IS_READ}") from error
    except (OSError, ValueError, LookupError, RuntimeError, EOFError, SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelFolderError(f"{path} is no file of weights, or damaged ({reason}); {WHAT_IS_READ}") from error
    if not isinstance(held, Mapping) or not all(isinstance(value, Tensor) for value in held.values()):
        raise ModelFolderError(f"{path} does not hold weights by name; {WHAT_IS_READ}")
    weights = {str(name): value for name, value in held.items()}
    for name, shape in _LANDMARKS.items():
        found = tuple(weights[name].shape) if name in weights else "absent"
        if found != shape:
            raise ModelFolderError(
                f"{path} is not of the Inception network of the FID: {name} is {found}, not {shape}; {WHAT_IS_READ}"
            )
    for name, value in weights.items():
        if not bool(value.isfinite().all()):
            raise ModelFolderError(f"{path}: {name} holds NaN or infinity; copy the file again.")
    return weights


def _unpickled(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def inception_network() -> type[nn.Module]:
    """Return the class of the network, from the extra ``inception``.

    Raises:
        InvalidInputError: The extra is not installed, or does not work.
    """
    try:
        return import_module("torch_fidelity").FeatureExtractorInceptionV3  # type: ignore[no-any-return]
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            f"Inception from a file of weights needs {error.name}, which is not installed; pip install "
            "'cellweave[inception]'."
        ) from error
    except (ImportError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InvalidInputError(
            f"torch-fidelity does not work here ({reason}); install the torchvision that was built for torch "
            f"{torch.__version__}."
        ) from error


def _network_of(weights: dict[str, Tensor], path: Path) -> nn.Module:
    whole = io.BytesIO()  # the network's class unpickles what it is given, so that it must be what was read above
    torch.save(weights, whole)
    whole.seek(0)
    try:
        return inception_network()("inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=whole)
    except RuntimeError as error:
        lines = str(error).strip().splitlines()
        reason = lines[min(1, len(lines) - 1)].strip()
        short = reason if len(reason) <= 160 else f"{reason[:160]}…"
        raise ModelFolderError(
            f"{path} is not of the Inception network of the FID ({short}); {WHAT_IS_READ}"
        ) from error
