"""From predicted maps to cells: the peaks of the maps, their classes, and the peak finder in ``config.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.localization.class_reading import ClassReading, Values
from cellweave.localization.inference import Prediction
from cellweave.maps import CCLS, LMDS, Decoder, PeakFinder, RelativePeakFinder

AnyPeakFinder = PeakFinder | RelativePeakFinder

FIXED_DECODERS: Mapping[str, AnyPeakFinder] = MappingProxyType({"ccls": CCLS, "lmds": LMDS})
"""Peak finders with the settings of their sources, which nothing calibrates, by name."""

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

    Where the prediction knows no classes, the cells have none, or the only one there is. Where each class has a map of
    its own, the peaks of every map are the cells of its class, whatever is beside them in the others, and
    ``class_reading`` has no say.

    Args:
        prediction: Map and class probabilities of an image.
        finder: Reads positions and scores off the map.
        classes: Names of the classes.
        mpp: Scale of the prediction, µm per pixel.
        class_reading: How classes are told from probabilities; None: the highest wins.
    """
    if prediction.separate:
        return _peaks_of_every_class(prediction, finder, classes=classes, mpp=mpp)
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


def _peaks_of_every_class(
    prediction: Prediction, finder: Decoder, *, classes: Sequence[str], mpp: float | None
) -> Cells:
    """Return the peaks of every class's own map, one class after the other.

    Source:
        Li et al. 2024 (EDT): positive and negative cells have a map each, which are decoded alike.
    """
    peaks = [finder(heights) for heights in prediction.classes]
    return Cells(
        np.concatenate([one.xy for one in peaks]),
        np.repeat(np.arange(len(peaks)), [len(one.xy) for one in peaks]),
        classes=classes,
        shape=prediction.heights.shape,
        mpp=mpp,
        scores=np.clip(np.concatenate([one.scores for one in peaks]), 0, 1),
    )


def class_values(prediction: Prediction, xy: npt.NDArray[np.float64]) -> Values:
    """Return the mean of every class's channel in the 5×5 pixels around every position (N, 2): float32 (N, C).

    Where each class has a map of its own there is no class to tell by them, and C is 0.
    """
    if prediction.separate:
        return np.zeros((len(xy), 0), np.float32)
    height, width = prediction.heights.shape
    pixels = np.floor(xy).astype(int)[:, None] + _READOUT
    columns, rows = (np.clip(pixels[..., axis], 0, (width, height)[axis] - 1) for axis in (0, 1))
    return np.asarray(prediction.classes[:, rows, columns].mean(axis=-1).T, np.float32)


def level_of(finder: AnyPeakFinder) -> float:
    """Return the threshold of a peak finder, or the share of the map's highest pixel that is one to it."""
    return finder.threshold if isinstance(finder, PeakFinder) else finder.share


def finder_config(finder: AnyPeakFinder, mpp: float | None) -> dict[str, Any]:
    """Return a peak finder for ``config.json``, the window in micrometres beside pixels where the scale is known.

    One with the settings of its source is stored by its name, with those settings beside it for people to read.
    """
    window_um = None if mpp is None else round(finder.window_px * mpp, 4)
    name = next((name for name, fixed in FIXED_DECODERS.items() if fixed == finder), None)
    level = {"threshold": finder.threshold} if isinstance(finder, PeakFinder) else {"share": finder.share}
    return {
        **({} if name is None else {"decoder": name}),
        "window_px": finder.window_px,
        "window_um": window_um,
        **level,
        "least_maximum": finder.least_maximum,
        "subpixel": finder.subpixel,
    }


def finder_from_config(values: Mapping[str, Any]) -> AnyPeakFinder:
    """Return the peak finder that :func:`finder_config` described.

    Raises:
        KeyError: A value is missing.
        InvalidInputError: The window is wider than any calibration tries, there is no such decoder, or a value cannot
            be used.
    """
    if "decoder" in values:
        if values["decoder"] not in FIXED_DECODERS:
            raise InvalidInputError(f"decoder is one of {', '.join(FIXED_DECODERS)}, got {values['decoder']!r}.")
        return FIXED_DECODERS[values["decoder"]]
    if int(values["window_px"]) > WIDEST_WINDOW_PX:
        raise InvalidInputError(f"window_px is at most {WIDEST_WINDOW_PX}, got {values['window_px']}.")
    return PeakFinder(
        int(values["window_px"]),
        float(values["threshold"]),
        least_maximum=float(values["least_maximum"]),
        subpixel=bool(values["subpixel"]),
    )
