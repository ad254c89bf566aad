"""Holding samples to the counts that are asked for: the means of their channels are set to what such counts have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from torch import Tensor

from cellweave.core import InvalidInputError
from cellweave.diffusion import DiffusionProcess, NetworkCall

LOWEST_LEVEL = 0.1
"""Noise level, as a share of T, down to which means are set; below it every cell has its place."""

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


class MeanProjection:
    """A network as sampling calls it, whose predicted data have given means in their first channels.

    At every noise level down to :data:`LOWEST_LEVEL` the data that the network predicts are moved, channel by channel,
    by one number. The network then sees noisy data of the right means, and makes them of whole cells. Models whose data
    are clipped learn no means: clipping would undo it.

    Args:
        network: Takes noisy data.
        process: Of the model.
        means: Of the first channels of every sample of the batch, (N, K).
        pad: Padding of the raster, which has no part in the means.

    Source:
        Wang et al. 2023, "Zero-shot image restoration using denoising diffusion null-space model" (DDNM), where what is
        measured, here the means, replaces the predicted data's range-space part.
    """

    def __init__(self, network: NetworkCall, process: DiffusionProcess, means: Tensor, *, pad: int = 0) -> None:
        self.network, self.process, self.means, self.pad = network, process, means, pad

    def __call__(self, x_t: Tensor, t: Tensor, *, category: Tensor | None, condition: Tensor | None) -> Tensor:
        """Return the output (N, C or 2C, H, W) for noisy data (N, C, H, W)."""
        output = self.network(x_t, t, category=category, condition=condition)
        if int(t[0]) < LOWEST_LEVEL * self.process.steps:
            return output
        pad, number = self.pad, self.means.shape[1]
        predicted = self.process.x0_from(output, x_t, t)[:, :number]
        inside = predicted[:, :, pad : predicted.shape[2] - pad, pad : predicted.shape[3] - pad]
        offset = (self.means.to(predicted) - inside.mean(dim=(2, 3)))[:, :, None, None]
        moved = output.float().clone()
        moved[:, :number] += self.process.change_of_output(offset, t)
        return moved
