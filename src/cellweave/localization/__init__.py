"""The cell localiser: network, training, calibration, and the pipeline from an image to its cells."""

from cellweave.localization.calibration import Calibration, Calibrator, grouped_folds, locate_peaks
from cellweave.localization.inference import Prediction, Predictor
from cellweave.localization.locator import Locator
from cellweave.localization.recipe import LocatorRecipe
from cellweave.localization.training import LocatorTraining
from cellweave.localization.unet import UNet

__all__ = [
    "Calibration",
    "Calibrator",
    "Locator",
    "LocatorRecipe",
    "LocatorTraining",
    "Prediction",
    "Predictor",
    "UNet",
    "grouped_folds",
    "locate_peaks",
]
