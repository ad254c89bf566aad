"""What the identity of a study says of its recipe, however that was asked for: by another file, by other changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import ValidationError

from cellweave.maps import MAPS
from cellweave.training.recipe import Recipe, changed_values

RECIPE, CHANGES, OF_ARM = "recipe", "changes", "changed"
"""Keys of an identity: the recipe that all arms start from, the changes of it for all arms, and the recipe of one."""


def with_effective_recipe(identity: Mapping[str, Any], recipe_type: type[Recipe] | None) -> dict[str, Any]:
    """Return the identity of a study, or of a trial, with its recipe as it is after the changes, and without them.

    Args:
        identity: JSON, of this version or an earlier one.
        recipe_type: Class of its recipe; None where nobody changes recipes: the identity is returned as it is.

    Raises:
        RecipeError: A change is none.
    """
    if recipe_type is None:
        return dict(identity)
    effective = {key: value for key, value in identity.items() if key != CHANGES}
    if isinstance(identity.get(RECIPE), Mapping):
        effective[RECIPE] = _completed(
            changed_values(recipe_type, identity[RECIPE], identity.get(CHANGES) or ()), recipe_type
        )
    if isinstance(identity.get(OF_ARM), Mapping):
        effective[OF_ARM] = _completed(dict(identity[OF_ARM]), recipe_type)
    return effective


def _completed(values: dict[str, Any], recipe_type: type[Recipe]) -> dict[str, Any]:
    """Return the values of a recipe with what it leaves to defaults."""
    try:
        values = recipe_type.model_validate(values).model_dump(mode="json")
    except ValidationError:
        # an earlier version's recipe, or changes that suit the arms alone, is compared as far as it is written
        values = dict(values)
    target = values.get("target")
    if isinstance(target, Mapping) and target.get("map") in MAPS:
        defaults = {field.name: field.default for field in fields(MAPS[target["map"]]) if field.name != "finder"}
        values["target"] = {**target, "settings": defaults | dict(target.get("settings") or {})}
    return values
