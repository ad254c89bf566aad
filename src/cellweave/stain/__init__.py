"""Stains: optical density, stain vectors, how they vary between laboratories, and Reinhard normalisation."""

from cellweave.stain.jitter import Staining, jitter_stains
from cellweave.stain.optical_density import (
    MACENKO_HE,
    RUIFROK_HE,
    compose,
    density_to_rgb,
    rgb_to_density,
    unit_stains,
)
from cellweave.stain.reinhard import ReinhardStyle

__all__ = [
    "MACENKO_HE",
    "RUIFROK_HE",
    "ReinhardStyle",
    "Staining",
    "compose",
    "density_to_rgb",
    "jitter_stains",
    "rgb_to_density",
    "unit_stains",
]
