"""The positive index of images, regions, groups and all of them, beside that of annotations where there are some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cellweave.core import Cells, InvalidInputError
from cellweave.data.regions import Region
from cellweave.metrics.bootstrap import LEVEL
from cellweave.metrics.positive_index import (
    IndexClasses,
    PositiveIndex,
    count_by_group,
    index_of_cells,
    index_of_units,
    overall_index,
)

Scope = Literal["image", "region", "group", "all"]


@dataclass(frozen=True, slots=True)
class IndexRow:
    """The index of one image, region or group, or of all images.

    Attributes:
        scope: What it is the index of.
        image: The image, or that of the region; None for a group and for all.
        region: Name of the region.
        group: The group, or that of the image; None where not known.
        index: The index.
        truth: That of the annotated cells; None where there are no annotations.
    """

    scope: Scope
    image: str | None
    region: str | None
    group: str | None
    index: PositiveIndex
    truth: PositiveIndex | None = None

    @property
    def difference_points(self) -> float | None:
        """Index less that of the annotations, in percentage points; None where either is undefined."""
        if self.truth is None or self.index.value is None or self.truth.value is None:
            return None
        return 100 * (self.index.value - self.truth.value)

    def to_record(self) -> dict[str, Any]:
        """Return the row with one value a key: a line of a table."""
        low, high = self.index.interval or (None, None)
        record = {
            "scope": self.scope,
            "image": self.image,
            "region": self.region,
            "group": self.group,
            "positive": self.index.positive,
            "negative": self.index.negative,
            "index": self.index.value,
            "low": low,
            "high": high,
            "interval_over": self.index.units,
        }
        if self.truth is None:
            return record
        return record | {
            "true_positive_cells": self.truth.positive,
            "true_negative_cells": self.truth.negative,
            "true_index": self.truth.value,
            "difference_points": self.difference_points,
        }


@dataclass(frozen=True, slots=True)
class IndexScores:
    """Positive indices.

    Attributes:
        classes: The two classes.
        rows: Every image, then every region, then every group, then all images together.
        resamples: Bootstrap resamples.
        notes: What to know before quoting the numbers, one sentence each.
    """

    classes: IndexClasses
    rows: tuple[IndexRow, ...]
    resamples: int
    notes: tuple[str, ...] = ()

    def row(self, scope: Scope, name: str | None = None) -> IndexRow:
        """Return the row of an image, a region or a group by its name, or that of ``all``.

        Raises:
            KeyError: There is none.
        """
        for one in self.rows:
            own = {"image": one.image, "region": one.region, "group": one.group, "all": None}[one.scope]
            if one.scope == scope and own == name:
                return one
        raise KeyError(f"no row of {scope} {name!r}")

    @property
    def agreement(self) -> dict[str, float | int] | None:
        """Mean and mean absolute difference of the images' indices, in points; None without images with both."""
        points = [row.difference_points for row in self.rows if row.scope == "image"]
        known = np.array([one for one in points if one is not None])
        if not len(known):
            return None
        return {
            "images": len(known),
            "mean_absolute_points": float(abs(known).mean()),
            "mean_points": float(known.mean()),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the indices as JSON: numbers, text, lists and null only."""
        compared = any(row.truth is not None for row in self.rows)
        return {
            "positive": self.classes.positive,
            "negative": self.classes.negative,
            "level": LEVEL,
            "resamples": self.resamples,
            "rows": [row.to_record() for row in self.rows],
            **({"agreement": self.agreement} if compared else {}),
            "notes": list(self.notes),
        }


def score_index(
    cells: Mapping[str, Cells],
    classes: IndexClasses,
    *,
    truth: Mapping[str, Cells] | None = None,
    regions: Mapping[str, tuple[Region, ...]] | None = None,
    groups: Mapping[str, str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> IndexScores:
    """Compute the index of every image, region and group, and of all images together.

    An image and a region get a Wilson interval, with the cells as units. A group of several images, and all of them,
    get a bootstrap interval with the images, or the groups, as units. Without positive and negative cells an index is
    undefined, not 0.

    Args:
        cells: Cells of every image, found or annotated.
        classes: The two classes.
        truth: Annotated cells of the same images, to compare with.
        regions: Regions of images; an image that is not named has none. A cell counts in all regions that it lies in.
        groups: Patient or slide of images.
        resamples: Bootstrap resamples.
        seed: Of the resamples.

    Raises:
        InvalidInputError: There is no image, the truth is of other images, or the number of resamples is not positive.

    Example:
        >>> cells = Cells([[1, 1], [2, 2], [3, 3], [4, 4]], [0, 1, 1, 1], classes=("+", "-"), shape=(9, 9))
        >>> scores = score_index({"a": cells}, IndexClasses("+", "-"))
        >>> scores.row("all").index.value
        0.25
    """
    if not cells:
        raise InvalidInputError("there is no image whose index could be computed.")
    if truth is not None and set(truth) != set(cells):
        raise InvalidInputError(f"the truth has other images: {sorted(set(truth) ^ set(cells))[:5]} are on one side.")
    if resamples < 1:
        raise InvalidInputError(f"the number of resamples must be at least 1, got {resamples}.")
    groups = groups or {}
    images = sorted(cells)
    sides = [cells, *([] if truth is None else [truth])]
    rows: list[IndexRow] = []
    counts = [{image: classes.count(side[image]) for image in images} for side in sides]
    for image in images:
        own = (index_of_cells(*side[image]) for side in counts)
        rows.append(IndexRow("image", image, None, groups.get(image), *own))
    for image, in_image in sorted((regions or {}).items()):
        for region in in_image:
            held = [side[image].select(region.holds(side[image])) for side in sides]
            own = (index_of_cells(*classes.count(one)) for one in held)
            rows.append(IndexRow("region", image, region.name, groups.get(image), *own))
    chance = {"resamples": resamples, "seed": seed}
    by_group = [count_by_group(side, groups) for side in counts]
    for group in by_group[0]:
        own = (index_of_units(side[group], units="images", **chance) for side in by_group)
        rows.append(IndexRow("group", None, None, group, *own))
    rows.append(IndexRow("all", None, None, None, *(overall_index(side, groups, **chance) for side in counts)))
    return IndexScores(classes, tuple(rows), resamples, _notes(rows))


def _notes(rows: list[IndexRow]) -> tuple[str, ...]:
    undefined = list(
        dict.fromkeys(  # a group of one image is often called as that is
            str(row.region or row.image or row.group) for row in rows if row.scope != "all" and row.index.value is None
        )
    )
    if not undefined:
        return ()
    names = ", ".join(undefined[:5])
    more = f" and {len(undefined) - 5} more" if len(undefined) > 5 else ""
    return (f"no positive and no negative cell, so no index: {names}{more}.",)
