"""The shipped encoder of patches of stained tissue: features that images are compared in, and classes for scores."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor

from cellweave.core import InvalidInputError
from cellweave.encoders.folder import WEIGHTS, encoder_folder
from cellweave.encoders.image_network import PATCH_PX, ImageNetwork

SHIPPED = "image-encoder"
IN_DOMAIN = "in-domain"
FORMAT, VERSION = "cellweave-image-encoder", 1

WHITENING = "whitening"
"""Its name in the file of the weights."""

_LEAST_VARIANCE = 1e-4

INPUT_PX = 299
"""Side that Inception takes; patches are resized to it."""

WHAT_IS_READ = (
    f"give {IN_DOMAIN}, a folder made by tools/train_image_encoder.py, a TorchScript file that takes float32 "
    f"(N, 3, {INPUT_PX}, {INPUT_PX}) from 0 to 255, or the weights of the FID's Inception (.pth or .safetensors)."
)

BATCH = 256
"""Patches that are encoded at once."""

Patches = npt.NDArray[np.uint8]
"""(N, 64, 64, 3), red, green, blue, 0.5 µm a pixel."""


@dataclass(frozen=True, slots=True, eq=False)
class PatchFeatures:
    """What an encoder says of patches.

    Attributes:
        features: float32 (N, F).
        logits: Of the classes of patches, float32 (N, C); None where the encoder has none.
    """

    features: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32] | None


class PatchEncoder(Protocol):
    """What images can be compared with."""

    @property
    def name(self) -> str:
        """What to call it beside its numbers, with its training data."""
        ...

    def encode(self, patches: Patches) -> PatchFeatures:
        """Return the features of patches, uint8 (N, 64, 64, 3), 0.5 µm a pixel."""
        ...


class ImageEncoder:
    """Features of patches, from a network that learnt classes of cells, and what stays when stain and place vary.

    Args:
        network: The network.
        mean: Mean of every feature over the patches that the encoder was made from, (F,).
        whitening: Matrix that makes them uncorrelated with variance 1 there, (F, F), see :func:`whitening_of`.
        name: What to call it beside its numbers.
    """

    def __init__(self, network: ImageNetwork, *, mean: npt.ArrayLike, whitening: npt.ArrayLike, name: str) -> None:
        self._network = network.float().eval()
        self._mean, self._whitening = np.asarray(mean, np.float32), np.asarray(whitening, np.float32)
        self._name = name

    @property
    def name(self) -> str:
        """What to call it beside its numbers, with its training data."""
        return self._name

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str] | None = None) -> ImageEncoder:
        """Return the encoder of a folder that `tools/train_image_encoder.py` made; None: the shipped one.

        Raises:
            ModelFolderError: The folder is not complete, damaged, or of another version.
        """
        version = (FORMAT, VERSION)
        with encoder_folder(folder, shipped=SHIPPED, tool="tools/train_image_encoder.py", version=version) as found:
            place, about = found
            network = ImageNetwork(len(about["classes"]), about["widths"], about["features"])
            weights = load_file(place / WEIGHTS)
            whitening = weights.pop(WHITENING).numpy()
            network.load_state_dict(weights)
            training = about["training"]
            name = f"in-domain encoder, {training['data']['name']} training images, seed {training['seed']}"
            return cls(network, mean=about["mean"], whitening=whitening, name=name)

    def encode(self, patches: Patches) -> PatchFeatures:
        """Return features with mean 0 and covariance 1 over real patches, and the logits of the classes.

        Patches of real images differ most in what tissue they show; in directions in which these vary little, others
        are told from real ones, and whitening gives all directions the same weight.

        Args:
            patches: uint8 (N, 64, 64, 3), 0.5 µm a pixel; N may be 0.

        Raises:
            InvalidInputError: The patches are of another shape or type.
        """
        features, logits = encode_patches(self._network, patches)
        return PatchFeatures(np.asarray((features - self._mean) @ self._whitening, np.float32), logits)


def whitening_of(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the symmetric matrix that makes features (N, F) uncorrelated with variance 1, (F, F).

    Directions with less than 10⁻⁴ of the largest variance are taken to have that much.
    """
    values, directions = np.linalg.eigh(np.cov(np.asarray(features, np.float64).T))
    values = np.maximum(values, _LEAST_VARIANCE * values[-1])
    return np.asarray((directions / np.sqrt(values)) @ directions.T, np.float32)


def encode_patches(network: ImageNetwork, patches: Patches) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return features (N, F) and logits (N, C) of patches, uint8 (N, 64, 64, 3), some at a time.

    Raises:
        InvalidInputError: The patches are of another shape or type.
    """
    require_patches(patches)
    features = np.empty((len(patches), network.features.out_features), np.float32)
    logits = np.empty((len(patches), network.classes.out_features), np.float32)
    with torch.inference_mode():
        for start in range(0, len(patches), BATCH):
            block = slice(start, start + BATCH)
            features[block], logits[block] = (one.numpy() for one in network(as_input(patches[block])))
    return features, logits


def as_input(patches: Patches) -> Tensor:
    """Return patches, uint8 (N, H, W, 3), as float32 (N, 3, H, W) from 0 to 1."""
    channels_first = np.ascontiguousarray(patches.transpose(0, 3, 1, 2))
    return torch.from_numpy(channels_first).float() / 255


def require_patches(patches: Patches) -> None:
    """Refuse what is no array of patches.

    Raises:
        InvalidInputError: The patches are of another shape or type.
    """
    if patches.ndim != 4 or patches.shape[1:] != (PATCH_PX, PATCH_PX, 3) or patches.dtype != np.uint8:
        raise InvalidInputError(
            f"patches are uint8 (N, {PATCH_PX}, {PATCH_PX}, 3), got {patches.dtype} {patches.shape}; cut them so."
        )
