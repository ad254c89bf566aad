"""Images as coefficients of small patches: what the image model paints in place of pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.data import RgbImage

Coefficients = npt.NDArray[np.float32]
"""Data of the diffusion model, (channels, H / side, W / side)."""

_FITTED_PATCHES = 2_000_000
"""Patches that a basis is fitted to at most, evenly taken, so that many or large images cost no more memory."""


class ImageCodec(Protocol):
    """A way to turn images into the data of a diffusion model, and back."""

    @property
    def side(self) -> int:
        """Of the square of pixels that becomes one point of the data; an image's sides are multiples of it."""
        ...

    @property
    def channels(self) -> int:
        """Of the data."""
        ...

    def encode(self, image: RgbImage) -> Coefficients:
        """Return the data (channels, H / side, W / side) of an image, uint8 (H, W, 3)."""
        ...

    def decode(self, data: npt.ArrayLike) -> RgbImage:
        """Return the image of data, uint8 (H, W, 3)."""
        ...


@dataclass(frozen=True, slots=True)
class Pixels:
    """The image itself, in [-1, 1]."""

    side: int = 1
    channels: int = 3

    def encode(self, image: RgbImage) -> Coefficients:
        """Return float32 (3, H, W) in [-1, 1] of an image, uint8 (H, W, 3)."""
        return np.ascontiguousarray(_to_range(image).transpose(2, 0, 1))

    def decode(self, data: npt.ArrayLike) -> RgbImage:
        """Return the image, uint8 (H, W, 3), of data (3, H, W)."""
        return _to_pixels(np.asarray(data, np.float32).transpose(1, 2, 0))


