"""Holding samples to the counts that are asked for while they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cellweave.core import InvalidInputError
from cellweave.diffusion import DiffusionProcess, NetworkCall
from cellweave.maps.codec import Raster

EDITED_LEVEL = 0.7
"""Noise level, as a share of T, below which predicted data show single cells."""

LOWEST_LEVEL = 0.08
"""Noise level, as a share of T, down to which counts are held; below it every cell has its place."""

HOLDING = "means, then edits of cells"
"""Name of what is done; layouts made by another rule are not gone on with."""

_MOST_WEIGHT = 1e6
"""Larger weights are no means of channels of variance 1."""

_UNIT = 30.0
"""Counts are divided by this, so that their squares stay of the size of 1."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelMeans:
    """Means over a raster of the channels of cells, as quadratic functions of the numbers of cells of every class.

    The mean of the channel of peaks is nearly proportional to the number of cells, that of a class's channel to its
    share of the area: over crops of one size they are known from the counts but for what reaches in from outside.

    Attributes:
        weights: Of the terms of the quadratic function, float64 (terms, channels).
    """

    weights: npt.NDArray[np.float64]

    @classmethod
    def fit(cls, counts: npt.ArrayLike, means: npt.ArrayLike) -> Self:
        """Return the functions fitted by least squares.

        Args:
            counts: Cells of every class of some crops, (crops, C).
            means: Of their channels of cells, as data, (crops, channels).
        """
        terms, values = _terms(counts), np.asarray(means, np.float64)
        weights = np.asarray(np.linalg.lstsq(terms, values, rcond=None)[0], np.float64)
        return cls(weights)

    def __call__(self, counts: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return the means, float32 (N, channels), of rasters with counts (N, C)."""
        return np.asarray(_terms(counts) @ self.weights, np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return the functions for ``config.json``."""
        return {"weights": self.weights.tolist()}

    @classmethod
    def from_json(cls, stored: dict[str, Any], *, classes: int, channels: int) -> Self:
        """Return the functions that :meth:`to_json` wrote.

        Raises:
            InvalidInputError: They are not of so many classes and channels, or not finite.
        """
        weights = np.array(stored["weights"], np.float64)
        terms = _terms(np.zeros((1, classes))).shape[1]
        if weights.shape != (terms, channels) or not (np.abs(weights) <= _MOST_WEIGHT).all():
            raise InvalidInputError(
                f"channel_means need finite weights of {terms} terms and {channels} channels, got {weights.shape}."
            )
        return cls(weights)


def _terms(counts: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return 1, the counts, and their products in pairs, (N, terms)."""
    scaled = np.asarray(counts, np.float64) / _UNIT
    first, second = np.triu_indices(scaled.shape[1])
    return np.concatenate([np.ones((len(scaled), 1)), scaled, scaled[:, first] * scaled[:, second]], axis=1)


class CountProjection:
    """A network as sampling calls it, whose predicted data are moved to the nearest ones that show given counts.

    While cells cannot be told one from another, the data of every channel are moved by one number, so that their means
    are those of such counts. From :data:`EDITED_LEVEL` on single cells are edited, where the model has an editor for
    its channels, and the network makes the rest of the layout fit them. Below :data:`LOWEST_LEVEL`, and in the last
    step in any case, nothing is changed: the network has the last word, and a layout may still miss its counts. Models
    whose data are clipped learn no means: clipping would undo it.

    Args:
        network: Takes noisy data.
        process: Of the model.
        means: Of the first channels of every sample of the batch, (N, K).
        last: Noise level of the sampler's last step.
        edit: Takes the number of a sample in the batch and its predicted data, float32 (C, H, W) without padding;
            returns what its first K channels are to be. None: means are set at every level.
        pad: Padding of the raster, which has no part in the counts.

    Source:
        Wang et al. 2023, "Zero-shot image restoration using denoising diffusion null-space model" (DDNM), where what is
        measured, here the counts, replaces the predicted data's part of it.
    """

    def __init__(
        self,
        network: NetworkCall,
        process: DiffusionProcess,
        means: Tensor,
        *,
        last: int,
        edit: Callable[[int, Raster], Raster] | None = None,
        pad: int = 0,
    ) -> None:
        self.network, self.process, self.means = network, process, means
        self.last, self.edit, self.pad = last, edit, pad

    def __call__(self, x_t: Tensor, t: Tensor, *, category: Tensor | None, condition: Tensor | None) -> Tensor:
        """Return the output (N, C or 2C, H, W) for noisy data (N, C, H, W)."""
        output = self.network(x_t, t, category=category, condition=condition)
        level = int(t[0]) / self.process.steps
        if level < LOWEST_LEVEL or int(t[0]) <= self.last:
            return output
        pad, number = self.pad, self.means.shape[1]
        inside = np.s_[pad : x_t.shape[2] - pad, pad : x_t.shape[3] - pad]
        predicted = self.process.x0_from(output, x_t, t)[:, :, *inside].float()
        moved = output.float().clone()
        if self.edit is None or level >= EDITED_LEVEL:
            change = (self.means.to(predicted) - predicted[:, :number].mean(dim=(2, 3)))[:, :, None, None]
            moved[:, :number, *inside] += self.process.change_of_output(change, t)
            return moved
        data = predicted.cpu().numpy()
        edited = np.stack([self.edit(sample, one) for sample, one in enumerate(data)])
        change = torch.from_numpy(edited - data[:, :number]).to(predicted)
        moved[:, :number, *inside] += self.process.change_of_output(change, t)
        return moved
