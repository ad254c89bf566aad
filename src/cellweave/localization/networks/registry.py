"""All localiser networks by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, get_args

from pydantic import BeforeValidator, Field

from cellweave.localization.networks.attention_unet import AttentionUNetRecipe
from cellweave.localization.networks.half_unet import HalfUNetRecipe
from cellweave.localization.networks.hovernet import HoverNetRecipe
from cellweave.localization.networks.hrnet import HRNetRecipe
from cellweave.localization.networks.interface import NetworkRecipe
from cellweave.localization.networks.lite_unet import LiteUNetRecipe
from cellweave.localization.networks.mpvit import MPViTRecipe
from cellweave.localization.networks.swin import SwinRecipe
from cellweave.localization.networks.transunet import TransUNetRecipe
from cellweave.localization.networks.u_csrnet import UCSRNetRecipe
from cellweave.localization.networks.unet import UNetRecipe
from cellweave.localization.networks.unext import UNeXtRecipe
from cellweave.localization.networks.vgg16 import Vgg16Recipe

AnyNetworkRecipe = (
    HalfUNetRecipe  # the default comes first
    | AttentionUNetRecipe
    | HoverNetRecipe
    | HRNetRecipe
    | LiteUNetRecipe
    | MPViTRecipe
    | SwinRecipe
    | TransUNetRecipe
    | UNeXtRecipe
    | UCSRNetRecipe
    | UNetRecipe
    | Vgg16Recipe
)


def _by_name(value: Any) -> Any:
    """Return the settings of the network that ``name`` says; models of before there were several have no name."""
    # here and not by the union alone, which would put the name into the key that a message tells the user to correct
    if not isinstance(value, Mapping):
        return value
    name = value.get("name", "half-unet")
    if not isinstance(name, str) or name not in NETWORKS:
        raise ValueError(f"there is no network {name!r}; there are {', '.join(NETWORKS)}")
    return NETWORKS[name].model_validate(value)


AnyNetwork = Annotated[AnyNetworkRecipe, Field(discriminator="name"), BeforeValidator(_by_name)]
"""Settings of any network, told apart by their ``name``."""

NETWORKS: Mapping[str, type[NetworkRecipe]] = MappingProxyType(
    {recipe.model_fields["name"].default: recipe for recipe in get_args(AnyNetworkRecipe)}
)
"""Recipe of every network, by name; all members of ``AnyNetworkRecipe``."""
