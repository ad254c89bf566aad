"""The diffusion network of a layout model that is told how many cells of every class to make."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cellweave.core import InvalidInputError
from cellweave.diffusion import DeepFeatures, DiffusionUNet, DiffusionUNetRecipe

FREQUENCIES = (1.0, 2.0, 4.0, 8.0)
"""Of the waves over standardised logarithms of counts; the shortest tells counts apart that differ by some percent."""


class CountEmbedding(nn.Module):
    """Counts as a vector: their standardised logarithms, and waves over them, through two linear layers.

    Args:
        numbers: Logarithms that are told.
        width: Of the vector.
    """

    def __init__(self, numbers: int, width: int) -> None:
        super().__init__()
        self.numbers = numbers
        features = numbers * (1 + 2 * len(FREQUENCIES)) + 1
        self.layers = nn.Sequential(nn.Linear(features, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, told: Tensor) -> Tensor:
        """Return vectors (N, width) of what is told, (N, ``numbers`` + 1): logarithms, then 1, or 0 for nothing."""
        logs, given = told[:, :-1].float(), told[:, -1:].float()
        angles = logs[:, :, None] * logs.new_tensor(FREQUENCIES)
        features = torch.cat([logs, angles.sin().flatten(1), angles.cos().flatten(1)], dim=1)
        vectors: Tensor = self.layers(torch.cat([features * given, given], dim=1))
        return vectors


class CountedUNet(DiffusionUNet):
    """A U-Net whose condition is the number of cells of every class.

    The condition has shape (N, C + 2, 1, 1), as :meth:`cellweave.layouts.TrainingCounts.told` says it, and enters as
    the noise level does. A condition of zeros, or none, asks for nothing, so the network can be guided.

    Args:
        recipe: Shape of the network.
        channels: Of the data.
        classes: C, the number of classes that are counted.
        learned_variance: Whether there are channels for the variance.

    Source:
        Exact counts in place of the counting categories of Li et al. 2024 (layout generation), §3.1; they enter as
        classes do in Dhariwal and Nichol 2021 (ADM).
    """

    def __init__(
        self, recipe: DiffusionUNetRecipe, channels: int, *, classes: int, learned_variance: bool = False
    ) -> None:
        super().__init__(recipe, channels, learned_variance=learned_variance)
        self.numbers = classes + 1
        self.count_embedding = CountEmbedding(self.numbers, 4 * recipe.widths[0])

    def forward(
        self,
        x_t: Tensor,
        t: Tensor,
        *,
        category: Tensor | None = None,
        condition: Tensor | None = None,
        branches: int = 1,
        kept: object = None,
        deep: DeepFeatures | None = None,
    ) -> Tensor:
        """Return the prediction; see :meth:`cellweave.diffusion.DiffusionUNet.forward`.

        Raises:
            InvalidInputError: A shape does not fit, or a category is given.
        """
        if category is not None:
            raise InvalidInputError("a category is given to a network that is told counts; leave it out.")
        expected = (branches * len(x_t), self.numbers + 1, 1, 1)
        if condition is not None and tuple(condition.shape) != expected:
            raise InvalidInputError(f"the condition must be {expected}, counts, got {tuple(condition.shape)}.")
        told = x_t.new_zeros(expected[:2]) if condition is None else condition.flatten(1)
        return super().forward(torch.cat([x_t] * branches), torch.cat([t] * branches), category=told, deep=deep)

    def _embedded(self, t: Tensor, category: Tensor | None) -> Tensor:
        assert category is not None  # what is told stands in its place
        embedding: Tensor = self.level_embedding(t)
        return functional.silu(embedding + self.count_embedding(category))

    def _check(self, x_t: Tensor, category: Tensor | None, condition: Tensor | None, branches: int) -> None:
        super()._check(x_t, None, condition, branches)
