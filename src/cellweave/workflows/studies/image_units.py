"""What the intervals of a study of image models are drawn over: groups of patches, and how that is said."""

from __future__ import annotations

from collections.abc import Sequence

from cellweave.data import CellDataset
from cellweave.workflows.studies.image_places import Place

GROUPS = "groups"
"""Patients, slides or regions, as the data set groups its images: all patches of a group are drawn together."""

PATCHES = "patches"
"""One by one, whatever their groups: as studies of one model did at first, whose folders are gone on with so."""

ALONE = "patches of one group are not independent, so that these intervals are too narrow"

_LEAST_DEFINED = 0.95
"""Share of the resamples in which a KID must be defined, so that it has an interval."""


def unit_names(dataset: CellDataset, places: Sequence[Place], units: str) -> list[str]:
    """Return the name of the unit that every place is drawn with.

    Args:
        dataset: Where the places are.
        places: Any.
        units: ``GROUPS`` or ``PATCHES``; an image without a group is its own.
    """
    if units == PATCHES:
        return [place.name for place in places]
    groups = dataset.groups()
    return [groups[place.image] or place.image for place in places]


def units_in_words(units: str, counts: Sequence[int]) -> str:
    """Return what is drawn with replacement, and how many, in words; ``counts`` are those of different arms."""
    shown = " or ".join(f"{count}" for count in sorted(set(counts))) or "no"
    if units == PATCHES:
        return f"{shown} patches, one by one whatever their groups,"
    return f"{shown} groups (patients, slides or regions; an image without one is its own), each with all its patches,"


def few_units_in_words(units: int) -> str:
    """Return what cannot be told of so few units; empty where there are enough.

    A KID compares patches of different units only, and a resample may hold a single one, again and again.
    """
    if units < 2:
        return (
            "All patches are of one group: there is no KID, which compares different groups, and no interval; give a "
            "--split or data with more."
        )
    if 1 - units ** (1 - units) < _LEAST_DEFINED:
        return f"KID has no interval: of {units} groups, too many draws hold a single one."
    return ""
