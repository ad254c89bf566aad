"""What differs between phantom patients, and between the patches of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from cellweave.stain import MACENKO_HE, RUIFROK_HE, Staining, jitter_stains


@dataclass(frozen=True, slots=True)
class Patient:
    """What all patches of a phantom patient share.

    Attributes:
        staining: How the slide was stained and scanned.
        nuclear_size: Factor on the radius of tumour nuclei.
        vesicular: 0: tumour nuclei are evenly dark; 1: they are pale, with a membrane and a nucleolus.
        blur_px: Standard deviation of the microscope's blur, in pixels.
        noise: Standard deviation of the sensor's noise, in grey levels.
    """

    staining: Staining
    nuclear_size: float
    vesicular: float
    blur_px: float
    noise: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """Draw a patient."""
        share = rng.uniform(0.1, 0.95)
        return cls(
            staining=jitter_stains((1 - share) * RUIFROK_HE + share * MACENKO_HE, rng),
            nuclear_size=rng.uniform(0.88, 1.15),
            vesicular=rng.uniform(0.15, 1.0),
            blur_px=rng.uniform(0.5, 0.8),
            noise=rng.uniform(1.5, 3.5),
        )


@dataclass(frozen=True, slots=True)
class Region:
    """Where in the tissue a patch was taken: what there is of everything.

    Attributes:
        tumour_share: Share of the area that is tumour nest.
        tumour_density: Tumour nuclei thrown per µm² of nest, before exclusion.
        clusters: Lymphocyte clusters per µm².
        cluster_size: Mean number of lymphocytes of a cluster, before exclusion.
        stromal_density: Stromal nuclei thrown per µm² of stroma, before exclusion.
        nest_scale_um: Size of tumour nests, in µm.
        fat: Fat cells and vessels per µm².
        clefts: Share of the stroma that is torn open.
        crimp: How much the fibres wave, in radians.
    """

    tumour_share: float
    tumour_density: float
    clusters: float
    cluster_size: float
    stromal_density: float
    nest_scale_um: float
    fat: float
    clefts: float
    crimp: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """Draw a region: stroma with little in it, a tumour's border, or its solid middle."""
        kind = rng.random()
        share = 0.0 if kind < 0.15 else rng.uniform(0.2, 0.65) if kind < 0.65 else rng.uniform(0.65, 1.0)
        inflamed = rng.random() < 0.4
        return cls(
            tumour_share=share,
            tumour_density=np.exp(rng.uniform(np.log(0.008), np.log(0.04))),
            clusters=rng.uniform(2e-4, 7e-4) if inflamed else rng.uniform(2e-5, 1.5e-4),
            cluster_size=rng.uniform(8, 24) if inflamed else rng.uniform(2, 8),
            stromal_density=rng.uniform(1.2e-3, 4e-3),
            nest_scale_um=rng.uniform(25, 55),
            fat=rng.uniform(0, 3e-4) if rng.random() < 0.4 else rng.uniform(0, 5e-5),
            clefts=rng.uniform(0.0, 0.12),
            crimp=rng.uniform(0.1, 0.4),
        )
