"""Stains: optical density, stain vectors, how they vary between laboratories, and normalisation."""

from cellweave.stain.between_nuclei import BetweenNucleiStyle
from cellweave.stain.jitter import Staining, jitter_stains
from cellweave.stain.normaliser import METHODS, Colours, StainNormaliser, sample_of_images
from cellweave.stain.optical_density import (
    MACENKO_HE,
    RUIFROK_HE,
    compose,
    density_to_rgb,
    rgb_to_density,
    unit_stains,
)
from cellweave.stain.reinhard import ReinhardStyle
from cellweave.stain.style import Style, StyleName, common_style
from cellweave.stain.tissue import TissueSample, TissueSampler, tissue_sample
from cellweave.stain.two_stains import TwoStains

__all__ = [
    "MACENKO_HE",
    "METHODS",
    "RUIFROK_HE",
    "BetweenNucleiStyle",
    "Colours",
    "ReinhardStyle",
    "StainNormaliser",
    "Staining",
    "Style",
    "StyleName",
    "TissueSample",
    "TissueSampler",
    "TwoStains",
    "common_style",
    "compose",
    "density_to_rgb",
    "jitter_stains",
    "rgb_to_density",
    "sample_of_images",
    "tissue_sample",
    "unit_stains",
]
