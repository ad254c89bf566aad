"""How the spatial densities of cells are fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from cellweave.core import InvalidInputError
from cellweave.maps.density_fits import LEAST_SPREAD_PX, MOST_COMPONENTS

DensityMethod = Literal["kde", "gmm", "gmcm", "none"]


@dataclass(frozen=True, slots=True)
class DensitySettings:
    """How densities are fitted.

    Attributes:
        method: ``kde``, Gaussian kernels; ``gmm``, a Gaussian mixture; ``gmcm``, a Gaussian mixture copula model with
            mixtures as marginals; ``none``, all maps 0.
        factor: Of the bandwidth of ``kde``, as in scipy; Scott's when None.
        components: Number of components of ``gmm`` and of the copula of ``gmcm``, as far as there are cells for them;
            the one of smallest BIC when None.
        most_components: Largest number that BIC may choose.
        least_spread_px: Smallest standard deviation of kernels and components, in pixels of the frame.

    Raises:
        InvalidInputError: The method is unknown, a number makes no sense, or the method has no use for it.
    """

    method: DensityMethod
    factor: float | None = None
    components: int | None = None
    most_components: int = MOST_COMPONENTS
    least_spread_px: float = LEAST_SPREAD_PX

    def __post_init__(self) -> None:
        if self.method not in get_args(DensityMethod):
            raise InvalidInputError(f"a density is one of {', '.join(get_args(DensityMethod))}, got {self.method!r}.")
        for name, positive in (("factor", self.factor), ("least_spread_px", self.least_spread_px)):
            if positive is not None and not 0 < positive < np.inf:
                raise InvalidInputError(f"{name} must be a number > 0, got {positive}.")
        for name, number in (("components", self.components), ("most_components", self.most_components)):
            if number is not None and number < 1:
                raise InvalidInputError(f"{name} must be >= 1, got {number}.")
        if self.factor is not None and self.method != "kde":
            raise InvalidInputError(
                f"only the density 'kde' has a bandwidth factor, got {self.factor} of {self.method!r}."
            )
        if self.components is not None and self.method not in ("gmm", "gmcm"):
            raise InvalidInputError(
                f"only the densities 'gmm' and 'gmcm' have components, got {self.components} of {self.method!r}."
            )