@dataclass(frozen=True, slots=True, eq=False)
class PatchBasis:
    """The leading principal components of the square patches that an image falls into.

    Of the 48 numbers of a patch of 4×4 pixels of H&E tissue a dozen say all that the eye sees; a diffusion model that
    paints only these neither spends capacity on the others nor leaves grain in them.

    Attributes:
        side: Of a patch, in pixels.
        mean: Of the patches, float64 (3 side²,).
        vectors: Orthonormal columns, float64 (3 side², K), largest variance first.
        gain: What the coefficients are multiplied by to become data, float64 (K,).
        kept: Share of the variance of the patches that it was fitted to which its components hold.

    Raises:
        InvalidInputError: The shapes do not fit, or a number is not finite, or a gain not > 0.
    """

    side: int
    mean: npt.NDArray[np.float64]
    vectors: npt.NDArray[np.float64]
    gain: npt.NDArray[np.float64]
    kept: float = 1.0

    def __post_init__(self) -> None:
        size = 3 * self.side**2
        shapes = (self.mean.shape, self.vectors.shape, self.gain.shape)
        if shapes != ((size,), (size, len(self.gain)), (len(self.gain),)):
            raise InvalidInputError(f"a basis of patches of {self.side} px has no mean, vectors, gain of {shapes}.")
        numbers = np.concatenate([self.mean, self.vectors.ravel(), self.gain])
        if not np.isfinite(numbers).all() or not (self.gain > 0).all():
            raise InvalidInputError("a basis must be finite, and its gains > 0.")

    @property
    def channels(self) -> int:
        """Number of components."""
        return len(self.gain)

    @classmethod
    def fit(cls, images: Iterable[RgbImage], *, side: int, components: int, whitening: float) -> PatchBasis:
        """Return the basis of images.

        Args:
            images: uint8 (H, W, 3); pixels right and below the last whole patch are left out.
            side: Of a patch, in pixels.
            components: K, at most ``3 * side**2``.
            whitening: 0 leaves the components' standard deviations in proportion, 1 makes them equal, between them
                they become this power less: s ** (1 - whitening). The data's mean square is 1 in any case.

        Raises:
            InvalidInputError: There are too few different patches, or too many components.
        """
        size = 3 * side**2
        if not 1 <= components <= size:
            raise InvalidInputError(f"a patch of {side}×{side} pixels has 1 to {size} components, got {components}.")
        rows = [_patches(image, side).reshape(-1, size) for image in images]
        total = sum(len(one) for one in rows)
        step = -(-total // _FITTED_PATCHES) if total else 1
        patches = np.concatenate([one[::step] for one in rows] or [np.zeros((0, size), np.float32)]).astype(float)
        if len(patches) < 2:
            raise InvalidInputError(f"there are {len(patches)} patches of {side}×{side} pixels; a basis needs two.")
        mean = patches.mean(axis=0)
        variances, vectors = np.linalg.eigh(np.cov(patches - mean, rowvar=False))
        spread = np.sqrt(np.maximum(variances[::-1][:components], 0))
        if not spread[-1] > 1e-9:
            raise InvalidInputError(
                f"the images have fewer than {components} components of patches; are they empty? Lower "
                "basis.components."
            )
        vectors = vectors[:, ::-1][:, :components]
        largest = np.abs(vectors).argmax(axis=0)
        vectors = vectors * np.sign(vectors[largest, np.arange(components)])  # signs are free; fix them
        scaled = spread ** (1 - whitening)
        kept = float(variances[::-1][:components].sum() / variances.sum())
        return cls(side, mean, vectors, scaled / spread / np.sqrt(np.mean(scaled**2)), kept)

    def encode(self, image: RgbImage) -> Coefficients:
        """Return the data (K, H / side, W / side) of an image, uint8 (H, W, 3)."""
        patches = _patches(image, self.side) - self.mean.astype(np.float32)
        scaled = patches @ (self.vectors * self.gain).astype(np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))

    def decode(self, data: npt.ArrayLike) -> RgbImage:
        """Return the image, uint8 (H, W, 3), of data (K, H / side, W / side)."""
        points = np.asarray(data, np.float32).transpose(1, 2, 0)
        patches = points @ (self.vectors / self.gain).T.astype(np.float32) + self.mean.astype(np.float32)
        height, width = points.shape[:2]
        square = patches.reshape(height, width, self.side, self.side, 3).transpose(0, 2, 1, 3, 4)
        return _to_pixels(square.reshape(height * self.side, width * self.side, 3))

    def to_json(self) -> dict[str, Any]:
        """Return the basis for ``config.json``."""
        return {
            "side": self.side,
            "mean": self.mean.tolist(),
            "vectors": self.vectors.T.tolist(),
            "gain": self.gain.tolist(),
            "kept": self.kept,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> PatchBasis:
        """Return the basis that :meth:`to_json` wrote."""
        mean, vectors, gain = (np.array(stored[name], float) for name in ("mean", "vectors", "gain"))
        return cls(int(stored["side"]), mean, vectors.T, gain, float(stored["kept"]))


def fold_condition(condition: npt.NDArray[np.float32], side: int) -> npt.NDArray[np.float32]:
    """Return a condition (C, H, W) with squares of ``side`` pixels folded into channels, (C side², H', W')."""
    channels, height, width = condition.shape
    squares = condition.reshape(channels, height // side, side, width // side, side).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(squares.reshape(channels * side**2, height // side, width // side))


def _patches(image: RgbImage, side: int) -> npt.NDArray[np.float32]:
    """Return the patches of an image as rows of numbers in [-1, 1], (H // side, W // side, 3 side²)."""
    height, width = image.shape[0] // side, image.shape[1] // side
    whole = _to_range(image[: height * side, : width * side])
    squares = whole.reshape(height, side, width, side, 3).transpose(0, 2, 1, 3, 4)
    return squares.reshape(height, width, 3 * side**2)


def _to_range(image: RgbImage) -> npt.NDArray[np.float32]:
    return image.astype(np.float32) / np.float32(127.5) - np.float32(1)


def _to_pixels(values: npt.NDArray[np.float32]) -> RgbImage:
    return np.ascontiguousarray(np.clip(np.rint((values + 1) * 127.5), 0, 255).astype(np.uint8))
