"""A Thomas cluster process fitted to counted pairs by minimum contrast, beyond the reach of a hard core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.patterns.pairs import Floats, PairCounts

POWER = 0.25
"""Diggle's variance-stabilising power for clustered patterns."""

_WEAKEST = 0.01
"""Clusters that raise the pair correlation by less than this are no clusters."""


@dataclass(frozen=True, slots=True)
class ThomasFit:
    """Parameters of a Thomas process, in the unit of length of the pairs that it was fitted to.

    Attributes:
        parents: Clusters per unit area; infinite where the pattern shows no clusters (a Poisson process).
        spread: Standard deviation of the points of a cluster about its middle, in x and in y; 0 without clusters.
    """

    parents: float
    spread: float

    @property
    def clusters(self) -> bool:
        """Whether there are any."""
        return bool(np.isfinite(self.parents))


def thomas_k(radii: npt.ArrayLike, *, parents: float, spread: float) -> Floats:
    """Return Ripley's K of a Thomas process, ``pi r² + (1 - exp(-r² / (4 spread²))) / parents``.

    Args:
        radii: >= 0, (R,), in any unit of length.
        parents: Clusters per unit area, > 0; infinite for a Poisson process.
        spread: Standard deviation of the points of a cluster about its middle, > 0.

    Returns:
        float64 (R,), in the unit squared.

    Source:
        Diggle 2003, Statistical Analysis of Spatial Point Patterns, Eq. 5.12 (p. 67 of the second edition).

    Example:
        >>> thomas_k([0.0, 2.0], parents=0.1, spread=1.0).round(3).tolist()  # 4 pi + 10 (1 - 1 / e)
        [0.0, 18.888]
    """
    squared = np.asarray(radii, np.float64) ** 2
    return np.asarray(np.pi * squared - np.expm1(-squared / (4 * spread**2)) / parents, np.float64)


def fit_thomas(pairs: PairCounts, *, start: float = 0.0) -> ThomasFit:
    """Return the Thomas process whose K comes closest to that of counted pairs.

    Least is the sum over the radii of ``(K_found(r)^q - K_model(r)^q)²``, q = 1/4. Cells do not come closer than their
    size allows, which no Thomas process knows: with ``start``, K is counted from there on, ``K(r) - K(start)``, in the
    pattern and in the model.

    Args:
        pairs: Counted pairs whose distances begin with 0; pool those of several patterns.
        start: Where the hard core and its shoulder end, >= 0, in the unit of the pairs; taken at the next edge.

    Returns:
        The process; without clusters where pairs lie no closer together than those of a Poisson process, or there is
        no pair to look at.

    Raises:
        InvalidInputError: Fewer than three edges lie beyond ``start``.

    Source:
        Diggle & Gratton 1984, Monte Carlo methods of inference for implicit statistical models, Journal of the Royal
        Statistical Society B 46:193-227; Møller & Waagepetersen 2004, Statistical Inference and Simulation for Spatial
        Point Processes, §10.1.
    """
    from scipy.optimize import least_squares

    edges = pairs.edges
    first = int(np.searchsorted(edges, start, side="left"))
    if len(edges) - first < 4:
        raise InvalidInputError(
            f"a cluster process is fitted to K at three radii or more beyond {start:g}, but the pairs are counted up "
            f"to {edges[-1]:g}; count pairs at larger distances."
        )
    found = np.concatenate([[0.0], pairs.ripley_k()])
    radii = edges[first + 1 :]
    target = found[first + 1 :] - found[first]
    if not np.isfinite(target).all() or not (target > 0).any():
        return ThomasFit(np.inf, 0.0)

    def contrast(parameters: Floats) -> Floats:
        parents, spread = np.exp(parameters)
        k = thomas_k(radii, parents=parents, spread=spread) - thomas_k(edges[first], parents=parents, spread=spread)
        return np.asarray(k**POWER - target**POWER, np.float64)

    reach = float(edges[-1])
    lowest = np.log([1e-3 / reach**2, reach / 200])
    highest = np.log([1e6 / reach**2, reach])
    starts = [np.log([number / reach**2, reach * share]) for number in (0.3, 3.0, 30.0) for share in (0.05, 0.2, 0.6)]
    fits = [least_squares(contrast, one, bounds=(lowest, highest)) for one in starts]
    best = min(fits, key=lambda fit: float(fit.cost))
    parents, spread = (float(value) for value in np.exp(best.x))
    raised = np.exp(-(float(edges[first]) ** 2) / (4 * spread**2)) / (4 * np.pi * parents * spread**2)
    return ThomasFit(parents, spread) if raised > _WEAKEST else ThomasFit(np.inf, 0.0)
