"""How much of each of two stains lies at every pixel: an exact, non-negative lasso in closed form."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Reals = TypeVar("Reals", bound=npt.NDArray[np.floating[Any]])


def two_stain_concentrations(first: Reals, second: Reals, overlap: float) -> tuple[Reals, Reals]:
    """Return the concentrations h1, h2 >= 0 that minimise ``|v - h1 w1 - h2 w2|² / 2 + λ (h1 + h2)`` at every pixel.

    The optimum lies inside the quadrant, on one of its two edges or at its corner, and the signs of the unconstrained
    solution say where.

    Args:
        first: ``w1 · v - λ`` of every pixel, where w1 is the unit vector of the first stain and v the pixel's density.
        second: ``w2 · v - λ``, of the same shape.
        overlap: ``w1 · w2``, in [0, 1).

    Returns:
        h1 and h2, of the shape and type of ``first``.

    Source:
        The lasso of Vahadane et al. 2016, Structure-preserving color normalization and sparse stain separation for
        histological images, IEEE Trans. Med. Imaging 35:1962-1971, with the stains given; its Karush-Kuhn-Tucker
        conditions, solved for two stains.

    Example:
        >>> h1, h2 = two_stain_concentrations(np.array([0.5, -1.0]), np.array([0.25, 0.5]), 0.0)
        >>> h1.tolist(), h2.tolist()
        ([0.5, 0.0], [0.25, 0.5])
    """
    factor, cross = first.dtype.type(1 / (1 - overlap**2)), first.dtype.type(overlap)
    inner_first, inner_second = (first - cross * second) * factor, (second - cross * first) * factor
    h1: Reals = np.maximum(np.where(inner_second < 0, first, inner_first), 0)  # type: ignore[assignment]
    h2: Reals = np.maximum(np.where(inner_first < 0, second, inner_second), 0)  # type: ignore[assignment]
    return h1, h2


def unmix(
    densities: npt.NDArray[np.float64], stains: npt.NDArray[np.float64], *, sparsity: float = 0.0
) -> npt.NDArray[np.float64]:
    """Return the concentrations, (N, 2), of two unit stain vectors, (2, 3), in densities, (N, 3).

    Args:
        densities: Optical densities.
        stains: Unit rows, not parallel.
        sparsity: λ of :func:`two_stain_concentrations`, >= 0.
    """
    first, second = (densities @ stains.T - sparsity).T
    return np.stack(two_stain_concentrations(first, second, float(stains[0] @ stains[1])), axis=1)
