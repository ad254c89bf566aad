"""The cell localiser: network, training, calibration, and the pipeline from an image to its cells."""

from cellweave.localization.calibration import Calibration, Calibrator, grouped_folds
from cellweave.localization.inference import Prediction, Predictor
from cellweave.localization.locator import Locator
from cellweave.localization.networks import NETWORKS, HalfUNet, LocatorNetwork
from cellweave.localization.peak_reading import locate_peaks
from cellweave.localization.recipe import LocatorRecipe
from cellweave.localization.training import LocatorTraining

__all__ = [
    "NETWORKS",
    "Calibration",
    "Calibrator",
    "HalfUNet",
    "Locator",
    "LocatorNetwork",
    "LocatorRecipe",
    "LocatorTraining",
    "Prediction",
    "Predictor",
    "grouped_folds",
    "locate_peaks",
]
