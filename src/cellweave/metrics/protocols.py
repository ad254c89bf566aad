"""The scoring protocols by name, and the counts that every score is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics.candidates import Candidates
from cellweave.metrics.greedy import match_greedily, nearest_free
from cellweave.metrics.matching import match_maximum, most_pairs, nearest_most_pairs
from cellweave.metrics.neighbours import Indices, Points

ScoringProtocol = Literal["matching", "greedy"]

PROTOCOLS: Mapping[str, Callable[[Points, Points, float], Indices]] = MappingProxyType(
    {"matching": match_maximum, "greedy": match_greedily}
)
"""How true and predicted points are paired, by the name of the protocol."""


@dataclass(frozen=True, slots=True)
class PairingRule:
    """A protocol, taken apart: for images that are paired together, and pairs that are wanted several times.

    Attributes:
        closed: Whether a distance equal to the radius is near enough.
        pair: Index of the predicted cell of every true one, -1 for none; only the number of pairs is defined.
        assign: The same number of pairs, and which ones they are does not depend on the order of the cells.
    """

    closed: bool
    pair: Callable[[Candidates], Indices]
    assign: Callable[[Candidates], Indices]


_RULES: Mapping[str, PairingRule] = MappingProxyType(
    {
        "matching": PairingRule(True, most_pairs, nearest_most_pairs),
        "greedy": PairingRule(False, nearest_free, nearest_free),
    }
)


def pairing_rule(protocol: str) -> PairingRule:
    """Return the rule of a protocol.

    Raises:
        InvalidInputError: There is no such protocol.
    """
    if protocol not in _RULES:
        raise InvalidInputError(f"there is no scoring protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}.")
    return _RULES[protocol]


def match_cells(truth: Cells, predicted: Cells, radius_px: float, protocol: str) -> Indices:
    """Pair true and predicted cells of one image, regardless of class.

    Args:
        truth: Annotated cells.
        predicted: Cells found.
        radius_px: Distance within which a cell counts as found, in pixels, > 0.
        protocol: A name of :data:`PROTOCOLS`.

    Returns:
        Index of the predicted cell of every true one, int64 (N,); -1 where it was not found.

    Raises:
        InvalidInputError: The radius is not a positive number, or there is no such protocol.
    """
    pairing_rule(protocol)
    return PROTOCOLS[protocol](truth.xy, predicted.xy, radius_px)


def count_matches(truth: Cells, predicted: Cells, radius_px: float, protocol: str) -> tuple[int, int, int]:
    """Count true positives, false positives and false negatives of one image, regardless of class.

    Arguments and errors are those of :func:`match_cells`.

    Example:
        >>> truth = Cells([[1, 1], [9, 9]], classes=(), shape=(10, 10))
        >>> found = Cells([[1, 4]], classes=(), shape=(10, 10))
        >>> count_matches(truth, found, 3.0, "matching"), count_matches(truth, found, 3.0, "greedy")
        ((1, 0, 1), (0, 1, 2))
    """
    true_positives = int((match_cells(truth, predicted, radius_px, protocol) >= 0).sum())
    return true_positives, len(predicted) - true_positives, len(truth) - true_positives
