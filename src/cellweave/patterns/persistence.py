"""Persistent homology of a point pattern: how many pieces and how many holes it has at every scale."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from cellweave.core import InvalidInputError
from cellweave.patterns.nearest_neighbours import as_points
from cellweave.patterns.pairs import Floats


class BettiCurves(NamedTuple):
    """Numbers of features of a pattern at several scales.

    Attributes:
        components: Connected pieces when points at most a distance apart are joined, (R,).
        loops: Holes that the joined points enclose, (R,).
    """

    components: Floats
    loops: Floats


def homology_is_installed() -> bool:
    """Return whether the library is there that :func:`betti_curves` asks: the extra ``topology``."""
    return find_spec("ripser") is not None


def betti_curves(xy: npt.ArrayLike, distances: npt.ArrayLike) -> BettiCurves:
    """Count the pieces and the holes of a pattern, growing from single points to one piece.

    At distance r the pattern is its Vietoris-Rips complex: points at most r apart are joined, and three joined points
    fill their triangle. The pieces tell as much as the lengths of the edges of the minimum spanning tree; the holes
    are where rows of cells surround empty ground.

    Args:
        xy: Points, (N, 2), in any unit of length; N may be 0.
        distances: Where to count, ascending, >= 0, (R,), in that unit.

    Raises:
        InvalidInputError: The extra is not installed, the shape is not (N, 2), or distances are negative or descend.

    Source:
        Edelsbrunner & Harer 2010, Computational Topology, chapters III and VII; computed by Ripser (Bauer 2021,
        Journal of Applied and Computational Topology 5:391-423).

    Example:
        >>> square = [[0, 0], [1, 0], [1, 1], [0, 1]]  # doctest: +SKIP
        >>> betti_curves(square, [0.5, 1.0, 1.5]).loops.tolist()  # doctest: +SKIP
        [0.0, 1.0, 0.0]
    """
    points, scales = as_points(xy), np.asarray(distances, np.float64)
    if scales.ndim != 1 or not len(scales) or not scales[0] >= 0 or not (np.diff(scales) > 0).all():
        raise InvalidInputError(f"distances must be ascending numbers >= 0, got {scales.tolist()}.")
    if not homology_is_installed():
        raise InvalidInputError(
            "persistent homology needs ripser, which is not installed; pip install 'cellweave[topology]'."
        )
    if len(points) < 2:
        return BettiCurves(np.full(len(scales), float(len(points))), np.zeros(len(scales)))
    ripser = import_module("ripser").ripser

    # As a matrix, since the library warns of as many points as coordinates, which two points are
    pieces, holes = ripser(cdist(points, points), maxdim=1, thresh=float(scales[-1]), distance_matrix=True)["dgms"]
    return BettiCurves(_alive(pieces, scales), _alive(holes, scales))


def _alive(bars: npt.NDArray[np.floating], scales: Floats) -> Floats:
    """Return how many bars (birth, death) hold each scale: from birth on, up to death."""
    # Ripser computes in single precision: an edge of exactly the scale must count as joined
    births, deaths = (np.sort(side * (1 - 1e-6)) for side in np.asarray(bars, np.float64).reshape(-1, 2).T)
    born = np.searchsorted(births, scales, side="right")
    died = np.searchsorted(deaths, scales, side="right")
    return np.asarray(born - died, np.float64)
