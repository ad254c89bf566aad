"""How much the error at each noise level counts in the simple term of the loss."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from cellweave.diffusion.process import DiffusionProcess

WeightingName = Literal["uniform", "p2", "min-snr", "velocity"]

_MIN_SNR_GAMMA = 5.0
_VELOCITY_GAMMA = 10.0


class WeightingRecipe(BaseModel):
    """A weighting of noise levels.

    Attributes:
        name: ``uniform``: the squared error of the network's own target, unweighted; ``p2``: that of the noise times
            ``1 / (k + SNR) ** gamma``; ``min-snr``: that of the data times ``min(SNR, gamma)``; ``velocity``: that of
            the data times ``min(SNR + 1, gamma)``, which is the squared error of v, held down where there is
            little noise. The last three mean the same objective whatever the network predicts.
        k: Of ``p2``.
        gamma: None takes 1 for ``p2`` and 5 for ``min-snr``, their papers' values, and 10 for ``velocity``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: WeightingName = "p2"
    k: float = Field(default=1.0, ge=0)
    gamma: float | None = Field(default=None, ge=0)


def level_weights(process: DiffusionProcess, t: Tensor, weighting: WeightingRecipe | WeightingName) -> Tensor:
    """Return the factor on the squared error of the network's target at noise levels, float32 (N,).

    An error of the noise is ``SNR`` times, one of v is ``SNR + 1`` times the error of the data (squares), by which
    the weights of all but ``uniform`` are carried over to what the network predicts.

    Args:
        process: Gives SNR and prediction.
        t: Noise levels, int64 (N,).
        weighting: A recipe, or the name of one with its defaults.

    Source:
        Choi et al. 2022 (P2), Eq. 8; Hang et al. 2023 (Min-SNR), section 3.4; Salimans and Ho 2022, section 4, for
        ``velocity`` ("SNR + 1").
    """
    recipe = WeightingRecipe(name=weighting) if isinstance(weighting, str) else weighting
    snr = process.snr(t)
    if recipe.name == "uniform":
        return torch.ones_like(snr)
    if recipe.name == "p2":
        on_data = snr * (recipe.k + snr) ** -(1.0 if recipe.gamma is None else recipe.gamma)
    elif recipe.name == "min-snr":
        on_data = snr.clamp(max=_MIN_SNR_GAMMA if recipe.gamma is None else recipe.gamma)
    else:
        on_data = (snr + 1).clamp(max=_VELOCITY_GAMMA if recipe.gamma is None else recipe.gamma)
    if process.recipe.prediction == "epsilon":
        return on_data / snr
    return on_data / (snr + 1) if process.recipe.prediction == "v" else on_data
