"""Hard cores: no two cells closer than their classes allow."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from cellweave.core import InvalidInputError
from cellweave.patterns.point_processes import Points


def inhibit(points: Points, labels: npt.NDArray[np.int64], distances: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Return which points stay when each is thrown in turn and stays only if no earlier one that stays is too near.

    This is dart throwing, or simple sequential inhibition: the order decides, so shuffle points that are to
    have equal chances, and put first those that are to win.

    Args:
        points: Positions (N, 2), in the order in which they are thrown.
        labels: Class of every point, (N,), in 0..C - 1.
        distances: Exclusion distance of every pair of classes, (C, C), symmetric, >= 0, in the unit of the points;
            points that far apart or farther may both stay.

    Returns:
        bool (N,).

    Raises:
        InvalidInputError: The distances are not symmetric or negative, or a label has no row in them.

    Source:
        Diggle, Besag & Gleaves 1976, Statistical analysis of spatial point patterns by means of distance
        methods, Biometrics 32:659-667 (simple sequential inhibition).

    Example:
        >>> inhibit(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]), np.zeros(3, int), [[1.5]]).tolist()
        [True, False, True]
    """
    limits = np.asarray(distances, np.float64)
    if limits.ndim != 2 or limits.shape != limits.T.shape or not (limits >= 0).all() or (limits != limits.T).any():
        raise InvalidInputError(f"exclusion distances are a symmetric (C, C) matrix >= 0, got {limits.tolist()}.")
    if len(points) != len(labels):
        raise InvalidInputError(f"every point needs one label, got {len(labels)} labels for {len(points)} points.")
    if len(labels) and not (labels.min() >= 0 and labels.max() < len(limits)):
        raise InvalidInputError(f"labels lie in 0..{len(limits) - 1}, got {labels.min()}..{labels.max()}.")
    stays = np.ones(len(points), bool)
    if len(points) < 2:
        return stays
    pairs = cKDTree(points).query_pairs(limits.max(), output_type="ndarray")
    gaps = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    pairs = np.sort(pairs[gaps < limits[labels[pairs[:, 0]], labels[pairs[:, 1]]]], axis=1)
    # Sorted by the earlier point: when a pair's turn comes, its earlier point's fate is sealed.
    for earlier, later in pairs[np.argsort(pairs[:, 0], kind="stable")].tolist():
        if stays[earlier]:
            stays[later] = False
    return stays
