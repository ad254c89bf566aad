"""The localiser networks, one file each, all with one interface; chosen by name."""

from cellweave.localization.networks.half_unet import HalfUNet, HalfUNetRecipe
from cellweave.localization.networks.interface import LocatorNetwork, NetworkRecipe
from cellweave.localization.networks.registry import NETWORKS, AnyNetwork

__all__ = ["NETWORKS", "AnyNetwork", "HalfUNet", "HalfUNetRecipe", "LocatorNetwork", "NetworkRecipe"]
