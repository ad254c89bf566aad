"""Choosing the peak finder of a localiser: the window and threshold with the best F1 on images not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from cellweave.core import Cells, InvalidInputError, Length
from cellweave.localization.class_choice import choose_class_reading
from cellweave.localization.class_reading import ClassReading, Values
from cellweave.localization.inference import Prediction
from cellweave.localization.peak_reading import FIXED_DECODERS, AnyPeakFinder, class_values, level_of, locate_peaks
from cellweave.localization.recipe import CalibrationRecipe
from cellweave.maps import PeakFinder
from cellweave.metrics import CellScores, count_matches, score_cells
from cellweave.training import TrainingError

THRESHOLDS: npt.NDArray[np.float64] = np.round(
    np.concatenate([np.arange(0.02, 0.3, 0.02), np.arange(0.3, 0.7, 0.04), np.arange(0.7, 0.95, 0.1)]), 2
)
"""Thresholds tried, on a map of about 0 to 1."""


def grouped_folds(groups: Sequence[str], folds: int) -> list[npt.NDArray[np.intp]]:
    """Return the indices held out in each fold; the members of a group are held out together.

    Args:
        groups: Group of every image.
        folds: How many; no more than there are groups.

    Raises:
        InvalidInputError: There are fewer than two groups.
    """
    count = min(folds, len(set(groups)))
    if count < 2:
        raise InvalidInputError(
            "calibration by cross-validation needs training images of at least two groups (patients or slides), "
            f"got {len(groups)} images of {len(set(groups))}; annotate another patient, or correct the groups."
        )
    return [held_out for _, held_out in GroupKFold(count).split(np.zeros(len(groups)), groups=list(groups))]


@dataclass(frozen=True)
class Calibration:
    """The chosen peak finder and what it was chosen from.

    Attributes:
        finder: Window and threshold with the highest F1; of equals the smallest window and lowest threshold. Or what
            the recipe names in their place.
        radius_px: Within which a cell counted as found.
        protocol: Scoring protocol.
        windows_px: Windows tried, (W,).
        thresholds: Thresholds tried, (T,); of ``lmds`` its share of the highest pixel.
        counts: True positives, false positives and false negatives of every image, int64 (W, T, images, 3).
        scores: Of all cells and of every class at the chosen setting, with intervals over the groups; a little too
            good, because window, threshold and class reading were chosen on the same images.
        class_reading: How classes are told with the highest mean F1 of the classes at that setting; None where that
            was not asked for, or there are no classes to choose among.
        decoder: Name of the finder: ``peaks``, or that of one whose settings are those of its source.
    """

    finder: AnyPeakFinder
    radius_px: float
    protocol: str
    windows_px: npt.NDArray[np.int64]
    thresholds: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    scores: CellScores
    class_reading: ClassReading | None = None
    decoder: str = "peaks"

    def curves(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return precision, recall and f1, each (W, T), summed over the images."""
        return _rates(self.counts)

    def to_json(self) -> dict[str, Any]:
        """Return the result and the curves, for ``metrics.json``."""
        curves = self.curves()
        window = int(np.flatnonzero(self.windows_px == self.finder.window_px)[0])
        threshold = int(np.argmin(abs(self.thresholds - level_of(self.finder))))
        return {
            "protocol": self.protocol,
            "radius_px": self.radius_px,
            **({} if self.decoder == "peaks" else {"decoder": self.decoder}),
            "window_px": self.finder.window_px,
            "threshold": level_of(self.finder),
            **({} if self.class_reading is None else self.class_reading.to_config()),
            **{name: round(float(values[window, threshold]), 4) for name, values in curves.items()},
            "windows_px": self.windows_px.tolist(),
            "thresholds": self.thresholds.tolist(),
            "settings_tried": curves["f1"].size,
            "f1_by_window_and_threshold": curves["f1"].round(4).tolist(),
            "scores": self.scores.to_json(),
        }


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """How an image is read by settings that were chosen on others, and its cells.

    Attributes:
        finder: Window and threshold.
        class_reading: How classes are told; None where the most probable one is taken.
        cells: What is found so.
    """

    finder: AnyPeakFinder
    class_reading: ClassReading | None
    cells: Cells


def _rates(counts: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.float64]]:
    tp, fp, fn = np.moveaxis(counts.sum(axis=2), -1, 0).astype(float)
    return {
        "precision": tp / np.maximum(tp + fp, 1),
        "recall": tp / np.maximum(tp + fn, 1),
        "f1": 2 * tp / np.maximum(2 * tp + fp + fn, 1),
    }


