"""The Gaussian process that turns data into noise, and what a network may predict to walk it back."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from torch import Tensor

from cellweave.core import InvalidInputError

_LARGEST_BETA = 0.999
_SHORTEST_LINEAR = 21


class ProcessRecipe(BaseModel):
    """Which process, and what the network predicts of it.

    Attributes:
        schedule: ``linear``: the variance added a step rises from 1e-4 to 0.02 at 1000 steps, and in proportion at
            other numbers; ``cosine``: that of Improved DDPM.
        steps: T, the number of noise levels.
        prediction: The network's output: the noise (``epsilon``), the data (``x0``) or the velocity
            ``v = sqrt(abar) * epsilon - sqrt(1 - abar) * x0``.
        learned_variance: Whether the network has a second half of output channels, for the variance of a step back.
        snr_shift: Factor on the signal-to-noise ratio of every level; below 1 it asks for noise where large or
            redundant images need it.
        clip_x0: Largest magnitude of the data, to which sampling clips what the network predicts of it; true stands
            for 1, None or false for no clipping.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schedule: Literal["linear", "cosine"] = "linear"
    steps: int = Field(default=1000, ge=2, le=100_000)
    prediction: Literal["epsilon", "v", "x0"] = "epsilon"
    learned_variance: bool = True
    snr_shift: float = Field(default=1.0, ge=1e-6, le=1e6)
    clip_x0: float | None = Field(default=1.0, gt=0, allow_inf_nan=False)

    @field_validator("clip_x0", mode="before")
    @classmethod
    def _yes_or_no(cls, value: object) -> object:
        if isinstance(value, bool):
            return 1.0 if value else None
        return value

    @model_validator(mode="after")
    def _enough_steps(self) -> ProcessRecipe:
        if self.schedule == "linear" and self.steps < _SHORTEST_LINEAR:
            raise ValueError(f"a linear schedule needs at least {_SHORTEST_LINEAR} steps; take more, or cosine")
        return self


