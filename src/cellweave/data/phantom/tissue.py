"""The ground that cells lie in: fibrous stroma, tumour nests, fat, clefts and lumens."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cellweave.data.phantom.character import Region
from cellweave.data.phantom.fields import Field, blurred, drawn_out, smooth_noise, soft_step
from cellweave.patterns import Points, poisson_points, thin_by_map

_FIBRE_UM = 28.0  # length of the streaks


@dataclass(frozen=True, slots=True, eq=False)
class Tissue:
    """The compartments of a patch.

    Attributes:
        mpp: Micrometres per pixel.
        angle: Local direction of the fibres, radians from x towards y, (H, W).
        nest: 1 in tumour nests, 0 in stroma, (H, W).
        open: 1 where there is no tissue (fat, clefts, lumens, vessels), (H, W).
        streaks: Fibre texture, fine and coarse, (H, W, 2), about zero mean and unit variance.
    """

    mpp: float
    angle: Field
    nest: Field
    open: Field
    streaks: Field

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.nest.shape[0], self.nest.shape[1]

    @property
    def shape_um(self) -> tuple[float, float]:
        """Height and width in µm."""
        return self.shape[0] * self.mpp, self.shape[1] * self.mpp


def grow_tissue(shape: tuple[int, int], region: Region, *, mpp: float, rng: np.random.Generator) -> Tissue:
    """Return the compartments of a patch of a region.

    Args:
        shape: Height and width, in pixels.
        region: What there is of everything.
        mpp: Micrometres per pixel.
        rng: Source of the variation.
    """
    angle = np.float32(rng.uniform(0, 2 * np.pi)) + np.float32(0.45) * smooth_noise(shape, 45 / mpp, rng)
    angle += np.float32(region.crimp) * smooth_noise(shape, 9 / mpp, rng)
    shapeless = smooth_noise(shape, region.nest_scale_um / mpp, rng) + 0.25 * smooth_noise(shape, 10 / mpp, rng)
    nest = soft_step(shapeless - _level(shapeless, 1 - region.tumour_share), 0.12)
    noise = np.stack([smooth_noise(shape, scale / mpp, rng) for scale in (0.6, 1.8)], axis=-1)
    streaks = drawn_out(noise, angle, doublings=round(np.log2(_FIBRE_UM / mpp)))
    streaks /= streaks.std(axis=(0, 1))
    gaps = np.maximum.reduce(
        [
            _clefts(blurred(streaks[..., 1], 0.75 / mpp), nest, region.clefts),
            _retraction(shapeless, region, smooth_noise(shape, 28 / mpp, rng)),
            _round_holes(shape, nest, region, mpp=mpp, rng=rng),
        ]
    )
    return Tissue(mpp=mpp, angle=angle, nest=nest, open=gaps, streaks=streaks)


def _level(values: Field, share: float) -> np.float32:
    """Return the level that ``share`` of the values lie below; far outside for shares of 0 and 1."""
    if share <= 0:
        return np.float32(values.min() - 10)
    return np.float32(values.max() + 10) if share >= 1 else np.float32(np.quantile(values, share))


def _clefts(torn: Field, nest: Field, share: float) -> Field:
    return np.where(nest < 0.5, soft_step(_level(torn, share) - torn, 0.35), np.float32(0))


def _retraction(shapeless: Field, region: Region, where: Field) -> Field:
    """Return the gap that fixing leaves along parts of a nest's border."""
    if not 0 < region.tumour_share < 1:
        return np.zeros_like(shapeless)
    border = _level(shapeless, 1 - region.tumour_share) - shapeless
    half_width = np.float32(0.09) * np.clip(where - 0.4, 0, 1.2)
    gap = soft_step(half_width - np.abs(border - np.float32(0.1)), 0.08)
    return np.where(half_width > 0.01, gap, np.float32(0))


