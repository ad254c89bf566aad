"""Layouts with a record of their counts as they were generated, and, where asked for, what corrects them after that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from cellweave.core import Cells, InvalidInputError
from cellweave.layouts.generator import GeneratedLayout, LayoutGenerator
from cellweave.layouts.requests import CountRequest

Correction = Literal["trim", "reject"]
"""``trim``: only the highest peaks stay, as many as are asked for; ``reject``: layouts that miss are drawn again."""

TRIES = 8
"""Of ``reject``, the first included; after them the try that misses by the fewest cells is kept."""


@dataclass(frozen=True, slots=True)
class CountRecord:
    """Numbers of cells of one layout, before and after correction.

    Attributes:
        index: Number of the layout in the run.
        request: What was asked for.
        made: Cells of every class as first generated and decoded.
        kept: Cells of every class in the end.
        tries: Times that it was drawn.
        met: Whether what was kept meets the request.
    """

    index: int
    request: CountRequest
    made: tuple[int, ...]
    kept: tuple[int, ...]
    tries: int
    met: bool

    def to_json(self) -> dict[str, Any]:
        """Return the record for a file."""
        return {
            "index": self.index,
            "category": self.request.category,
            "counts": None if self.request.counts is None else list(self.request.counts),
            "windows": self.request.windows,
            "made": list(self.made),
            "kept": list(self.kept),
            "tries": self.tries,
            "met": self.met,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> CountRecord:
        """Return the record that :meth:`to_json` wrote."""
        counts = None if stored["counts"] is None else tuple(stored["counts"])
        return cls(
            stored["index"],
            CountRequest(stored["category"], counts, stored["windows"]),
            tuple(stored["made"]),
            tuple(stored["kept"]),
            stored["tries"],
            stored["met"],
        )


def corrected_layouts(
    generator: LayoutGenerator,
    indices: Sequence[int],
    correction: Correction | None,
    draw: Callable[[Sequence[int], int], Iterator[GeneratedLayout]],
) -> Iterator[tuple[Cells, CountRecord]]:
    """Yield the cells of layouts, corrected if asked for, and the records of their counts.

    Each layout depends on its own requests and tries alone, whatever else is in the batch.

    Args:
        generator: The model.
        indices: Numbers of the layouts; they are drawn as one batch.
        correction: None leaves all layouts as they are.
        draw: Returns the layouts of some numbers at a numbered try, from 0.
    """
    first = {layout.index: layout for layout in draw(indices, 0)}
    best, tries = dict(first), dict.fromkeys(first, 1)
    for attempt in range(1, TRIES if correction == "reject" else 1):
        missed = [index for index, layout in best.items() if _distance(layout, generator)]
        if not missed:
            break
        for layout in draw(missed, attempt):
            tries[layout.index] += 1
            if _distance(layout, generator) < _distance(best[layout.index], generator):
                best[layout.index] = layout
    for index in indices:
        cells, request = best[index].cells, best[index].request
        if correction == "trim":
            cells = request.trimmed(cells, generator.categories)
        kept = class_counts(cells)
        met = request.is_met(kept, generator.categories)
        yield cells, CountRecord(index, request, class_counts(first[index].cells), kept, tries[index], met)


def named_correction(name: str | None) -> Correction | None:
    """Return the correction of a name; None for none.

    Raises:
        InvalidInputError: There is no such correction.
    """
    known: tuple[Correction, ...] = get_args(Correction)
    for one in known:
        if one == name:
            return one
    if name is not None:
        raise InvalidInputError(f"a correction is one of {', '.join(known)}, got {name!r}.")
    return None


def class_counts(cells: Cells) -> tuple[int, ...]:
    """Return the number of cells of every class."""
    return tuple(np.bincount(cells.labels, minlength=len(cells.classes)).tolist())


def _distance(layout: GeneratedLayout, generator: LayoutGenerator) -> float:
    return layout.request.distance(class_counts(layout.cells), generator.categories)
