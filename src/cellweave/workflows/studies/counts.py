"""The counts of a study's localiser trials, gathered into one array an arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cellweave.core import OutputError
from cellweave.metrics import PROTOCOLS
from cellweave.workflows.studies.held_out import STUDY_DECODERS
from cellweave.workflows.studies.trial_result import reading_results

PROTOCOL_NAMES = tuple(PROTOCOLS)


@dataclass(frozen=True, eq=False)
class ArmCounts:
    """What one arm found in the same images under every seed.

    Attributes:
        arm: Its name.
        title: Its name in tables.
        value: Its place on the study's axis, if that has one.
        seeds: Seeds that have a result, ascending.
        images: Names, (images,).
        groups: Patient or slide of every image.
        labels: ``all``, then the classes.
        counts: True positives, false positives and false negatives, int64
            (seeds, images, decoders, protocols, radii, labels, 3).
        true: Numbers of cells, int64 (images,).
        predicted: Numbers of cells found, int64 (seeds, images, decoders).
    """

    arm: str
    title: str
    value: float | None
    seeds: tuple[int, ...]
    images: tuple[str, ...]
    groups: tuple[str, ...]
    labels: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    true: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]


def gather(arm: str, results: Mapping[int, Mapping[str, Any]]) -> ArmCounts:
    """Return the counts of an arm.

    Args:
        arm: Its name.
        results: Result of every seed, none failed, at least one.

    Raises:
        OutputError: A result lacks something, or results are not of the same images.
    """
    seeds = tuple(sorted(results))
    with reading_results(arm):
        first = results[seeds[0]]
        images = [(str(one["image"]), str(one["group"]), int(one["true"])) for one in first["images"]]
        for seed in seeds:
            theirs = [(str(one["image"]), str(one["group"]), int(one["true"])) for one in results[seed]["images"]]
            if theirs != images or results[seed]["labels"] != first["labels"]:
                raise OutputError(f"seed {seed} of arm {arm} was scored on other images than seed {seeds[0]}.")
        counts = [_one(results[seed]["counts"]) for seed in seeds]
        predicted = [
            [[int(one["predicted"][name]) for name in STUDY_DECODERS] for one in results[seed]["images"]]
            for seed in seeds
        ]
        return ArmCounts(
            arm,
            str(first["title"]),
            None if first["value"] is None else float(first["value"]),
            seeds,
            tuple(name for name, _, _ in images),
            tuple(group for _, group, _ in images),
            tuple(first["labels"]),
            np.stack(counts),
            np.array([number for _, _, number in images], np.int64),
            np.array(predicted, np.int64),
        )


def _one(counts: Mapping[str, Mapping[str, Sequence[Any]]]) -> npt.NDArray[np.int64]:
    """Return (images, decoders, protocols, radii, labels, 3)."""
    nested = [[counts[decoder][protocol] for protocol in PROTOCOL_NAMES] for decoder in STUDY_DECODERS]
    return np.moveaxis(np.array(nested, np.int64), 2, 0)
