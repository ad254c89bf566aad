"""From a predicted map to cells: the peaks of the map, their classes, and the peak finder in ``config.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.localization.class_reading import ClassReading, Values
from cellweave.localization.inference import Prediction
from cellweave.maps import Decoder, PeakFinder

WIDEST_WINDOW_PX = 1001
"""Of a peak finder that is read from a file."""

_READOUT = np.stack(np.meshgrid(*2 * [np.arange(-2, 3)]), axis=-1).reshape(-1, 2)


def locate_peaks(
    prediction: Prediction,
    finder: Decoder,
    *,
    classes: Sequence[str],
    mpp: float | None = None,
    class_reading: ClassReading | None = None,
) -> Cells:
    """Return the cells of a prediction: peaks of the map, each with a class.

    The class is read from the mean of every class's channel in the 5×5 pixels around a peak: the highest, or what
    ``class_reading`` makes of them.

    Where the prediction knows no classes, the cells have none, or the only one there is.

    Args:
        prediction: Map and class probabilities of an image.
        finder: Reads positions and scores off the map.
        classes: Names of the classes.
        mpp: Scale of the prediction, µm per pixel.
        class_reading: How classes are told from probabilities; None: the highest wins.
    """
    peaks = finder(prediction.heights)
    count = len(peaks.xy)
    cells = Cells(
        peaks.xy,
        np.zeros(count, np.int64) if len(classes) == 1 else None,
        classes=classes,
        shape=prediction.heights.shape,
        mpp=mpp,
        scores=np.clip(peaks.scores, 0, 1),
    )
    if not len(prediction.classes):
        return cells
    reading = class_reading or ClassReading.plain(len(prediction.classes))
    return reading.relabelled(cells, class_values(prediction, peaks.xy))


def class_values(prediction: Prediction, xy: npt.NDArray[np.float64]) -> Values:
    """Return the mean of every class's channel in the 5×5 pixels around every position (N, 2): float32 (N, C)."""
    height, width = prediction.heights.shape
    pixels = np.floor(xy).astype(int)[:, None] + _READOUT
    columns, rows = (np.clip(pixels[..., axis], 0, (width, height)[axis] - 1) for axis in (0, 1))
    return np.asarray(prediction.classes[:, rows, columns].mean(axis=-1).T, np.float32)


def finder_config(finder: PeakFinder, mpp: float | None) -> dict[str, Any]:
    """Return a peak finder for ``config.json``, the window in micrometres beside pixels where the scale is known."""
    window_um = None if mpp is None else round(finder.window_px * mpp, 4)
    return {
        "window_px": finder.window_px,
        "window_um": window_um,
        "threshold": finder.threshold,
        "least_maximum": finder.least_maximum,
        "subpixel": finder.subpixel,
    }


def finder_from_config(values: Mapping[str, Any]) -> PeakFinder:
    """Return the peak finder that :func:`finder_config` described.

    Raises:
        KeyError: A value is missing.
        InvalidInputError: The window is wider than any calibration tries, or a value cannot be used.
    """
    if int(values["window_px"]) > WIDEST_WINDOW_PX:
        raise InvalidInputError(f"window_px is at most {WIDEST_WINDOW_PX}, got {values['window_px']}.")
    return PeakFinder(
        int(values["window_px"]),
        float(values["threshold"]),
        least_maximum=float(values["least_maximum"]),
        subpixel=bool(values["subpixel"]),
    )
