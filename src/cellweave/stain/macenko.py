"""Macenko's stain vectors: the two ends of the fan that the colours of tissue make in optical density."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cellweave.stain.optical_density import unit_stains


def macenko_stains(densities: npt.NDArray[np.float64], *, percentile: float = 1.0) -> npt.NDArray[np.float64]:
    """Return two unit stain vectors, (2, 3), in no particular order.

    Densities are projected onto the plane of their two largest singular values; the stains are the directions in it
    that leave ``percentile`` of the pixels outside on either side.

    Args:
        densities: Optical densities of tissue, (N, 3), >= 0, N >= 2, not all 0.
        percentile: α of the paper, in (0, 50).

    Source:
        Macenko et al. 2009, A method for normalizing histology slides for quantitative analysis, ISBI 2009, Fig. 1,
        steps 3 to 8. Components that would be negative become 0, as no stain adds light.
    """
    _, _, directions = np.linalg.svd(densities, full_matrices=False)
    plane = directions[:2] * np.where(directions[:2].sum(axis=1, keepdims=True) < 0, -1, 1)
    along, across = (densities @ plane.T).T
    angles = np.percentile(np.arctan2(across, along), (percentile, 100 - percentile))
    ends = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ plane
    return unit_stains(np.maximum(ends, 0))