def _round_holes(shape: tuple[int, int], nest: Field, region: Region, *, mpp: float, rng: np.random.Generator) -> Field:
    """Return fat cells in the stroma and small lumens in the nests, their outlines a little uneven."""
    shape_um = (shape[0] * mpp, shape[1] * mpp)
    fat: Points = thin_by_map(poisson_points(region.fat, shape_um, rng), 1 - nest, rng, pixel=mpp)
    lumens: Points = thin_by_map(poisson_points(1.2e-4, shape_um, rng), nest, rng, pixel=mpp)
    centres = np.concatenate([fat, lumens])
    radii = np.concatenate([rng.uniform(7, 20, len(fat)), rng.uniform(1.5, 5.5, len(lumens))])
    if not len(centres):
        return np.zeros(shape, np.float32)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    uneven = 1 + np.float32(0.13) * smooth_noise(shape, 9 / mpp, rng)
    inside = np.full(shape, -np.inf, np.float32)
    for (x, y), radius in zip(centres / mpp, radii / mpp, strict=True):
        distance = np.hypot(columns - np.float32(x), rows - np.float32(y))
        np.maximum(inside, np.float32(radius) * uneven - distance, out=inside)
    return soft_step(inside, 2.0)


def ground_stain(tissue: Tissue, nuclei_xy: Points, rng: np.random.Generator) -> tuple[Field, Field]:
    """Return how much haematoxylin and eosin the ground takes up, two (H, W) fields.

    Args:
        tissue: The compartments.
        nuclei_xy: Centres of tumour nuclei, (N, 2), in pixels: the borders of tumour cells run between them.
        rng: Source of the variation.
    """
    shape, mpp = tissue.shape, tissue.mpp
    fine, coarse = tissue.streaks[..., 0], tissue.streaks[..., 1]
    cloud = smooth_noise(shape, 22 / mpp, rng)
    grain = smooth_noise(shape, 0.7 / mpp, rng)
    mottle = smooth_noise(shape, 2.2 / mpp, rng)
    loose = soft_step(smooth_noise(shape, 30 / mpp, rng) - 0.8, 1.2)  # stroma with few fibres, bluish
    stroma_eosin = (0.30 + 0.05 * cloud + 0.055 * fine + 0.07 * coarse + 0.025 * grain) * (1 - 0.55 * loose)
    stroma_blue = 0.045 + 0.02 * fine + 0.012 * grain + 0.08 * loose
    border = _cell_borders(shape, nuclei_xy)
    bubbles = soft_step(mottle - 1.5, 0.5)
    nest_eosin = (0.19 + 0.035 * cloud + 0.03 * mottle + 0.03 * grain + 0.07 * border) * (1 - 0.6 * bubbles)
    nest_blue = (0.17 + 0.03 * cloud + 0.045 * mottle + 0.04 * grain) * (1 - 0.7 * bubbles) - 0.04 * border
    tissue_left = 1 - tissue.open
    # Tissue stands a little thicker at the edge of a hole.
    rim = 1 + 0.5 * np.clip(blurred(tissue.open, 1.5 / mpp) - 0.1, 0, 1)
    eosin = (nest_eosin * tissue.nest + stroma_eosin * (1 - tissue.nest)) * tissue_left * rim
    blue = (nest_blue * tissue.nest + stroma_blue * (1 - tissue.nest)) * tissue_left * rim
    return np.maximum(blue, 0), np.maximum(eosin, 0)


def _cell_borders(shape: tuple[int, int], nuclei_xy: Points) -> Field:
    """Return thin lines midway between neighbouring nuclei."""
    if len(nuclei_xy) < 2:
        return np.zeros(shape, np.float32)
    free = np.full(shape, 255, np.uint8)
    columns, rows = np.floor(nuclei_xy).astype(int).T
    free[rows, columns] = 0
    _, owner = cv2.distanceTransformWithLabels(free, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    edge = np.zeros(shape, np.float32)
    edge[:, 1:] = owner[:, 1:] != owner[:, :-1]
    edge[1:] = np.maximum(edge[1:], owner[1:] != owner[:-1])
    return blurred(edge, 0.9) * np.float32(1.6)
