"""Stains as light absorbers: optical density, stain vectors, and how they vary between laboratories."""

from cellweave.stain.jitter import Staining, jitter_stains
from cellweave.stain.optical_density import (
    MACENKO_HE,
    RUIFROK_HE,
    compose,
    density_to_rgb,
    rgb_to_density,
    unit_stains,
)

__all__ = [
    "MACENKO_HE",
    "RUIFROK_HE",
    "Staining",
    "compose",
    "density_to_rgb",
    "jitter_stains",
    "rgb_to_density",
    "unit_stains",
]
