"""How a stain varies from one laboratory, batch and scanner to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.stain.optical_density import compose, unit_stains


@dataclass(frozen=True, slots=True, eq=False)
class Staining:
    """How one slide was stained and scanned.

    Attributes:
        stains: Unit stain vectors, (S, 3).
        strengths: Factor on the concentration of every stain, (S,).
        background: Grey levels of the empty slide in red, green and blue, (3,).
    """

    stains: npt.NDArray[np.float64]
    strengths: npt.NDArray[np.float64]
    background: npt.NDArray[np.float64]

    def compose(self, concentrations: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Return the image, uint8 (..., 3), of stain concentrations, (..., S), on this slide."""
        amounts = np.asarray(concentrations, np.float32) * self.strengths.astype(np.float32)
        return compose(amounts, self.stains, background=self.background)


def jitter_stains(
    stains: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    degrees: float = 4.0,
    strength: float = 0.2,
    darkening: float = 12.0,
) -> Staining:
    """Return the staining of another slide: stain vectors turned a little, other strengths, another background.

    Args:
        stains: Stain vectors of the reference, (S, 3).
        rng: Source of the variation.
        degrees: Every stain vector turns by an angle uniform in [0, ``degrees``], in a random direction; densities
            that would become negative stay 0, which only makes the angle smaller.
        strength: Every concentration is multiplied by a factor uniform in [1 - ``strength``, 1 + ``strength``].
        darkening: The background lies uniformly in [255 - ``darkening``, 255] in every channel; grey levels.

    Raises:
        InvalidInputError: The stain vectors are unusable, or an amount lies outside its range.
    """
    for name, value, limit in (("degrees", degrees, 45.0), ("strength", strength, 1.0), ("darkening", darkening, 255)):
        if not 0 <= value <= limit:
            raise InvalidInputError(f"{name} must lie in [0, {limit:g}], got {value}.")
    rows = unit_stains(stains)
    angles = np.deg2rad(rng.uniform(0, degrees, (len(rows), 1)))
    directions = rng.normal(size=rows.shape)
    directions -= (directions * rows).sum(axis=1, keepdims=True) * rows
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    turned = np.cos(angles) * rows + np.sin(angles) * directions
    return Staining(
        stains=unit_stains(np.maximum(turned, 0)),
        strengths=rng.uniform(1 - strength, 1 + strength, len(rows)),
        background=255 - rng.uniform(0, darkening, 3),
    )
