"""Vahadane's stain vectors: a sparse, non-negative factorisation of optical density with two stains."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cellweave.stain.macenko import macenko_stains
from cellweave.stain.separation import unmix

SPARSITY = 0.1 / np.log(10)
"""λ of the paper, 0.1 in natural logarithms, for the decadic ones of this package."""

_ROUNDS = 300
_SETTLED = 1e-5

_PARALLEL = 1 - 1e-9
"""Cosine from which two stains are one; there is nothing left to factorise."""


def vahadane_stains(densities: npt.NDArray[np.float64], *, sparsity: float = SPARSITY) -> npt.NDArray[np.float64]:
    """Return two unit stain vectors, (2, 3), in no particular order.

    Minimises ``|V - H W|² / 2 + λ |H|₁`` over concentrations H >= 0 and stains W >= 0 with rows of length 1, by turns:
    the concentrations exactly, then each stain exactly with the other one fixed. It starts at Macenko's stains and
    draws no random number, so that equal densities give equal stains.

    Args:
        densities: Optical densities of tissue V, (N, 3), >= 0, N >= 2, not all 0.
        sparsity: λ, in units of optical density, >= 0; more of it draws the stains nearer to one another.

    Source:
        Vahadane et al. 2016, Structure-preserving color normalization and sparse stain separation for histological
        images, IEEE Trans. Med. Imaging 35:1962-1971, Eq. 5. The stains' step is that of Mairal et al. 2010, Online
        learning for matrix factorization and sparse coding, JMLR 11:19-60, algorithm 2, with all pixels at once.
    """
    stains = macenko_stains(densities)
    for _ in range(_ROUNDS):
        if stains[0] @ stains[1] > _PARALLEL:
            break
        before = stains.copy()
        amounts = unmix(densities, stains, sparsity=sparsity)
        own, cross = amounts.T @ amounts, amounts.T @ densities
        for stain in range(2):
            if own[stain, stain] > 0:
                step = stains[stain] + (cross[stain] - own[stain] @ stains) / own[stain, stain]
                turned = np.maximum(step, 0)
                length = np.linalg.norm(turned)
                if length > 0:
                    stains[stain] = turned / length
        if np.abs(stains - before).max() < _SETTLED:
            break
    return stains
