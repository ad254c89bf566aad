"""Scores over thresholds of the predictions' confidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import Cells, InvalidInputError
from cellweave.data.dataset import ALL
from cellweave.metrics.frame_radius import Radius
from cellweave.metrics.joined_cells import JoinedCells
from cellweave.metrics.protocols import pairing_rule
from cellweave.metrics.rates import Floats, detection_rates, mean_of_defined

MEAN = "mean class"
"""Label of the mean F1 over the classes."""

OPTIMISTIC = "the best threshold was chosen on the very images that it is scored on: its scores are optimistic"


@dataclass(frozen=True, eq=False)
class ThresholdSweep:
    """Scores when only predictions with a score of at least a threshold count, at one radius.

    Attributes:
        radius: Distance within which a cell counts as found.
        labels: ``all``, then the classes.
        thresholds: Ascending; at the first one all predictions count, float64 (thresholds,).
        counts: True positives, false positives and false negatives over all images, int64 (thresholds, labels, 3).
        images: Number of images.
    """

    radius: Radius
    labels: tuple[str, ...]
    thresholds: Floats
    counts: npt.NDArray[np.int64]
    images: int

    @property
    def rates(self) -> Floats:
        """Precision, recall and F1, float64 (thresholds, labels, 3); NaN where undefined."""
        return detection_rates(self.counts)

    @property
    def f1(self) -> dict[str, Floats]:
        """F1 at every threshold of ``all``, of every class, and with classes of their ``mean class``."""
        f1 = self.rates[..., 2]
        own = {label: f1[:, i] for i, label in enumerate(self.labels)}
        return own if len(self.labels) == 1 else {**own, MEAN: mean_of_defined(f1[:, 1:])}

    @property
    def false_per_image(self) -> Floats:
        """False positives an image, float64 (thresholds, labels)."""
        return self.counts[..., 1] / self.images

    def best(self, label: str) -> int | None:
        """Return the number of the threshold with the best F1, the lowest of equal ones; None where none is defined.

        The choice is made on the images that are scored, so what it promises is optimistic.
        """
        f1 = self.f1[label]
        return None if np.isnan(f1).all() else int(np.nanargmax(f1))

    def to_json(self) -> dict[str, Any]:
        """Return curves and best thresholds as JSON: numbers, text, lists and null only."""
        rates, false = self.rates, self.false_per_image
        names = ("precision", "recall", "f1")
        curves: dict[str, Any] = {
            label: {
                **{name: _plain(rates[:, i, n]) for n, name in enumerate(names)},
                "false_positives_per_image": false[:, i].tolist(),
            }
            for i, label in enumerate(self.labels)
        }
        f1 = self.f1
        if MEAN in f1:
            curves[MEAN] = {"f1": _plain(f1[MEAN])}
        best = {}
        for label in f1:
            at = self.best(label)
            if at is not None:
                best[label] = {"threshold": float(self.thresholds[at])} | {
                    name: values[at] for name, values in curves[label].items()
                }
        return {"thresholds": self.thresholds.tolist(), "curves": curves, "best": best, "note": OPTIMISTIC}


def sweep_thresholds(
    truth: Mapping[str, Cells],
    predictions: Mapping[str, Cells],
    *,
    protocol: str,
    radii: Sequence[Radius],
    limit: int = 100,
) -> tuple[ThresholdSweep, ...]:
    """Score predictions at every score that they have as the threshold, or at so many of these, evenly by rank.

    Cells are paired anew at every threshold: a prediction that falls away leaves its truth to another one.

    Args:
        truth: Annotated cells of every image.
        predictions: Predicted cells of every image, with scores.
        protocol: How cells are paired, see :data:`cellweave.metrics.PROTOCOLS`.
        radii: Distances within which a cell counts as found.
        limit: Most thresholds, >= 2.

    Returns:
        One sweep a radius.

    Raises:
        InvalidInputError: A prediction has no score, there is none at all, or an argument is one that ``score_cells``
            refuses.

    Example:
        >>> from cellweave.core import Length
        >>> truth = Cells([[2, 2]], classes=(), shape=(9, 9))
        >>> found = Cells([[2, 2], [7, 7]], classes=(), shape=(9, 9), scores=[0.75, 0.5])
        >>> [sweep] = sweep_thresholds({"a": truth}, {"a": found}, protocol="greedy", radii=[Length(3)])
        >>> sweep.thresholds.tolist(), sweep.counts[:, 0].tolist(), sweep.best("all")
        ([0.5, 0.75], [[1, 1, 0], [1, 0, 0]], 1)
    """
    if limit < 2:
        raise InvalidInputError(f"a sweep needs at least 2 thresholds, got {limit}.")
    rule = pairing_rule(protocol)
    joined = JoinedCells.of(truth, predictions)
    scores = np.concatenate([_scores(name, cells) for name, cells in joined.named_predictions()]).astype(np.float64)
    if not len(scores):
        raise InvalidInputError("there is no prediction, so no threshold to go over.")
    thresholds = np.unique(scores)
    if len(thresholds) > limit:
        thresholds = thresholds[np.linspace(0, len(thresholds) - 1, limit).round().astype(int)]
    sweeps = []
    for radius in radii:
        candidates = joined.candidates(joined.reaches(radius), rule)
        counts = [joined.count_matches(candidates, rule, kept=scores >= one).sum(axis=0) for one in thresholds]
        sweeps.append(ThresholdSweep(radius, (ALL, *joined.classes), thresholds, np.stack(counts), len(joined.images)))
    return tuple(sweeps)


def _scores(image: str, cells: Cells) -> npt.NDArray[np.float32]:
    if cells.scores is not None:
        return cells.scores
    if len(cells):
        raise InvalidInputError(f"image {image!r}: the predictions have no scores, which thresholds are about.")
    return np.zeros(0, np.float32)


def _plain(values: Floats) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]
