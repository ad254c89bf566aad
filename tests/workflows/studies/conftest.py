"""Results of trials as a study keeps them, with counts made by hand."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cellweave.workflows.studies.counts import PROTOCOL_NAMES
from cellweave.workflows.studies.held_out import STUDY_DECODERS

Counts = Sequence[tuple[int, int, int]]


def result_of(counts: Counts, groups: Sequence[str], **changed: Any) -> dict[str, Any]:
    """Return a result with the same (tp, fp, fn) of every image for all decoders, protocols and radii, one class."""
    both = [[[list(one), list(one)]] for one in counts]  # one radius; all cells, and the one class
    images = [
        {
            "image": f"i{number}",
            "group": group,
            "fold": 1,
            "true": tp + fn,
            "predicted": dict.fromkeys(STUDY_DECODERS, tp + fp),
            "settings": {"window_px": 9, "threshold": 0.4},
        }
        for number, ((tp, fp, fn), group) in enumerate(zip(counts, groups, strict=True))
    ]
    return {
        "title": "an arm",
        "value": None,
        "parameters": 1_000_000,
        "hardware": "a machine",
        "threads": 1,
        "seconds_per_step": [0.5],
        "megapixels_per_second": [2.0, 4.0],
        "megapixels_per_core_second": [5.0],
        "failed": None,
        "labels": ["all", "tumor"],
        "images": images,
        "counts": {decoder: dict.fromkeys(PROTOCOL_NAMES, both) for decoder in STUDY_DECODERS},
        **changed,
    }


@pytest.fixture(scope="session")
def make_result() -> Callable[..., dict[str, Any]]:
    return result_of
