"""How faithful images are to the layouts that they were made from, told by the cells that a localiser finds in them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cellweave.core import Cells, InvalidInputError, Length
from cellweave.data import counted
from cellweave.metrics.cell_scores import CellScores
from cellweave.metrics.foreign_layouts import SHIFTS, ForeignLayouts, foreign_layouts
from cellweave.metrics.protocols import ScoringProtocol
from cellweave.metrics.rates import Floats, detection_rates, mean_of_defined
from cellweave.metrics.scoring import RATES, score_cells
from cellweave.metrics.tally import tally_images

MEAN = "mean class"
"""Label of the mean over the classes."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Scores of the cells found in images against the layouts that they were made from, and against other layouts.

    Attributes:
        radius: Distance within which a cell counts as found.
        scores: Against the images' own layouts.
        chance_f1: F1 against layouts that the images were not made from: of ``all``, of every class, and their
            ``mean class``; None where undefined.
        comparisons: Pairs of an image and a layout that this is the mean of.
        notes: How the layouts were chosen, one sentence each.
    """

    radius: Length
    scores: CellScores
    chance_f1: Mapping[str, float | None]
    comparisons: int
    notes: tuple[str, ...] = ()

    @property
    def f1(self) -> dict[str, float | None]:
        """F1 against the images' own layouts, with the labels of ``chance_f1``."""
        return f1_by_label(self.scores)

    @property
    def margin(self) -> dict[str, float | None]:
        """By how much F1 is above chance; None where either is undefined."""
        own = self.f1
        return {label: _difference(own[label], chance) for label, chance in self.chance_f1.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the scores as JSON: numbers, text, lists and null only."""
        return {
            "f1": self.f1,
            "chance_f1": dict(self.chance_f1),
            "margin": self.margin,
            "comparisons": self.comparisons,
            "scores": self.scores.to_json(),
            "notes": list(self.notes),
        }


def score_fidelity(
    layouts: Mapping[str, Cells],
    found: Mapping[str, Cells],
    *,
    radius: Length,
    protocol: ScoringProtocol = "greedy",
    shifts: int = SHIFTS,
    groups: Mapping[str, str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Fidelity:
    """Score the cells found in images against the layouts that they were made from, beside other layouts (chance).

    Where cells lie densely, any layout meets some of them; the score against layouts of other images says how much of
    the score that is. The counts of true positives and errors of an image are averaged over its other layouts before
    they are summed over the images; see :func:`cellweave.metrics.foreign_layouts.foreign_layouts` for their choice.

    Args:
        layouts: The cells that every image was made from.
        found: The cells that a localiser finds in it, for the same images, in the same frames.
        radius: Distance within which a cell counts as found; in µm it needs images of known scale.
        protocol: How cells are paired, see :data:`cellweave.metrics.PROTOCOLS`.
        shifts: Other layouts for every image, >= 1.
        groups: Patient or slide of images, for the intervals.
        resamples: Bootstrap resamples of the groups; 0 for no intervals.
        seed: Of the resamples, and of the choice of layouts.

    Raises:
        InvalidInputError: The images of the two sides differ, or their classes from image to image, a class is called
            ``mean class``, or what :func:`cellweave.metrics.score_cells` raises.

    Example:
        >>> a, b = (Cells([[x, 2]], [0], classes=["tumor"], shape=(9, 9)) for x in (2, 7))
        >>> fidelity = score_fidelity({"a": a, "b": b}, {"a": a, "b": b}, radius=Length(3))
        >>> fidelity.f1["all"], fidelity.chance_f1["all"]
        (1.0, 0.0)
    """
    if set(layouts) != set(found):
        one = min(set(layouts) ^ set(found))
        raise InvalidInputError(f"image {one!r} is on one side only; give layout and found cells of the same images.")
    for side, named in (("layout", layouts), ("found cells", found)):
        if len({frozenset(cells.classes) for cells in named.values()}) > 1:
            raise InvalidInputError(
                f"the {side} of all images must have the same classes; give them one list of classes."
            )
    if any(MEAN in cells.classes for cells in layouts.values()):
        raise InvalidInputError(f"a class is called {MEAN!r}, which stands for the mean of the classes; rename it.")
    if shifts < 1:
        raise InvalidInputError(f"every image is compared with 1 or more other layouts, got {shifts}.")
    scores = score_cells(
        layouts, found, protocol=protocol, radii=[radius], groups=groups, resamples=resamples, seed=seed
    )
    foreign = foreign_layouts(layouts, shifts=shifts, seed=seed)
    return Fidelity(
        radius,
        scores,
        _chance_f1(foreign, found, radius=radius, protocol=protocol, labels=[row.label for row in scores.rows]),
        comparisons=sum(len(others) for others in foreign.layouts.values()),
        notes=_notes(foreign),
    )


def f1_by_label(scores: CellScores) -> dict[str, float | None]:
    """Return F1 of ``all``, of every class, and their ``mean class``, of scores at one radius."""
    f1 = {row.label: row.f1 for row in scores.rows}
    [mean] = scores.mean_class_f1.values()
    return f1 | ({MEAN: mean} if len(f1) > 1 else {})


def _chance_f1(
    foreign: ForeignLayouts, found: Mapping[str, Cells], *, radius: Length, protocol: ScoringProtocol, labels: list[str]
) -> dict[str, float | None]:
    total = np.zeros((len(labels), 3))
    for name, others in foreign.layouts.items():
        if others:
            truth = {str(number): other for number, other in enumerate(others)}
            tally = tally_images(truth, dict.fromkeys(truth, found[name]), protocol=protocol, radii=[radius])
            mean: Floats = tally.counts[:, 0].mean(axis=0)
            total += mean[[tally.labels.index(label) for label in labels]]
    f1 = detection_rates(total)[:, RATES.index("f1")]
    chance = {label: _or_none(float(value)) for label, value in zip(labels, f1, strict=True)}
    return chance | ({MEAN: _or_none(float(mean_of_defined(f1[1:])))} if len(labels) > 1 else {})


def _notes(foreign: ForeignLayouts) -> tuple[str, ...]:
    alone = [name for name, others in foreign.layouts.items() if not others]
    turned = [name for name in foreign.turned if name not in alone]
    shifted = [len(others) for name, others in foreign.layouts.items() if name not in foreign.turned]
    notes = []
    if shifted:
        most = f"{min(shifted)} to {max(shifted)}" if min(shifted) < max(shifted) else str(max(shifted))
        images = counted(len(shifted), "image")
        notes.append(f"Chance: {images}, each against {most} layouts of other images of the same frame.")
    if turned:
        images = counted(len(turned), "image")
        notes.append(
            f"Chance: {images} with no other layout in the same frame, against the own one, flipped and turned."
        )
    if alone:
        notes.append(f"Chance: {counted(len(alone), 'image')} left out, as no other layout stands for the own one.")
    return tuple(notes)


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
