"""The measures of an arm's images under every seed, with their bootstrap, from the results of its trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cellweave.core import OutputError
from cellweave.metrics.rates import Floats
from cellweave.workflows.studies.arm_values import ArmValues
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
    """Return the measures of an arm; seconds have no resamples.

    Args:
        arm: Its name.
        results: Result of every seed, none failed, at least one.

    Raises:
        OutputError: A result lacks something, or results are not of the same images.
    """
    seeds = tuple(sorted(results))
    try:
        held_out = [tuple(tuple(fold["held_out"]) for fold in results[seed]["folds"]) for seed in seeds]
        if len(set(held_out)) > 1:
            raise OutputError(f"the seeds of arm {arm} were compared with different images; remove its folder.")
        values = np.array([_values(results[seed]["folds"]) for seed in seeds])
        samples = np.stack([_samples(results[seed]["folds"]) for seed in seeds], axis=1)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise OutputError(f"a result of arm {arm} is damaged ({error!r}); remove its folder to run it anew.") from error
    return ArmValues(arm, seeds, held_out[0], (*MEASURES, SECONDS), values, samples)


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
