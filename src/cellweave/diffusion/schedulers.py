"""The samplers, which are schedulers of diffusers, on the noise levels that a recipe picks."""

from __future__ import annotations

import warnings
from typing import Any, Literal, Self, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from cellweave.core import InvalidInputError
from cellweave.diffusion.process import DiffusionProcess, ProcessRecipe


class SamplerRecipe(BaseModel):
    """How samples are drawn.

    Attributes:
        name: ``ddpm`` (ancestral, with the learned variance where there is one), ``ddim``, ``dpm-solver++`` or
            ``unipc`` (both second order, multistep; the latter corrects each step by the next call of the network).
        steps: Noise levels visited, at most those of the process; each costs one call of the network.
        eta: Of ``ddim``: noise added a step, from 0 (none) to 1 (as much as the posterior's).
        clip: Whether what the network predicts of the data is clipped to the process's ``clip_x0``.
        timestep_spacing: Which levels are visited: ``trailing``: even, with the noisiest; ``leading``: even, with the
            cleanest; ``linspace``: even between both.
        level_power: Of ``trailing``: the share of T of the k-th cleanest of n levels is (k / n) to this power. Below 1
            steps are shorter where noise is strong, which is where the plan of a sample is decided.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["ddpm", "ddim", "dpm-solver++", "unipc"] = "ddim"
    steps: int = Field(default=100, ge=1)
    eta: float = Field(default=0.0, ge=0, le=1)
    clip: bool = True
    timestep_spacing: Literal["trailing", "leading", "linspace"] = "trailing"
    level_power: float = Field(default=1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _power_is_of_trailing(self) -> Self:
        if self.level_power != 1 and self.timestep_spacing != "trailing":
            raise ValueError(f"level_power needs the spacing 'trailing', got '{self.timestep_spacing}'")
        return self

    def with_steps(self, steps: int) -> Self:
        """Return the same sampler with another number of steps."""
        return self.model_copy(update={"steps": steps})

    def whole(self) -> Self:
        """Return the same sampler with the whole network in every step."""
        return self

    def named(self, name: str) -> Self:
        """Return the sampler of another name, with even levels and the whole network in every step."""
        return self.whole().model_copy(update={"name": name, "level_power": 1.0})


SamplerT = TypeVar("SamplerT", bound=SamplerRecipe)


def refuse_more_steps(sampler: SamplerRecipe, process: ProcessRecipe) -> None:
    """Make sure that a sampler can run on a process.

    Raises:
        InvalidInputError: It takes more steps than the process has.
    """
    if sampler.steps > process.steps:
        raise InvalidInputError(
            f"a sampler takes at most the {process.steps} steps of its process, got {sampler.steps}; take fewer."
        )


def sampling_levels(process: DiffusionProcess, recipe: SamplerRecipe) -> Tensor:
    """Return the noise levels that a sampler visits, int64 (steps,), noisiest first.

    Raises:
        InvalidInputError: The sampler takes more steps than the process has.
    """
    refuse_more_steps(recipe, process.recipe)
    total, steps = process.steps, recipe.steps
    levels: npt.NDArray[np.float64]
    if recipe.timestep_spacing == "trailing":
        number = np.arange(steps)
        share = (steps - number) / steps
        levels = np.round((steps - number) * total / steps * share ** (recipe.level_power - 1)) - 1
        levels = np.minimum.accumulate(levels + number) - number  # no level twice, where steps are nearly as many
    elif recipe.timestep_spacing == "leading":
        levels = np.arange(steps)[::-1] * np.floor(total / steps)
    else:
        levels = np.round(np.linspace(total - 1, 0, steps))
    return torch.from_numpy(levels.astype(np.int64))


class Sampler:
    """One run of a scheduler from noise to data; make a new one for every batch.

    The scheduler works on the process of the visited levels alone, numbered anew (ADM's "respacing"), because
    diffusers' own spacing assumes step lengths that are wrong where the steps do not divide T. It always gets the
    data as prediction: conversion and clipping are the process's, and the noise that DDIM goes along is that of the
    clipped data, as in ADM. Without a learned variance ``ddpm`` adds the posterior's.

    Args:
        process: The process that the network was trained with.
        recipe: Which sampler.

    Raises:
        InvalidInputError: The sampler takes more steps than the process has.
    """

    def __init__(self, process: DiffusionProcess, recipe: SamplerRecipe) -> None:
        self.process, self.recipe = process, recipe
        self.levels = sampling_levels(process, recipe)
        self._scheduler = _scheduler(process, recipe, self.levels.flip(0))

    def step(self, number: int, output: Tensor, x_t: Tensor, generators: list[torch.Generator]) -> Tensor:
        """Return the data at the next noise level, or free of noise after the last step.

        Args:
            number: Of the step, from 0; steps are taken in order.
            output: Of the network for ``x_t`` at ``levels[number]``, variance included.
            x_t: The noisy data, float32 (N, C, ...).
            generators: One a sample; each draws as often whatever the batch.
        """
        place = self.process.split(output, x_t.shape[1])[1]
        t = self.levels[number].to(x_t.device).expand(len(x_t))
        x0 = self.process.x0_from(output, x_t, t, clip=self.recipe.clip)
        own_level = len(self.levels) - 1 - number
        if self.recipe.name == "ddpm":
            x0 = x0 if place is None else torch.cat([x0, place], dim=1)
            step = self._scheduler.step(x0, own_level, x_t, generator=generators)
        elif self.recipe.name == "ddim":
            step = self._scheduler.step(x0, own_level, x_t, eta=self.recipe.eta, generator=generators)
        else:
            step = self._scheduler.step(x0, own_level, x_t)
        result: Tensor = step.prev_sample
        return result


def _scheduler(process: DiffusionProcess, recipe: SamplerRecipe, levels: Tensor) -> Any:
    """Make the scheduler of the process at ``levels``, cleanest first."""
    from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler

    signal = process.signal[levels]
    before = torch.cat([torch.ones(1, dtype=signal.dtype), signal[:-1]])
    count = len(levels)
    betas = (1 - signal / before).tolist()
    common = {"num_train_timesteps": count, "trained_betas": betas, "prediction_type": "sample"}
    scheduler: Any
    if recipe.name == "ddpm":
        variance = "learned_range" if process.recipe.learned_variance else "fixed_small"
        scheduler = DDPMScheduler(**common, variance_type=variance, clip_sample=False, timestep_spacing="leading")
    elif recipe.name == "ddim":
        scheduler = DDIMScheduler(**common, clip_sample=False, set_alpha_to_one=True, timestep_spacing="leading")
    elif recipe.name == "unipc":
        scheduler = UniPCMultistepScheduler(
            **common, solver_order=2, solver_type="bh2", timestep_spacing="trailing", final_sigmas_type="zero"
        )
    else:
        scheduler = DPMSolverMultistepScheduler(
            **common, algorithm_type="dpmsolver++", solver_order=2, thresholding=False, final_sigmas_type="zero"
        )
    # long steps have betas near 1, of which the scheduler's own float32 product would lose most digits
    scheduler.alphas_cumprod = signal
    with warnings.catch_warnings():
        # the multistep ones call np.array on a tensor, which numpy 2 deprecates
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        if recipe.name == "dpm-solver++":
            scheduler.set_timesteps(timesteps=list(range(count - 1, -1, -1)))
        else:
            scheduler.set_timesteps(count)
    return scheduler
