"""Recipes: complete, named settings of a run, read from YAML and changed by ``--set a.b=value``."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cellweave.core import RecipeError


class Recipe(BaseModel):
    """Base of all recipes: frozen, numbers are finite, and an unknown key is an error.

    Attributes:
        settings_of: For keys that choose among several things, such as ``network.name``, the group of keys that only
            suits the one chosen. Where a change chooses another, those of the recipe's file give way to the defaults.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    settings_of: ClassVar[Mapping[str, str]] = {}


class FitRecipe(Recipe):
    """How any model is fitted.

    Attributes:
        batch_size: Samples a step, over all processes together.
        learning_rate: Highest rate of AdamW.
        weight_decay: Of AdamW; biases and normalisation weights are left out of it.
        warmup_share: Share of the steps in which the rate rises linearly from 0.
        schedule: What follows: half a cosine down to 0, or a constant rate.
        ema_decay: Decay of the averaged weights a step; it rises to this value as (1 + step) / (10 + step).
        gradient_clip: Largest norm of the gradient.
        precision: ``fp32``, ``bf16`` (autocast), or ``auto``: bf16 where it is faster.
        checkpoint_every: Steps between checkpoints, a multiple of ``log_every``.
        log_every: Steps between rows of the log.
        workers: Processes that prepare samples; None means none on a CPU, up to 8 beside a GPU.
        compile: Compile the network by ``torch.compile``, for faster steps after a first one of a minute or more, which
            a budget in minutes does not foresee. It changes numbers by rounding only and is no part of what is stored:
            a run goes on with it or without.
    """

    batch_size: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    warmup_share: float = Field(default=0.03, ge=0, lt=1)
    schedule: Literal["cosine", "constant"] = "cosine"
    ema_decay: float = Field(default=0.998, ge=0, lt=1)
    gradient_clip: float = Field(default=1.0, gt=0)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    checkpoint_every: int = Field(default=250, ge=1)
    log_every: int = Field(default=25, ge=1)
    workers: int | None = Field(default=None, ge=0)
    compile: bool = Field(default=False, exclude=True)


RecipeT = TypeVar("RecipeT", bound=Recipe)


def list_recipes(kind: str) -> list[str]:
    """Return the names of the shipped recipes of a kind of model, for instance ``"locator"``."""
    folder = resources.files("cellweave.recipes").joinpath(kind)
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


# dates that do not exist and numbers of thousands of digits are ValueErrors of the constructors
_YAML_ERRORS = (yaml.YAMLError, ValueError, RecursionError)

_SHOWN_CHARACTERS = 80


def shortened(text: str) -> str:
    """Return a text, cut where it is too long for a message of one line."""
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def load_recipe(
    recipe_type: type[RecipeT], kind: str, name_or_path: str | os.PathLike[str], changes: Sequence[str] = ()
) -> RecipeT:
    """Read a recipe and apply changes.

    Args:
        recipe_type: The recipe's class.
        kind: Folder of the shipped recipes, for instance ``"locator"``.
        name_or_path: Name of a shipped recipe, or path of a YAML file.
        changes: Each ``"a.b=value"``, the value in YAML.

    Raises:
        RecipeError: There is no such recipe, it is not YAML, or a key or value does not fit.
    """
    text, where = _recipe_text(kind, name_or_path)
    try:
        values = yaml.safe_load(text) or {}
    except _YAML_ERRORS as error:
        raise RecipeError(f"{where} is not valid YAML ({str(error).splitlines()[0]}).") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{where} must hold keys and values, it holds a {type(values).__name__}.")
    _apply_all(recipe_type, values, changes)
    try:
        return recipe_type.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"{where}: {first_misfit(error)}; correct it.") from error


def changed_values(recipe_type: type[Recipe], values: Mapping[str, Any], changes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the values of a recipe as they are after changes, those of an earlier version's recipe included.

    Args:
        recipe_type: The recipe's class.
        values: Of the recipe, by key; they are not checked, and need not be those of a recipe of today.
        changes: As for :func:`load_recipe`.

    Raises:
        RecipeError: A change is none, or is one of a key within a value.
    """
    changed = copy.deepcopy(dict(values))
    _apply_all(recipe_type, changed, changes)
    return changed


def first_misfit(error: ValidationError) -> str:
    """Return the first thing that does not fit a recipe, in words."""
    first = error.errors()[0]
    reason = first["msg"].removeprefix("Value error, ")
    key = ".".join(str(part) for part in first["loc"])
    return f"{key} = {first.get('input')!r} does not fit: {reason}" if key else reason


def _recipe_text(kind: str, name_or_path: str | os.PathLike[str]) -> tuple[str, str]:
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        try:
            return path.read_text(encoding="utf-8"), str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"recipe {path} cannot be read ({error}).") from error
    shipped = list_recipes(kind)
    if str(name_or_path) not in shipped:
        raise RecipeError(
            f"there is no recipe {str(name_or_path)!r} of kind {kind!r}; there are {shipped}, or give a .yaml file."
        )
    text = resources.files("cellweave.recipes").joinpath(kind, f"{name_or_path}.yaml").read_text(encoding="utf-8")
    return text, f"recipe {name_or_path}"


def _apply_all(recipe_type: type[Recipe], values: dict[str, Any], changes: Sequence[str]) -> None:
    parsed = [_parse(change) for change in changes]
    for key, value, _ in parsed:
        _leave_to_defaults(values, recipe_type.settings_of.get(".".join(key)), key, value)
    for key, value, change in parsed:
        _apply(values, key, value, change)


def _parse(change: str) -> tuple[list[str], Any, str]:
    """Return key, value and text of a change."""
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"a change of a recipe has the form a.b=value, got {change!r}.")
    try:
        return key.strip().split("."), yaml.safe_load(text), change
    except _YAML_ERRORS as error:
        raise RecipeError(f"the value of {shortened(change)!r} is not valid YAML.") from error


def _leave_to_defaults(values: dict[str, Any], settings: str | None, key: list[str], value: object) -> None:
    """Remove the settings that a recipe's file gives for another choice than the wanted one."""
    group, chosen = values.get(key[0]), key[-1]
    if settings is None or not isinstance(group, dict) or group.get(chosen, value) == value:
        return
    if settings == key[0]:
        values[key[0]] = {}
    else:
        group.pop(settings.rpartition(".")[-1], None)


def _apply(values: dict[str, Any], key: list[str], value: object, change: str) -> None:
    *parents, last = key
    inner = values
    for parent in parents:
        inner = inner.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"{change!r} cannot be applied: {parent!r} is a value, not a group of keys.")
    inner[last] = value
