"""What the localiser minimises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cellweave.core import Cells
from cellweave.localization.recipe import LossRecipe
from cellweave.localization.samples import IGNORED
from cellweave.training import Batch


def class_weights(
    annotated: Sequence[Cells],
    class_count: int,
    balance: float,
    *,
    synthetic: Sequence[Cells] = (),
    share: float = 0.0,
) -> Tensor:
    """Return a weight for each class: its inverse frequency to the power ``balance``, 1 on average over the cells.

    Classes without cells get weight 0.

    Args:
        annotated: Cells of the real images.
        class_count: Number of classes.
        balance: Exponent.
        synthetic: Cells of the synthetic images.
        share: Share of the training crops that are synthetic; frequencies are those of the mixture.
    """
    counts = _class_counts(annotated, class_count)
    if synthetic:
        # Of the mixture, not of the real images alone: a class that only synthetic images show would get weight 0 and
        # never be learnt, and the average weight would leave 1, which shifts the classes against the map.
        others = _class_counts(synthetic, class_count)
        total = counts.sum() + others.sum()
        counts = total * ((1 - share) * _frequencies(counts) + share * _frequencies(others))
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** -balance, 0.0)
    total = float((weights * counts).sum())
    return torch.tensor(weights * counts.sum() / total if total else weights, dtype=torch.float32)


def _class_counts(annotated: Sequence[Cells], class_count: int) -> npt.NDArray[np.float64]:
    counts: npt.NDArray[np.float64] = np.zeros(class_count)
    for cells in annotated:
        counts += np.bincount(cells.labels[cells.labels >= 0], minlength=class_count)
    return counts


def _frequencies(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return counts / max(float(counts.sum()), 1.0)


HUBER_DELTA = 0.1
"""Error of the map, whose peaks are 1, from which on the Huber loss grows linearly."""


class LocatorLoss:
    """Weighted error of the map plus cross-entropy of the classes near annotated cells.

    Args:
        recipe: Weights of the parts.
        weights: Of the classes, float32 (C,).
    """

    def __init__(self, recipe: LossRecipe, weights: Tensor) -> None:
        self.recipe, self.weights = recipe, weights

    def __call__(self, model: nn.Module, batch: Batch, generator: torch.Generator) -> Mapping[str, Tensor]:
        """Return ``loss`` and, where there are classes, its parts ``map`` and ``classes``."""
        heights, logits = model(batch["image"].contiguous(memory_format=torch.channels_last))
        target = batch["heights"]
        on_map = (self._error(heights.float(), target) * (1 + self.recipe.peak_weight * target)).mean()
        if logits.shape[1] == 0:
            return {"loss": on_map}
        weights = self.weights.to(logits.device)
        labels = batch["labels"]
        each = functional.cross_entropy(logits.float(), labels, weights, ignore_index=IGNORED, reduction="sum")
        on_classes = each / (labels != IGNORED).sum().clamp(min=1)
        return {
            "loss": on_map + self.recipe.class_weight * on_classes,
            "map": on_map,
            "classes": on_classes,
        }

    def _error(self, heights: Tensor, target: Tensor) -> Tensor:
        """Return the error of every pixel; twice the Huber loss is the squared error up to ``HUBER_DELTA``."""
        match self.recipe.map:
            case "squared":
                return functional.mse_loss(heights, target, reduction="none")
            case "absolute":
                return functional.l1_loss(heights, target, reduction="none")
            case "huber":
                return 2 * functional.huber_loss(heights, target, reduction="none", delta=HUBER_DELTA)
