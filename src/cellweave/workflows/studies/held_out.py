"""What is found in images held out: counts of every image, by decoder, protocol, radius and class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellweave.core import Cells, Length
from cellweave.core.progress import Progress
from cellweave.localization import LocatorRecipe
from cellweave.localization.calibration import Calibrator, CrossFitted, grouped_folds
from cellweave.localization.inference import Prediction
from cellweave.localization.peak_reading import level_of, locate_peaks
from cellweave.localization.training import UNKNOWN_SCALE_UM_PER_PX
from cellweave.maps import DECODERS
from cellweave.metrics import PROTOCOLS
from cellweave.metrics.tally import tally_images
from cellweave.training import TrainingError

CALIBRATED = "peaks"
FIXED = ("ccls", "lmds")
STUDY_DECODERS = (*FIXED, CALIBRATED)
"""``ccls`` and ``lmds`` with the settings of their sources; ``peaks`` with window, threshold and class reading that
were chosen on other images than those that they are scored on."""


class HeldOut:
    """Collects predictions of images that their networks have not seen.

    Args:
        recipe: Of the localiser; says what windows are tried, whether class readings are, and at what radius and
            protocol they are chosen.
        mpp: Scale of the predictions, µm per pixel; None where unknown.
        radii: Within which a cell counts as found.
        groups: Patient or slide of every image.
    """

    def __init__(
        self, recipe: LocatorRecipe, mpp: float | None, radii: Sequence[Length], groups: Mapping[str, str]
    ) -> None:
        um_per_px = UNKNOWN_SCALE_UM_PER_PX if mpp is None else mpp
        calibrated = recipe.calibration.model_copy(update={"decoder": CALIBRATED})  # the others are read besides
        self._calibrator = Calibrator(calibrated, recipe.calibration.radius_um / um_per_px)
        self._radii, self._groups = list(radii), groups
        self._folds: dict[str, int] = {}
        self._truth: dict[str, Cells] = {}
        self._found: dict[str, dict[str, Cells]] = {name: {} for name in FIXED}

    def add(self, image: str, prediction: Prediction, truth: Cells, *, fold: int) -> None:
        """Read the cells of one image; its maps are not kept.

        Raises:
            TrainingError: The network says nothing finite of it.
        """
        if not np.isfinite(prediction.heights).all():
            raise TrainingError(f"the map of held-out image {image!r} is not finite; lower fit.learning_rate.")
        self._folds[image], self._truth[image] = fold, truth
        self._calibrator.add(image, prediction, truth)
        for name in FIXED:
            found = locate_peaks(prediction, DECODERS[name], classes=truth.classes, mpp=truth.mpp)
            self._found[name][image] = found

    def counts(self, progress: Progress) -> dict[str, Any]:
        """Return everything that scores are made of, as JSON.

        Returns:
            ``images``: name, group, fold, true and predicted numbers; ``labels``; ``counts`` by decoder and protocol:
            true positives, false positives and false negatives, (images, radii, labels, 3); ``settings``: window,
            threshold and class reading by which ``peaks`` read each image.
        """
        fitted = self._calibrator.cross_fitted(self._parts())
        found = {**self._found, CALIBRATED: {image: one.cells for image, one in fitted.items()}}
        counts: dict[str, dict[str, Any]] = {}
        labels: tuple[str, ...] = ()
        names: tuple[str, ...] = ()
        for number, decoder in enumerate(STUDY_DECODERS, start=1):
            counts[decoder] = {}
            for protocol in PROTOCOLS:
                tally = tally_images(self._truth, found[decoder], protocol=protocol, radii=self._radii)
                names, labels = tally.images, tally.labels
                counts[decoder][protocol] = tally.counts.tolist()
            progress("scoring", number, len(STUDY_DECODERS))
        return {
            "labels": list(labels),
            "images": [
                {
                    "image": name,
                    "group": self._groups[name],
                    "fold": self._folds[name],
                    "true": len(self._truth[name]),
                    "predicted": {decoder: len(found[decoder][name]) for decoder in STUDY_DECODERS},
                    "settings": _settings(fitted[name]),
                }
                for name in names
            ],
            "counts": counts,
        }

    def _parts(self) -> dict[str, int]:
        """Return the part of every image: the other parts choose how its peaks are read."""
        if len(set(self._folds.values())) > 1:
            return dict(self._folds)
        images = list(self._folds)
        halves = grouped_folds([self._groups[image] for image in images], 2)
        return {images[i]: number for number, half in enumerate(halves) for i in half}


def _settings(fitted: CrossFitted) -> dict[str, Any]:
    reading = fitted.class_reading
    return {
        "window_px": fitted.finder.window_px,
        "threshold": level_of(fitted.finder),
        "class_reading": None if reading is None else reading.to_config(),
    }
