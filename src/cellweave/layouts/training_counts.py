"""How many cells of every class the crops that training sees have: what a model told counts was told, and may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.layouts.categories import CountingCategories, quantile_bounds

KEPT_CROPS = 256
"""Crops whose counts are stored with the model; counts that nobody asked for are drawn from them."""

NEAREST = 16
"""Crops, nearest to the counts that are asked for, of which one lends the counts of the other classes."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingCounts:
    """Numbers of cells of training crops, class by class, and the scale on which a network is told numbers.

    A network is told logarithms ``log(1 + n)``, less their mean, over their spread, of every class and of all cells.

    Attributes:
        crops: Cells of every class in some crops, int64 (crops, C).
        mean: Of the logarithms, C + 1 numbers, the last of all cells together.
        spread: Likewise, > 0.
        lowest: Smallest numbers of cells seen, C + 1 numbers.
        highest: Largest ones.

    Raises:
        InvalidInputError: Shapes disagree, a count is negative, or a number is not finite.
    """

    crops: npt.NDArray[np.int64]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    lowest: tuple[int, ...]
    highest: tuple[int, ...]

    def __post_init__(self) -> None:
        sides = {len(self.mean), len(self.spread), len(self.lowest), len(self.highest)}
        if self.crops.ndim != 2 or not len(self.crops) or sides != {self.crops.shape[1] + 1} or self.crops.min() < 0:
            raise InvalidInputError("counts of training crops are whole numbers >= 0, one a class and crop.")
        if not np.isfinite([*self.mean, *self.spread]).all() or min(self.spread) <= 0:
            raise InvalidInputError(f"counts need finite means and spreads > 0, got {self.mean} and {self.spread}.")

    @classmethod
    def of(cls, counts: npt.ArrayLike) -> TrainingCounts:
        """Return those of counts (crops, C); the first crops are kept."""
        classes = np.asarray(counts, np.int64)
        both = _with_total(classes)
        logs = np.log1p(both)
        spread = logs.std(axis=0)
        return cls(
            classes[:KEPT_CROPS],
            tuple(logs.mean(axis=0).tolist()),
            tuple(np.where(spread > 0, spread, 1.0).tolist()),
            tuple(both.min(axis=0).tolist()),
            tuple(both.max(axis=0).tolist()),
        )

    def told(self, counts: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return what a network is told of counts (N, C): float32 (N, C + 2), the last number 1 for "counts given"."""
        logs = self._standard(np.asarray(counts, float))
        return np.concatenate([logs, np.ones((len(logs), 1))], axis=1).astype(np.float32)

    def fifths(self) -> CountingCategories | None:
        """Return the fifths of the numbers of all cells of the stored crops; None where those do not tell them apart.

        Models that are told counts have no counting categories of their own; this is what they can be compared by with
        models that are told one of five.
        """
        bounds = quantile_bounds(self.crops.sum(axis=1), 5)
        return CountingCategories(bounds) if len(set(bounds)) == len(bounds) else None

    def require_seen(self, asked: Mapping[str, int], classes: Sequence[str], *, windows: float = 1.0) -> None:
        """Make sure that counts can be asked for: each within what training crops had, times the windows.

        Args:
            asked: Cells of some classes in the whole layout.
            classes: Of the model.
            windows: Area of the layout over that of a training crop.

        Raises:
            InvalidInputError: A class is unknown, or its count was never seen.
        """
        for name, count in asked.items():
            if name not in classes:
                raise InvalidInputError(f"there is no class {name!r} to count; the classes are {', '.join(classes)}.")
            place = list(classes).index(name)
            low, high = (round(limit[place] * windows) for limit in (self.lowest, self.highest))
            if not low <= count <= high:
                raise InvalidInputError(
                    f"{count} cells of class {name!r} are asked for; training crops had {low} to {high} on this area, "
                    "and nothing else can be asked for."
                )

    def unusual(self, counts: Sequence[int], *, windows: float = 1.0) -> str | None:
        """Return what to know where all cells together are fewer or more than any training crop had; None else."""
        total, low, high = sum(counts), self.lowest[-1] * windows, self.highest[-1] * windows
        if low <= total <= high:
            return None
        return (
            f"{total} cells in all are asked for; training crops had {low:.0f} to {high:.0f} on this area: the model "
            "has never seen such a number together."
        )

    def complete(self, asked: Mapping[int, int], rng: np.random.Generator, *, windows: float = 1.0) -> tuple[int, ...]:
        """Return counts of all classes: those asked for, and the others from one training crop.

        That crop is drawn among those whose counts of the classes asked for are nearest to the request, on the scale
        that a network is told; among all of them where nothing is asked for.

        Args:
            asked: Cells in the whole layout by label.
            rng: Draws the crop.
            windows: Area of the layout over that of a training crop.
        """
        candidates = np.arange(len(self.crops))
        if asked:
            labels = list(asked)
            wanted = np.zeros((1, self.crops.shape[1]))
            wanted[0, labels] = np.array([asked[label] for label in labels]) / windows
            offsets = (self._standard(self.crops) - self._standard(wanted))[:, labels]
            candidates = np.argsort(np.square(offsets).sum(axis=1), kind="stable")[:NEAREST]
        lent = np.rint(self.crops[rng.choice(candidates)] * windows).astype(int).tolist()
        return tuple(asked.get(label, count) for label, count in enumerate(lent))

    def to_json(self) -> dict[str, Any]:
        """Return the counts for ``config.json``."""
        return {
            "mean": list(self.mean),
            "spread": list(self.spread),
            "lowest": list(self.lowest),
            "highest": list(self.highest),
            "crops": self.crops.tolist(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> TrainingCounts:
        """Return the counts that :meth:`to_json` wrote."""
        return cls(
            np.array([[int(count) for count in crop] for crop in stored["crops"]], np.int64),
            tuple(float(one) for one in stored["mean"]),
            tuple(float(one) for one in stored["spread"]),
            tuple(int(one) for one in stored["lowest"]),
            tuple(int(one) for one in stored["highest"]),
        )

    def _standard(self, counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return logarithms of counts (N, C) and of their sums on the scale that a network is told, (N, C + 1)."""
        return np.asarray((np.log1p(_with_total(counts)) - self.mean) / self.spread, np.float64)


def _with_total(counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([counts, counts.sum(axis=1, keepdims=True)], axis=1)
