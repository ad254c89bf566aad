"""The two stains of an image: which is which, how strong they are, and giving an image those of another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cellweave.core import InvalidInputError
from cellweave.stain.optical_density import MACENKO_HE, RUIFROK_HE, density_to_rgb, unit_stains
from cellweave.stain.separation import two_stain_concentrations, unmix
from cellweave.stain.tissue import (
    LEAST_TISSUE,
    RgbImage,
    TissueSample,
    blocks_of,
    channels_of,
    density_tables,
    require_rgb,
)

STRENGTH_PERCENTILE = 99.0
"""Of a stain's concentrations; the strength of a stain, as in Vahadane et al. 2016 and Macenko et al. 2009."""

_LEAST_DENSITY = 0.15
"""Length of the density of pixels that stains are estimated from: the direction of paler ones is noise."""

_LEAST_TURN = 7.0
"""Degrees from eosin towards haematoxylin below which two estimates are one stain and its noise."""

_LEAST_STRENGTH = 0.1
"""Of the other stain's strength; a stain that is weaker is not there."""

_LEAST_ANGLE = 8.0
"""Degrees between two stains that can be told apart at a pixel."""

StainEstimate = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
"""From densities of tissue, (N, 3), to two unit stain vectors, (2, 3), in any order."""

_HE = unit_stains(RUIFROK_HE + MACENKO_HE)
_ACROSS = _HE[0] - (_HE[0] @ _HE[1]) * _HE[1]
_TOWARDS_H = _ACROSS / np.linalg.norm(_ACROSS)


@dataclass(frozen=True, slots=True, eq=False)
class TwoStains:
    """What two-stain methods know of an image.

    Attributes:
        stains: Unit stain vectors, (2, 3), haematoxylin first: of two, the stain that is turned farther from eosin
            towards haematoxylin, both as in the references of this package.
        strengths: 99th percentile of the concentration of each in tissue, (2,); 0 for a stain that is not there, whose
            vector means nothing then. Both are 0 when the image is empty.
        background: Grey levels of clear glass, (3,).

    Raises:
        InvalidInputError: These are no stain vectors, strengths or colours.
    """

    stains: npt.NDArray[np.float64]
    strengths: npt.NDArray[np.float64]
    background: tuple[float, float, float]

    def __post_init__(self) -> None:
        rows = unit_stains(self.stains)
        strengths = np.asarray(self.strengths, float)
        if rows.shape != (2, 3) or strengths.shape != (2,) or not (np.isfinite(strengths) & (strengths >= 0)).all():
            raise InvalidInputError(
                f"two stains need two vectors and two strengths >= 0, got {rows.tolist()} and {strengths.tolist()}."
            )
        levels = np.asarray(self.background, float)
        if levels.shape != (3,) or not ((levels > 0) & (levels <= 255)).all():
            raise InvalidInputError(f"a background is three grey levels in (0, 255], got {levels.tolist()}.")

    @classmethod
    def learn(cls, sample: TissueSample, estimate: StainEstimate) -> Self:
        """Return the stains of a sample of tissue."""
        tables = density_tables(sample.background)
        densities = np.stack([tables[c][sample.pixels[:, c]] for c in range(3)], axis=1).astype(np.float64)
        densities = densities[np.linalg.norm(densities, axis=1) >= _LEAST_DENSITY]
        if len(densities) < LEAST_TISSUE:
            return cls(_HE.copy(), np.zeros(2), sample.background)
        stains = estimate(densities)
        turns = _turns(stains)
        stains, turns = stains[np.argsort(-turns)], np.sort(turns)[::-1]
        if turns[0] - turns[1] >= _LEAST_TURN:
            strengths = np.percentile(unmix(densities, stains), STRENGTH_PERCENTILE, axis=0)
            if strengths.min() >= _LEAST_STRENGTH * strengths.max():
                return cls(stains, strengths, sample.background)
        return cls(*_only_stain(densities), sample.background)

    @property
    def is_empty(self) -> bool:
        """Whether there is no tissue."""
        return not self.strengths.any()

    @property
    def has_both(self) -> bool:
        """Whether both stains are there, as they must be in a target."""
        return bool(self.strengths.all())

    def recolour(self, image: RgbImage, target: TwoStains) -> RgbImage:
        """Return an image that has these stains with the stains and strengths of a target, on white glass.

        Every pixel depends on itself alone. Where one stain is not there, what the other does not explain is painted
        with the target's, as weak as it is; an empty image stays as it is.
        """
        require_rgb(image)
        if self.is_empty:
            return image.copy()
        stains, gains, overlap = self._towards(target)
        tables = density_tables(self.background)[None] * stains[:, :, None].astype(np.float32)
        painted = (target.stains * gains[:, None]).astype(np.float32)
        result = np.empty_like(image)
        for rows in blocks_of(image):
            red, green, blue = channels_of(image[rows])
            first, second = (r.take(red) + g.take(green) + b.take(blue) for r, g, b in tables)
            h1, h2 = two_stain_concentrations(first, second, overlap)
            for channel in range(3):
                result[rows, :, channel] = density_to_rgb(h1 * painted[0, channel] + h2 * painted[1, channel])
        return result

    def to_json(self) -> dict[str, Any]:
        """Return the numbers, exactly."""
        return {
            "stains": self.stains.tolist(),
            "strengths": self.strengths.tolist(),
            "background": list(self.background),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Return what :meth:`to_json` wrote."""
        red, green, blue = (float(level) for level in stored["background"])
        stains, strengths = (np.array(stored[name], float) for name in ("stains", "strengths"))
        return cls(stains, strengths, (red, green, blue))

    def _towards(self, target: TwoStains) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
        """Return the stains to separate by, what the concentrations of each are multiplied by, and their overlap."""
        if self.has_both:
            return self.stains, target.strengths / self.strengths, float(self.stains[0] @ self.stains[1])
        there = int(np.argmax(self.strengths))
        stains, gains = target.stains.copy(), np.full(2, target.strengths[there] / self.strengths[there])
        stains[there] = self.stains[there]
        overlap = float(stains[0] @ stains[1])
        if overlap > np.cos(np.deg2rad(_LEAST_ANGLE)):
            gains[1 - there] = overlap = 0.0  # the other one is not looked for
        return stains, gains, overlap


def _turns(stains: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how far stains are turned from the reference eosin towards the reference haematoxylin, degrees, (N,)."""
    return np.asarray(np.rad2deg(np.arctan2(stains @ _TOWARDS_H, stains @ _HE[1])), np.float64)


def _only_stain(densities: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the vectors and strengths of the single stain of tissue: the nearer one of the references."""
    mean = unit_stains(densities.mean(axis=0)[None])[0]
    there = int(np.argmax(_HE @ mean))
    stains, strengths = _HE.copy(), np.zeros(2)
    stains[there] = mean
    strengths[there] = np.percentile(densities @ mean, STRENGTH_PERCENTILE)
    return stains, strengths
