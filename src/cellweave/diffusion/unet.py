"""The U-Net of the diffusion models, after Dhariwal and Nichol (ADM)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from cellweave.core import InvalidInputError
from cellweave.diffusion.blocks import (
    Context,
    GroupNorm,
    LevelEmbedding,
    NormFactory,
    ResidualBlock,
    SelfAttention,
    zeroed,
)
from cellweave.diffusion.spade import SpatiallyAdaptiveNorm

Conditioning = Literal["concatenate", "spade"]
"""How a condition enters the network: beside the noisy data, or through the norms of middle and decoder."""

Kept = dict[nn.Module, tuple[Tensor, Tensor]]
"""Scales and shifts that the norms of a network made of one condition; empty before they have."""


@dataclass
class DeepFeatures:
    """What all levels of a network but the finest made of noisy data; None before they have."""

    features: Tensor | None = None


_MOST_LEVELS = 8
_LARGEST_WIDTH = 4096


class DiffusionUNetRecipe(BaseModel):
    """Shape of the network.

    Attributes:
        widths: Channels of every level, finest first, multiples of 8; each level halves the resolution.
        blocks: Residual blocks a level.
        attention_levels: Levels with self-attention, counted from 0, the finest. The middle of the network has it
            wherever any level has.
        head_channels: Channels a head of the attention.
        dropout: In the residual blocks.
        fold: Side of the squares of pixels that are folded into channels before the first level, which divides the
            cost by its square.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    widths: tuple[int, ...] = (64, 96, 128, 192)
    blocks: int = Field(default=2, ge=1, le=16)
    attention_levels: tuple[int, ...] = (2, 3)
    head_channels: int = Field(default=64, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    fold: int = Field(default=1, ge=1, le=8)

    @model_validator(mode="after")
    def _consistent(self) -> DiffusionUNetRecipe:
        if not 1 <= len(self.widths) <= _MOST_LEVELS:
            raise ValueError(f"there must be 1 to {_MOST_LEVELS} widths, one a level")
        if any(width % 8 or not 8 <= width <= _LARGEST_WIDTH for width in self.widths):
            raise ValueError(f"widths must be multiples of 8, up to {_LARGEST_WIDTH}")
        for level in self.attention_levels:
            if not 0 <= level < len(self.widths):
                raise ValueError(f"attention level {level} is not one of the {len(self.widths)} levels, from 0")
            if self.widths[level] % max(1, self.widths[level] // self.head_channels):
                raise ValueError(
                    f"{self.widths[level]} channels cannot be divided among heads of about {self.head_channels}"
                )
        return self


class DiffusionUNet(nn.Module):
    """A U-Net from noisy data, its noise level and what it is conditioned on to a prediction of the same shape.

    A condition of the data's height and width is concatenated to the noisy data, or seen by spatially-adaptive norms in
    the middle and the decoder alone; the encoder then sees nothing of it. With ``learned_variance`` the second half of
    the output's channels is the variance's place in its range.

    Args:
        recipe: Shape of the network.
        channels: Of the data.
        condition_channels: Of the condition; 0: there is none.
        categories: Number of categories; 0: there are none. Category number ``categories`` is the null category,
            which stands for "any".
        learned_variance: Whether there are channels for the variance.
        conditioning: How the condition enters.

    Raises:
        InvalidInputError: Conditioning by ``spade`` without a condition.

    Source:
        Dhariwal and Nichol 2021, "Diffusion models beat GANs on image synthesis", and its released U-Net: residual
        up- and downsampling, scale-shift norms, attention of 64 channels a head. For the two ways of conditioning, Li
        et al. 2024, section 3.1, and Shrivastava and Fletcher 2023 (NASDM), section 3.4.
    """

    def __init__(
        self,
        recipe: DiffusionUNetRecipe,
        channels: int,
        condition_channels: int = 0,
        categories: int = 0,
        learned_variance: bool = False,
        *,
        conditioning: Conditioning = "concatenate",
    ) -> None:
        super().__init__()
        if conditioning == "spade" and not condition_channels:
            raise InvalidInputError("conditioning by spade needs a condition; give condition_channels.")
        self.conditioning = conditioning
        concatenated = condition_channels if conditioning == "concatenate" else 0
        decoder_norm: NormFactory = GroupNorm
        if conditioning == "spade":
            decoder_norm = partial(SpatiallyAdaptiveNorm, condition_channels=condition_channels)
        self.recipe = recipe
        self.channels, self.condition_channels, self.categories = channels, condition_channels, categories
        self.output_channels = channels * (2 if learned_variance else 1)
        self.stride = recipe.fold * 2 ** (len(recipe.widths) - 1)
        folded = recipe.fold**2
        widths = recipe.widths
        embedding = 4 * widths[0]
        self.level_embedding = LevelEmbedding(widths[0], embedding)
        self.category_embedding = nn.Embedding(categories + 1, embedding) if categories else None

        def block(inputs: int, outputs: int, **options: object) -> ResidualBlock:
            return ResidualBlock(inputs, outputs, embedding=embedding, dropout=recipe.dropout, **options)  # type: ignore[arg-type]

        self.entry = nn.Conv2d((channels + concatenated) * folded, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList()
        skipped = [widths[0]]
        width = widths[0]
        for level, outputs in enumerate(widths):
            for _ in range(recipe.blocks):
                self.encoder.append(self._stage(level, block(width, outputs)))
                width = outputs
                skipped.append(width)
            if level < len(widths) - 1:
                self.encoder.append(_Stage([block(width, width, resample="down")]))
                skipped.append(width)
        self.middle = _Stage(
            [
                block(width, width, norm=decoder_norm),
                *([SelfAttention(width, recipe.head_channels)] if recipe.attention_levels else []),
                block(width, width, norm=decoder_norm),
            ]
        )
        self.decoder = nn.ModuleList()
        for level in reversed(range(len(widths))):
            for number in range(recipe.blocks + 1):
                stage = self._stage(level, block(width + skipped.pop(), widths[level], norm=decoder_norm))
                width = widths[level]
                if number == recipe.blocks and level:
                    stage.append(block(width, width, resample="up", norm=decoder_norm))
                self.decoder.append(stage)
        self.exit_norm = GroupNorm(width)
        self.exit = zeroed(nn.Conv2d(width, self.output_channels * folded, 3, padding=1))

    def _stage(self, level: int, block: ResidualBlock) -> _Stage:
        attends = level in self.recipe.attention_levels
        width = self.recipe.widths[level]
        return _Stage([block, SelfAttention(width, self.recipe.head_channels)] if attends else [block])

    def forward(
        self,
        x_t: Tensor,
        t: Tensor,
        *,
        category: Tensor | None = None,
        condition: Tensor | None = None,
        branches: int = 1,
        kept: Kept | None = None,
        deep: DeepFeatures | None = None,
    ) -> Tensor:
        """Return the prediction, (N, C, H, W), or (N, 2C, H, W) with channels for the variance.

        The same noisy data can be seen under several conditions in one batch. With conditioning by ``spade`` the
        encoder, which sees no condition, runs once for all of these branches.

        Args:
            x_t: Noisy data, (N, C, H, W); H and W are multiples of ``stride``.
            t: Noise levels, (N,).
            category: int64 (N,), 0 to ``categories``, the last for null; None is null for all.
            condition: (branches × N, ``condition_channels``, H, W), branch after branch.
            branches: Number of conditions of each sample; the prediction is (branches × N, ...) then.
            kept: What earlier calls with the very same condition left to be used again; an empty one is filled.
                Only ``spade`` has something to keep.
            deep: What the levels below the finest made of data like these at a noise level nearby, which then do not
                run; empty ones are filled.

        Raises:
            InvalidInputError: A shape does not fit, or a condition or category is given or missing against the
                network's.
        """
        self._check(x_t, category, condition, branches)
        x, given = x_t, condition
        if self.conditioning == "concatenate":
            # the first layer sees the condition: there is nothing that the branches could share
            x, t = _repeated(x, branches), _repeated(t, branches)
            category = None if category is None else _repeated(category, branches)
            x, given, branches = x if given is None else torch.cat([x, given.to(x.dtype)], dim=1), None, 1
        embedding = self._embedded(t, category)
        context = Context(embedding)
        x = self.entry(functional.pixel_unshuffle(x, self.recipe.fold))
        passed = [x]
        finest = self.recipe.blocks
        for stage in self.encoder[:finest]:
            x = stage(x, context)
            passed.append(x)
        shown = Context(_repeated(embedding, branches), given if given is None else given.to(x_t.dtype), kept)
        if deep is None or deep.features is None:
            x = self._deep_features(x, context, shown, branches)
            if deep is not None:
                deep.features = x
        else:
            x = deep.features
        for stage in self.decoder[-finest - 1 :]:
            x = stage(torch.cat([x, _repeated(passed.pop(), branches)], dim=1), shown)
        x = self.exit(functional.silu(self.exit_norm(x)))
        return functional.pixel_shuffle(x, self.recipe.fold)

    def _deep_features(self, x: Tensor, context: Context, shown: Context, branches: int) -> Tensor:
        """Return what all levels but the finest make of its features, (branches × N, C, H, W) of its size."""
        finest, passed = self.recipe.blocks, []
        for stage in self.encoder[finest:]:
            x = stage(x, context)
            passed.append(x)
        x = self.middle(_repeated(x, branches), shown)
        for stage in self.decoder[: -finest - 1]:
            x = stage(torch.cat([x, _repeated(passed.pop(), branches)], dim=1), shown)
        return x

    def _embedded(self, t: Tensor, category: Tensor | None) -> Tensor:
        embedding: Tensor = self.level_embedding(t)
        if self.category_embedding is not None:
            null = torch.full_like(t, self.categories, dtype=torch.int64)
            embedding = embedding + self.category_embedding(null if category is None else category)
        return functional.silu(embedding)

    def _check(self, x_t: Tensor, category: Tensor | None, condition: Tensor | None, branches: int) -> None:
        if x_t.ndim != 4 or x_t.shape[1] != self.channels or any(side % self.stride for side in x_t.shape[2:]):
            raise InvalidInputError(
                f"x_t must be (N, {self.channels}, H, W) with sides that are multiples of {self.stride}, "
                f"got {tuple(x_t.shape)}; pad it."
            )
        expected = (branches * len(x_t), self.condition_channels, *x_t.shape[2:])
        found = None if condition is None else tuple(condition.shape)
        if found != (expected if self.condition_channels else None):
            needed = expected if self.condition_channels else "left out"
            raise InvalidInputError(f"the condition must be {needed}, got {found or 'none'}; it is part of the model.")
        if category is not None and not self.categories:
            raise InvalidInputError("a category is given to a network without categories; leave it out.")


class _Stage(nn.ModuleList):
    """Blocks one after the other, all seeing the context."""

    def forward(self, x: Tensor, context: Context) -> Tensor:
        for block in self:
            x = block(x, context)
        return x


def _repeated(x: Tensor, times: int) -> Tensor:
    """Return a batch so many times over; concatenating keeps the memory format, where repeating would not."""
    return x if times == 1 else torch.cat([x] * times)
