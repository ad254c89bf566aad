"""What the intervals of a study of image models are drawn over: groups of patches, and how that is said."""

from __future__ import annotations

from collections.abc import Sequence

from cellweave.data import CellDataset
from cellweave.workflows.studies.image_places import Place

GROUPS = "groups"
"""Patients, slides or regions, as the data set groups its images: all patches of a group are drawn together."""


def group_names(dataset: CellDataset, places: Sequence[Place]) -> list[str]:
    """Return the name of the group of every place; an image without one is its own."""
    groups = dataset.groups()
    return [groups[place.image] or place.image for place in places]


def groups_in_words(counts: Sequence[int]) -> str:
    """Return what is drawn with replacement, and how many, in words; ``counts`` are those of different arms."""
    shown = " or ".join(f"{count}" for count in sorted(set(counts))) or "no"
    return f"{shown} groups (patients, slides or regions; an image without one is its own), each with all its patches,"


def missing_in_words(counts: Sequence[int], measures: Sequence[str]) -> str:
    """Return what cannot be told of so few groups; empty where nothing is missing.

    A KID compares patches of different groups only, and an FID needs more patches than features; a resample may hold a
    single group, again and again, or small ones.

    Args:
        counts: Numbers of groups of the arms and folds.
        measures: Those that have a value, but no interval.
    """
    if min(counts, default=2) < 2:
        return (
            "All patches are of one group: there is no KID, which compares different groups, and no interval; give a "
            "--split or data with more."
        )
    if measures:
        groups = " or ".join(f"{count}" for count in sorted(set(counts)))
        return (
            f"No interval of {', '.join(measures)}: of {groups} groups, too many draws hold a single one, or too few "
            "patches."
        )
    return ""
