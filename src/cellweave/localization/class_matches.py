"""F1 of the classes of cells whose places stay while their classes are tried: only what changes is paired anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cellweave.core import Cells, Length
from cellweave.core.cells import UNKNOWN
from cellweave.metrics.candidates import Candidates
from cellweave.metrics.joined_cells import JoinedCells
from cellweave.metrics.neighbours import Indices
from cellweave.metrics.protocols import pairing_rule

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LabelledMatches:
    """The cells of all images under one choice of classes.

    Attributes:
        labels: Class of every cell found, (M,).
        hit: Whether a true cell is paired with one of its class, (N,).
        mean_f1: Mean F1 of the classes that the truth has.
    """

    labels: Indices
    hit: Bools
    mean_f1: float


class ClassMatches:
    """Pairs true cells and cells found, class by class, for one choice of the latter's classes after another.

    Which pairs are near enough does not depend on classes. They fall into connected groups that share no cell, and
    a group none of whose cells changes its class has the pairs that it had.

    Args:
        truth: Annotated cells of every image, of the same classes everywhere.
        found: Cells found in the same images, of the same classes.
        radius_px: Within which a cell counts as found.
        protocol: Scoring protocol.

    Attributes:
        images: Names, sorted: the cells found are those of these images, one after the other.
        frequency: Number of true cells of every class, (C,).
        present: Classes that the truth has.
    """

    def __init__(
        self, truth: Mapping[str, Cells], found: Mapping[str, Cells], *, radius_px: float, protocol: str
    ) -> None:
        joined = JoinedCells.of(truth, {image: found[image] for image in truth})
        self._rule = pairing_rule(protocol)
        self._candidates = joined.candidates(joined.reaches(Length(radius_px)), self._rule)
        self._true = joined.truth.label
        self._true_group, self._found_group = _connected_groups(self._candidates)
        self.images = joined.images
        known = self._true[self._true != UNKNOWN]
        self.frequency: Indices = np.bincount(known, minlength=len(joined.classes))
        self.present = np.flatnonzero(self.frequency)

    def of(self, labels: Indices, previous: LabelledMatches | None = None) -> LabelledMatches:
        """Return the matches under a choice of classes.

        Args:
            labels: Class of every cell found, (M,).
            previous: Those under another choice; the fewer cells differ, the sooner this is done.
        """
        if previous is None:
            hit = self._hits(self._candidates, labels)
            return LabelledMatches(labels, hit, self._mean_f1(labels, hit))
        changed = np.flatnonzero(labels != previous.labels)
        if not len(changed):
            return previous
        touched = np.zeros(1 + max(self._found_group.max(initial=0), self._true_group.max(initial=0)), bool)
        touched[self._found_group[changed]] = True
        again = self._hits(self._candidates.where(touched[self._found_group[self._candidates.predicted]]), labels)
        hit = np.where(touched[self._true_group], again, previous.hit)
        return LabelledMatches(labels, hit, self._mean_f1(labels, hit))

    def _hits(self, candidates: Candidates, labels: Indices) -> Bools:
        of_one_class = self._true[candidates.truth] == labels[candidates.predicted]  # none is found as unknown
        return np.asarray(self._rule.pair(candidates.where(of_one_class)) >= 0)

    def _mean_f1(self, labels: Indices, hit: Bools) -> float:
        classes = len(self.frequency)
        tp = np.bincount(self._true[hit], minlength=classes)
        fp, fn = np.bincount(labels, minlength=classes) - tp, self.frequency - tp
        tp, fp, fn = (counts[self.present] for counts in (tp, fp, fn))
        return float(np.mean(2 * tp / (2 * tp + fp + fn)))


def _connected_groups(candidates: Candidates) -> tuple[Indices, Indices]:
    """Return the number of the connected group of every true cell, (N,), and of every cell found, (M,)."""
    truths, predictions = len(candidates.truths), len(candidates.predictions)
    nodes = truths + predictions
    pairs = (candidates.truth, candidates.predicted + truths)
    graph = coo_array((np.ones(len(candidates.truth), np.int8), pairs), (nodes, nodes))
    group = np.asarray(connected_components(graph, directed=False)[1], np.int64)
    return group[:truths], group[truths:]