class DiffusionProcess:
    """Noise levels 0 to T - 1, and the algebra between data, noise, noisy data and a network's output.

    Level ``t`` is ``x_t = sqrt(abar_t) * x0 + sqrt(1 - abar_t) * epsilon``. Tables are computed in float64 and used
    in float32. Data has any shape (N, ...); ``t`` is int64 (N,), and results are on its device.

    Args:
        recipe: Schedule and prediction.

    Source:
        Ho et al. 2020 (DDPM); Nichol and Dhariwal 2021 (Improved DDPM); Salimans and Ho 2022 for ``v``; the shift is
        that of Hoogeboom et al. 2023 (simple diffusion), given as the factor itself.
    """

    def __init__(self, recipe: ProcessRecipe) -> None:
        self.recipe = recipe
        self.steps = recipe.steps
        self.signal = _shifted(_cumulative_signal(recipe), recipe.snr_shift)
        """abar, float64 (T,): the share of the variance at a level that is signal."""
        before = torch.cat([torch.ones(1, dtype=torch.float64), self.signal[:-1]])
        self.betas = 1 - self.signal / before
        posterior = self.betas * (1 - before) / (1 - self.signal)
        posterior[0] = posterior[1]  # it is 0 there, and only its logarithm is used
        self._float64 = {
            "root_signal": self.signal.sqrt(),
            "root_noise": (1 - self.signal).sqrt(),
            "snr": self.signal / (1 - self.signal),
            "log_beta": self.betas.log(),
            "log_posterior": posterior.log(),
            "mean_of_x0": before.sqrt() * self.betas / (1 - self.signal),
            "mean_of_x_t": (1 - self.betas).sqrt() * (1 - before) / (1 - self.signal),
        }
        self._tables: dict[torch.device, dict[str, Tensor]] = {}

    def noisy(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Return ``x_t``, the data at noise level ``t``."""
        return self._at("root_signal", t, x0) * x0 + self._at("root_noise", t, x0) * noise

    def target(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Return what the network should predict."""
        if self.recipe.prediction == "epsilon":
            return noise
        if self.recipe.prediction == "x0":
            return x0
        return self._at("root_signal", t, x0) * noise - self._at("root_noise", t, x0) * x0

    def split(self, output: Tensor, channels: int) -> tuple[Tensor, Tensor | None]:
        """Split a network's output into its prediction and, with a learned variance, the variance's place.

        Args:
            output: (N, ``channels``, ...), or twice the channels with a learned variance; any float type.
            channels: Of the data.

        Returns:
            Both float32 (N, ``channels``, ...); the second is None without a learned variance.

        Raises:
            InvalidInputError: The output has another number of channels.
        """
        learned = self.recipe.learned_variance
        expected = channels * (2 if learned else 1)
        if output.shape[1] != expected:
            raise InvalidInputError(
                f"the network's output must have {expected} channels ({channels} of data, variance "
                f"{'learned' if learned else 'fixed'}), it has {output.shape[1]}; "
                f"build it with learned_variance={learned}."
            )
        output = output.float()
        return (output[:, :channels], output[:, channels:]) if learned else (output, None)

    def x0_from(self, output: Tensor, x_t: Tensor, t: Tensor, *, clip: bool = False) -> Tensor:
        """Return the data that a network's output stands for.

        Args:
            output: The network's; channels for the variance are left out.
            x_t: What the network saw.
            t: Its noise level.
            clip: Clip to the recipe's ``clip_x0``.
        """
        output = self._prediction(output, x_t)
        if self.recipe.prediction == "epsilon":
            x0 = (x_t - self._at("root_noise", t, x_t) * output) / self._at("root_signal", t, x_t)
        elif self.recipe.prediction == "v":
            x0 = self._at("root_signal", t, x_t) * x_t - self._at("root_noise", t, x_t) * output
        else:
            x0 = output
        limit = self.recipe.clip_x0
        return x0.clamp(-limit, limit) if clip and limit is not None else x0

    def epsilon_from(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Return the noise that a network's output stands for; see :meth:`x0_from`."""
        output = self._prediction(output, x_t)
        if self.recipe.prediction == "epsilon":
            return output
        if self.recipe.prediction == "v":
            return self._at("root_signal", t, x_t) * output + self._at("root_noise", t, x_t) * x_t
        return self.noise_between(output, x_t, t)

    def change_of_output(self, change: Tensor, t: Tensor) -> Tensor:
        """Return by how much a network's prediction changes, (N, ...), when the data that it stands for change.

        What the network saw, ``x_t``, stays the same.

        Args:
            change: Of the data, (N, ...).
            t: Noise levels.
        """
        if self.recipe.prediction == "x0":
            return change
        change_of_v = -change / self._at("root_noise", t, change)
        return self._at("root_signal", t, change) * change_of_v if self.recipe.prediction == "epsilon" else change_of_v

    def noise_between(self, x0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Return the noise that turns ``x0`` into ``x_t``."""
        return (x_t - self._at("root_signal", t, x_t) * x0) / self._at("root_noise", t, x_t)

    def snr(self, t: Tensor) -> Tensor:
        """Return the signal-to-noise ratio ``abar / (1 - abar)`` of levels, float32 (N,)."""
        return self._table(t.device)["snr"][t]

    def posterior_mean(self, x0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Return the mean of ``x_(t-1)`` given ``x_t`` and ``x0`` (DDPM Eq. 7); at t = 0 it is ``x0``."""
        return self._at("mean_of_x0", t, x0) * x0 + self._at("mean_of_x_t", t, x0) * x_t

    def posterior_log_variance(self, t: Tensor, sample: Tensor) -> Tensor:
        """Return the logarithm of the variance of ``x_(t-1)`` given ``x_t`` and ``x0``, to broadcast over ``sample``.

        At t = 0, where that variance is 0, it is the one of t = 1, as in Improved DDPM.
        """
        return self._at("log_posterior", t, sample)

    def learned_log_variance(self, place: Tensor, t: Tensor) -> Tensor:
        """Return the logarithm of a step's variance from its place in the range of possible ones.

        Args:
            place: (N, ...), -1 for the posterior's variance, 1 for beta, and geometrically between and beyond them
                (Improved DDPM Eq. 15, with the network's output scaled from [-1, 1]).
            t: Noise levels.
        """
        share = (place + 1) / 2
        return share * self._at("log_beta", t, place) + (1 - share) * self._at("log_posterior", t, place)

    def _prediction(self, output: Tensor, x_t: Tensor) -> Tensor:
        return output.float() if output.shape == x_t.shape else self.split(output, x_t.shape[1])[0]

    def _table(self, device: torch.device) -> dict[str, Tensor]:
        if device not in self._tables:
            self._tables[device] = {k: v.to(torch.float32).to(device) for k, v in self._float64.items()}
        return self._tables[device]

    def _at(self, name: str, t: Tensor, sample: Tensor) -> Tensor:
        return self._table(t.device)[name][t].reshape(-1, *[1] * (sample.ndim - 1))


def _cumulative_signal(recipe: ProcessRecipe) -> Tensor:
    steps = recipe.steps
    if recipe.schedule == "linear":
        scale = 1000 / steps
        betas = torch.linspace(1e-4 * scale, 0.02 * scale, steps, dtype=torch.float64)
    else:
        share = torch.arange(steps + 1, dtype=torch.float64) / steps
        curve = torch.cos((share + 0.008) / 1.008 * (math.pi / 2)).square()
        betas = (1 - curve[1:] / curve[:-1]).clamp(max=_LARGEST_BETA)
    return (1 - betas).cumprod(dim=0)


def _shifted(signal: Tensor, factor: float) -> Tensor:
    return factor * signal / (1 - signal + factor * signal)
