"""Where the cells of phantom tissue lie, and of which class they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cellweave.data.phantom.character import Region
from cellweave.data.phantom.tissue import Tissue
from cellweave.patterns import Points, inhibit, poisson_points, thin_by_map, thomas_points

CLASSES = ("lymphocyte", "tumor", "stromal")
"""Classes of phantom cells; the names that BRCA-M2C has."""

LYMPHOCYTE, TUMOR, STROMAL = range(3)

EXCLUSION_UM = np.array([[3.6, 5.2, 4.2], [5.2, 6.8, 6.0], [4.2, 6.0, 5.0]])
"""No two cells of these classes lie closer, in µm: lymphocytes touch, tumour nuclei overlap a little."""
EXCLUSION_UM.setflags(write=False)

_CLUSTER_SPREAD_UM = 11.0


def place_cells(tissue: Tissue, region: Region, rng: np.random.Generator) -> tuple[Points, npt.NDArray[np.int64]]:
    """Return centres, (N, 2) in pixels, and classes, (N,), of all cells of a patch.

    Tumour cells are darts thrown into the nests, lymphocytes come in clusters that mostly stay out of them,
    stromal cells lie scattered in the stroma; none lies where there is no tissue.
    """
    shape_um, tissue_left = tissue.shape_um, 1 - tissue.open
    thrown = [
        thomas_points(region.clusters, region.cluster_size, _CLUSTER_SPREAD_UM, shape=shape_um, rng=rng),
        poisson_points(region.tumour_density, shape_um, rng),
        poisson_points(region.stromal_density, shape_um, rng),
    ]
    welcome = [
        (1 - 0.92 * tissue.nest) * tissue_left,
        (tissue.nest > 0.9) * tissue_left,
        (tissue.nest < 0.1) * tissue_left,
    ]
    kept = [thin_by_map(points, chance, rng, pixel=tissue.mpp) for points, chance in zip(thrown, welcome, strict=True)]
    points = np.concatenate(kept)
    labels = np.repeat(np.arange(len(CLASSES)), [len(part) for part in kept])
    order = rng.permutation(len(points))
    points, labels = points[order], labels[order]
    stays = inhibit(points, labels, EXCLUSION_UM)
    return points[stays] / tissue.mpp, labels[stays]
