"""Precision, recall and F1 from counts, and count errors; not a number where they are undefined."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def detection_rates(counts: npt.ArrayLike) -> Floats:
    """Return precision, recall and F1, float64 (..., 3), from true positives, false positives and false negatives.

    Precision is undefined (NaN) without predictions, recall without truth, F1 without both.

    Args:
        counts: (..., 3), >= 0.

    Source:
        Li et al. 2024 (EDT), Eqs. 10 to 12, with the factor 2 that Eq. 12 lacks.

    Example:
        >>> detection_rates([[3, 1, 3], [0, 0, 2]]).round(2).tolist()
        [[0.75, 0.5, 0.6], [nan, 0.0, 0.0]]
    """
    tp, fp, fn = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    return np.stack([_ratio(tp, tp + fp), _ratio(tp, tp + fn), _ratio(2 * tp, 2 * tp + fp + fn)], axis=-1)


def mean_of_defined(values: Floats) -> Floats:
    """Return the mean over the last axis of what is not NaN; NaN where nothing is."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1, dtype=np.float64))


def count_error_terms(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> Floats:
    """Return what :func:`count_errors` sums over images: 1, the absolute and the squared error of each, (images, 3).

    Args:
        truth: True number of cells of every image, (images,).
        predicted: Predicted number, (images,).
    """
    error = np.asarray(predicted, np.float64) - np.asarray(truth, np.float64)
    return np.stack([np.ones_like(error), abs(error), error**2], axis=-1)


def count_errors(sums: Floats) -> Floats:
    """Return MAE and RMSE of the counts of images, in cells, float64 (..., 2); NaN without images.

    Args:
        sums: Sums of :func:`count_error_terms`, (..., 3).

    Source:
        Li et al. 2024 (EDT), Eqs. 13 and 14.

    Example:
        >>> count_errors(count_error_terms([3, 10], [6, 6]).sum(axis=0)).round(3).tolist()
        [3.5, 3.536]
    """
    images, absolute, squared = np.moveaxis(sums, -1, 0)
    return np.stack([_ratio(absolute, images), np.sqrt(_ratio(squared, images))], axis=-1)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    undefined = np.full(np.shape(numerator), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=undefined, where=denominator > 0), np.float64)
