"""All localiser networks by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BeforeValidator

from cellweave.localization.networks.half_unet import HalfUNetRecipe
from cellweave.localization.networks.interface import NetworkRecipe

AnyNetworkRecipe = HalfUNetRecipe


def _with_name(value: Any) -> Any:
    """Return the settings of a network with its name; models of before there were several have none."""
    return {"name": "half-unet", **value} if isinstance(value, Mapping) else value


AnyNetwork = Annotated[AnyNetworkRecipe, BeforeValidator(_with_name)]
"""Settings of any network, told apart by their ``name``."""

NETWORKS: Mapping[str, type[NetworkRecipe]] = MappingProxyType(
    {recipe.model_fields["name"].default: recipe for recipe in (HalfUNetRecipe,)}
)
"""Recipe of every network, by name."""
