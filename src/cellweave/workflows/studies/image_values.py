"""The measures of an arm's images under every seed, with their bootstrap, from the results of its trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellweave.metrics.rates import Floats
from cellweave.workflows.studies.arm_values import ArmValues, read_arm
from cellweave.workflows.studies.image_measures import MEASURES, SECONDS

BETTER: Mapping[str, int] = {
    "KID": -1,
    "FID": -1,
    "IS": 1,
    "F1": 1,
    "mean class F1": 1,
    "KID position": -1,
    "FID position": -1,
    SECONDS: -1,
}
"""1 where more is better, -1 where less is."""


def image_values(arm: str, results: Mapping[int, Mapping[str, Any]]) -> ArmValues[str]:
    """Return the measures of an arm, seconds without resamples; arguments and errors are those of :func:`read_arm`."""
    return read_arm(arm, results, _of_trial)


def reference_values(result: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return the values of what a trial was compared beside, means over folds, by kind and measure.

    Returns:
        Of ``real`` patches, of those ``learnt`` from, of ``dots``; NaN where not defined.
    """
    folds = [fold["references"] for fold in result["folds"]]
    return {
        kind: {name: float(np.mean([_number(fold[kind][name]) for fold in folds])) for name in folds[0][kind]}
        for kind in folds[0]
    }


def _of_trial(result: Mapping[str, Any]) -> tuple[tuple[str, ...], Floats, Floats]:
    """Return the Q measures of a trial, their values (Q,), and these in every resample (resamples, Q)."""
    return (*MEASURES, SECONDS), _values(result["folds"]), _samples(result["folds"])


def _values(folds: Sequence[Mapping[str, Any]]) -> Floats:
    rows = [
        [*(_number(fold["values"][name]) for name in MEASURES), _number(fold["seconds_per_image"])] for fold in folds
    ]
    return np.asarray(np.mean(rows, axis=0), np.float64)


def _samples(folds: Sequence[Mapping[str, Any]]) -> Floats:
    """Return the measures in every resample, means over folds, (resamples, Q)."""
    means = [np.mean([np.array(fold["samples"][name], float) for fold in folds], axis=0) for name in MEASURES]
    return np.stack([*means, np.full(len(means[0]), np.nan)], axis=1)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
