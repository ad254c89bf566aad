"""The measures of an arm's layouts under every seed, with their bootstrap, from the results of its trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from cellweave.core import numpy_generator
from cellweave.metrics.layout_scores import KINDS, Kind
from cellweave.metrics.rates import Floats
from cellweave.workflows.studies.arm_values import ArmValues, centred, read_arm
from cellweave.workflows.studies.layout_measures import PLACES, RESAMPLES, labels_of_numbers

Measured = Literal["position", "distance", "cells", "met"]

MEAN = "mean"
"""Of the positions on all measures."""


class Quantity(NamedTuple):
    """What is measured.

    Attributes:
        measured: ``position``: between real layouts of other patients (0) and random ones (1); ``distance`` from
            held-out layouts; ``cells``: their number, relative to the layouts learnt from; ``met``: the share of the
            layouts with the number of cells that was asked for.
        of: Title of the measure of layouts, or the class.
    """

    measured: Measured
    of: str


def arm_values(arm: str, results: Mapping[int, Mapping[str, Any]]) -> ArmValues[Quantity]:
    """Return the measures of an arm; arguments and errors are those of :func:`read_arm`."""
    return read_arm(arm, results, _of_trial)


def fold_means(result: Mapping[str, Any]) -> dict[str, Floats]:
    """Return the distances to the layouts of every kind, in the order of ``KINDS``, means over folds, by title."""
    folds = result["folds"]
    titles = [title for title, _, _ in PLACES if title in folds[0]["distances"]]
    return {title: np.mean([np.array(one["distances"][title], float) for one in folds], axis=0) for title in titles}


def position(distances: Floats, kind: Kind = "synthetic") -> Floats:
    """Return the place of distances (..., 4) between real (0) and random layouts (1); NaN where there is no between."""
    of_real, of_random = distances[..., KINDS.index("real")], distances[..., KINDS.index("random")]
    span = np.where(of_random > of_real, of_random - of_real, np.nan)
    return np.asarray((distances[..., KINDS.index(kind)] - of_real) / span, np.float64)


def _of_trial(result: Mapping[str, Any]) -> tuple[tuple[Quantity, ...], Floats, Floats]:
    """Return the Q quantities of a trial, their values (Q,), and these in every resample (resamples, Q)."""
    folds = result["folds"]
    means = fold_means(result)
    drawn = {title: np.mean([np.array(one["samples"][title], float) for one in folds], axis=0) for title in means}
    places = {title: (float(position(means[title])), position(drawn[title])) for title in means}
    whole = (float(np.mean([one for one, _ in places.values()])), np.mean([one for _, one in places.values()], axis=0))
    table: dict[Quantity, tuple[float, Floats]] = {}
    for title, one in (*places.items(), (MEAN, whole)):
        table[Quantity("position", title)] = centred(*one)
    at = KINDS.index("synthetic")
    for title, distances in means.items():
        table[Quantity("distance", title)] = centred(float(distances[at]), drawn[title][:, at])
    weights = [_layout_weights(number, len(one["layouts"])) for number, one in enumerate(folds)]
    labels = labels_of_numbers(result["classes"])
    true = np.mean([np.array(one["learnt_cells"], float) for one in folds], axis=0)
    numbers = [_numbers(one["layouts"], len(labels) - 1) for one in folds]
    made = np.mean([each.mean(axis=0) for each in numbers], axis=0)
    made_drawn = np.mean([weight @ each for weight, each in zip(weights, numbers, strict=True)], axis=0)
    for column, label in enumerate(labels):
        learnt = true[column] if true[column] > 0 else np.nan
        table[Quantity("cells", label)] = (float(made[column] / learnt), made_drawn[:, column] / learnt)
    met = [np.array([one["met"] for one in fold["layouts"]], float) for fold in folds]  # null becomes NaN
    table[Quantity("met", "")] = (
        float(np.mean([each.mean() for each in met])),
        np.mean([weight @ each for weight, each in zip(weights, met, strict=True)], axis=0),
    )
    return tuple(table), np.array([one for one, _ in table.values()]), np.stack([one for _, one in table.values()], 1)


def _numbers(layouts: Sequence[Mapping[str, Any]], classes: int) -> Floats:
    """Return numbers of cells, all and by class, (layouts, 1 + C)."""
    by_class = np.array([np.bincount(np.array(one["labels"], int), minlength=classes) for one in layouts], float)
    return np.concatenate([by_class.sum(axis=1, keepdims=True), by_class], axis=1)


def _layout_weights(fold: int, layouts: int) -> npt.NDArray[np.float64]:
    """Return the share of every layout in every resample of layouts, (resamples, layouts)."""
    rng = numpy_generator(0, "study layouts", fold)
    return rng.multinomial(layouts, np.full(layouts, 1 / layouts), size=RESAMPLES) / layouts