class Calibrator:
    """Collects out-of-fold predictions, image by image, and chooses.

    Args:
        recipe: What to try.
        radius_px: Within which a cell counts as found, at the scale of the predictions.
    """

    def __init__(self, recipe: CalibrationRecipe, radius_px: float) -> None:
        self.recipe, self.radius_px = recipe, radius_px
        self._fixed = FIXED_DECODERS.get(recipe.decoder)
        self._windows = recipe.windows_px if self._fixed is None else (self._fixed.window_px,)
        self._thresholds = THRESHOLDS if self._fixed is None else np.array([-np.inf])  # what it finds stays
        self._truth: dict[str, Cells] = {}
        self._found: dict[str, list[Cells]] = {}
        self._values: dict[str, list[Values]] = {}
        self._counts: list[npt.NDArray[np.int64]] = []

    def add(self, image: str, prediction: Prediction, truth: Cells) -> None:
        """Score one image under every window and threshold; its maps are not kept."""
        counts = np.zeros((len(self._windows), len(self._thresholds), 3), np.int64)
        self._truth[image], self._found[image], self._values[image] = truth, [], []
        for w in range(len(self._windows)):
            found = locate_peaks(prediction, self._finder(w, 0), classes=truth.classes, mpp=truth.mpp)
            self._found[image].append(found)
            self._values[image].append(class_values(prediction, found.xy))
            for t, threshold in enumerate(self._thresholds):
                kept = _higher(found, float(threshold))
                counts[w, t] = count_matches(truth, kept, self.radius_px, self.recipe.protocol)
        self._counts.append(counts)

    def choose(self, groups: Mapping[str, str]) -> Calibration:
        """Return the calibration over all images added.

        Args:
            groups: Patient or slide of every image, for the intervals.

        Raises:
            InvalidInputError: No image was added.
            TrainingError: No setting finds a single cell.
        """
        if not self._counts:
            raise InvalidInputError("there are no images to calibrate on.")
        counts = np.stack(self._counts, axis=2)
        f1 = _rates(counts)["f1"]
        if f1.max() == 0 and self._fixed is not None:
            raise TrainingError(
                f"{self.recipe.decoder} with the settings of its source finds no cell out of fold: the networks of the "
                "folds have learnt nothing yet, or their maps do not suit it; give more --steps or --minutes, or --set "
                "calibration.decoder=peaks"
            )
        if f1.max() == 0:
            raise TrainingError(
                "no window and threshold finds a single cell out of fold: the networks of the folds have learnt "
                "nothing yet; give more --steps or --minutes, or a larger --set calibration.share=..."
            )
        w, t = _best(f1)
        finder = self._finder(w, t)
        found, values = self._kept(list(self._truth), w, float(self._thresholds[t]))
        reading = self._class_reading(found, values)
        found = _read(reading, found, values)
        scores = score_cells(
            self._truth,
            found,
            protocol=self.recipe.protocol,
            radii=[Length(self.radius_px)],
            groups={image: groups[image] for image in self._truth},
        )
        return Calibration(
            finder,
            self.radius_px,
            self.recipe.protocol,
            np.asarray(self._windows),
            THRESHOLDS if self._fixed is None else np.array([level_of(self._fixed)]),
            counts,
            scores,
            reading,
            self.recipe.decoder,
        )

    def cross_fitted(self, parts: Mapping[str, int]) -> dict[str, CrossFitted]:
        """Return how every image is read, chosen on the images of all other parts, and its cells read so.

        So that no image has a say in the settings that it is scored with. Where no setting finds a cell in the other
        parts, it is the smallest window and the lowest threshold, as of any that are equal.

        Args:
            parts: Number of the part of every image added; a patient's images belong into one.

        Raises:
            InvalidInputError: There are fewer than two parts.
        """
        images = list(self._found)
        part = np.array([parts[image] for image in images])
        if len(set(part)) < 2:
            raise InvalidInputError(f"cross-fitting needs images of at least two parts, got {len(set(part))}.")
        counts = np.stack(self._counts, axis=2)
        fitted = {}
        for number in sorted(set(part)):
            w, t = _best(_rates(counts[:, :, part != number])["f1"])
            finder, threshold = self._finder(w, t), float(self._thresholds[t])
            others, own = ([images[i] for i in np.flatnonzero(chosen)] for chosen in (part != number, part == number))
            reading = self._class_reading(*self._kept(others, w, threshold))
            found, values = self._kept(own, w, threshold)
            for image, cells in _read(reading, found, values).items():
                fitted[image] = CrossFitted(finder, reading, cells)
        return fitted

    def _finder(self, window: int, threshold: int) -> AnyPeakFinder:
        """Return the peak finder of a window's and a threshold's number, or what the recipe names in its place."""
        if self._fixed is not None:
            return self._fixed
        return PeakFinder(self._windows[window], float(self._thresholds[threshold]), subpixel=self.recipe.subpixel)

    def _class_reading(self, found: Mapping[str, Cells], values: Mapping[str, Values]) -> ClassReading | None:
        """Return the reading that suits some images best; None where it is not asked for or there are no classes."""
        if not self.recipe.class_reading or any(each.shape[1] < 2 for each in values.values()):
            return None
        truth = {image: self._truth[image] for image in found}
        return choose_class_reading(truth, found, values, radius_px=self.radius_px, protocol=self.recipe.protocol)

    def _kept(self, images: Sequence[str], window: int, threshold: float) -> tuple[dict[str, Cells], dict[str, Values]]:
        """Return the cells of some images at a window's number and a threshold, and what every class has of them."""
        kept = {image: _are_higher(self._found[image][window], threshold) for image in images}
        found = {image: self._found[image][window].select(which) for image, which in kept.items()}
        return found, {image: self._values[image][window][which] for image, which in kept.items()}


def _read(reading: ClassReading | None, found: Mapping[str, Cells], values: Mapping[str, Values]) -> dict[str, Cells]:
    """Return cells with the classes that a reading tells; as they are without one."""
    if reading is None:
        return dict(found)
    return {image: reading.relabelled(cells, values[image]) for image, cells in found.items()}


def _best(f1: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Return the places of window and threshold with the highest F1 (W, T); of equals the first."""
    w, t = np.unravel_index(int(np.argmax(f1)), f1.shape)
    return int(w), int(t)


def _higher(found: Cells, threshold: float) -> Cells:
    return found.select(_are_higher(found, threshold))


def _are_higher(found: Cells, threshold: float) -> npt.NDArray[np.bool_]:
    assert found.scores is not None
    return found.scores > threshold
