"""What the nuclei of each class look like, and the bodies that only look like nuclei."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cellweave.data.phantom.bodies import HARMONICS, Bodies, Values
from cellweave.data.phantom.character import Patient
from cellweave.data.phantom.layout import LYMPHOCYTE, STROMAL, TUMOR
from cellweave.data.phantom.tissue import Tissue
from cellweave.patterns import Points, poisson_points, thin_by_map


def nuclei(
    xy: Points, labels: npt.NDArray[np.int64], tissue: Tissue, patient: Patient, rng: np.random.Generator
) -> Bodies:
    """Return the nuclei of cells, one body a cell, in the order of the cells.

    Args:
        xy: Centres, (N, 2), in pixels, inside the tissue.
        labels: Class of every cell, (N,).
        tissue: The ground; stromal nuclei lie along its fibres.
        patient: Size and kind of tumour nuclei.
        rng: Source of the variation.
    """
    columns, rows = np.floor(xy).astype(int).T
    along_fibres = tissue.angle[rows, columns].astype(float)
    of = [np.flatnonzero(labels == label) for label in (LYMPHOCYTE, TUMOR, STROMAL)]
    parts = [
        _lymphocytes(xy[of[LYMPHOCYTE]], tissue.mpp, rng),
        _tumour_nuclei(xy[of[TUMOR]], tissue.mpp, patient, rng),
        _stromal_nuclei(xy[of[STROMAL]], along_fibres[of[STROMAL]], tissue.mpp, rng),
    ]
    return Bodies.joined(parts).taken(np.argsort(np.concatenate(of)))


def _lymphocytes(xy: Points, mpp: float, rng: np.random.Generator) -> Bodies:
    """Small, round, dark, hardly any texture."""
    n = len(xy)
    radius = rng.uniform(1.75, 2.25, n) / mpp
    return _bodies(
        xy,
        rng,
        long=radius * rng.uniform(1.0, 1.15, n),
        wide=radius,
        uneven=0.05,
        blue=rng.uniform(0.75, 1.2, n),
        eosin=rng.uniform(0.12, 0.22, n),
        texture=np.full(n, 0.12),
        edge=np.full(n, 1.3),
    )


def _tumour_nuclei(xy: Points, mpp: float, patient: Patient, rng: np.random.Generator) -> Bodies:
    """Large ovals: pale with clumped chromatin, a membrane and nucleoli, or evenly dark."""
    n = len(xy)
    vesicular = np.clip(patient.vesicular + rng.normal(0, 0.15, n), 0, 1)
    wide = np.clip(rng.normal(3.4, 0.4, n) * patient.nuclear_size, 2.6, 4.4) / mpp
    spots = rng.uniform(0.4, 0.9, (n, 2)) * vesicular[:, None] * (rng.random((n, 2)) < (0.85, 0.3))
    return _bodies(
        xy,
        rng,
        long=wide * rng.uniform(1.05, 1.4, n),
        wide=wide,
        uneven=0.06,
        blue=0.80 - 0.50 * vesicular + rng.normal(0, 0.05, n),
        eosin=rng.uniform(0.1, 0.2, n),
        texture=0.08 + 0.09 * vesicular,
        rim=0.12 + 0.30 * vesicular,
        spots=spots,
        edge=np.full(n, 1.3),
    )


def _stromal_nuclei(xy: Points, along_fibres: Values, mpp: float, rng: np.random.Generator) -> Bodies:
    """Spindles along the fibres, thin and rather dark."""
    n = len(xy)
    wide = rng.uniform(0.95, 2.0, n) / mpp
    return _bodies(
        xy,
        rng,
        long=np.minimum(wide * rng.uniform(2.4, 4.6, n), 6.2 / mpp),
        wide=wide,
        angle=along_fibres + rng.normal(0, 0.18, n),
        uneven=0.05,
        blue=rng.uniform(0.50, 0.95, n),
        eosin=rng.uniform(0.18, 0.3, n),
        texture=np.full(n, 0.1),
        rim=np.full(n, 0.08),
        edge=np.full(n, 1.3),
    )


def lookalikes(tissue: Tissue, rng: np.random.Generator) -> Bodies:
    """Return bodies that are no cells to be found: red blood cells, debris, and nuclei far out of focus."""
    where = tissue.shape_um, rng
    tissue_left, mpp = 1 - tissue.open, tissue.mpp
    red = poisson_points(rng.choice([0.0, 1e-3, 8e-3], p=[0.3, 0.45, 0.25]), *where)
    vessels = np.clip(tissue.open * 0.9 + 0.05 * (tissue.nest < 0.5), 0, 1)
    debris = poisson_points(rng.uniform(1e-4, 1e-3), *where)
    faint = poisson_points(rng.uniform(1e-4, 1.2e-3), *where)
    return Bodies.joined(
        [
            _out_of_focus(thin_by_map(faint, tissue_left, rng, pixel=mpp) / mpp, mpp, rng),
            _red_cells(thin_by_map(red, vessels, rng, pixel=mpp) / mpp, mpp, rng),
            _debris(debris / mpp, mpp, rng),
        ]
    )


def _red_cells(xy: Points, mpp: float, rng: np.random.Generator) -> Bodies:
    n = len(xy)
    wide = rng.uniform(1.9, 2.9, n) / mpp
    return _bodies(
        xy,
        rng,
        long=wide * rng.uniform(1.0, 1.5, n),
        wide=wide,
        uneven=0.06,
        blue=np.full(n, 0.03),
        eosin=rng.uniform(0.42, 0.68, n),
        edge=np.full(n, 1.5),
        cover=np.full(n, 0.9),
    )


def _debris(xy: Points, mpp: float, rng: np.random.Generator) -> Bodies:
    n = len(xy)
    wide = rng.uniform(0.35, 0.8, n) / mpp
    return _bodies(
        xy,
        rng,
        long=wide * rng.uniform(1.0, 1.8, n),
        wide=wide,
        uneven=0.1,
        blue=rng.uniform(0.4, 1.1, n),
        eosin=rng.uniform(0.1, 0.3, n),
        edge=np.full(n, 1.4),
    )


def _out_of_focus(xy: Points, mpp: float, rng: np.random.Generator) -> Bodies:
    n = len(xy)
    wide = rng.uniform(2.2, 3.8, n) / mpp
    return _bodies(
        xy,
        rng,
        long=wide * rng.uniform(1.0, 1.5, n),
        wide=wide,
        uneven=0.05,
        blue=rng.uniform(0.1, 0.24, n),
        eosin=np.full(n, 0.05),
        edge=rng.uniform(2.0, 3.2, n) / mpp,
        cover=np.full(n, 0.15),
    )


def _bodies(
    xy: Points,
    rng: np.random.Generator,
    *,
    long: Values,
    wide: Values,
    uneven: float,
    blue: Values,
    eosin: Values,
    edge: Values,
    angle: Values | None = None,
    cover: Values | None = None,
    texture: Values | None = None,
    rim: Values | None = None,
    spots: Values | None = None,
) -> Bodies:
    """Fill in what a kind of body leaves open: any direction, an uneven outline, no texture, rim or spots."""
    n = len(xy)
    orders = np.asarray(HARMONICS)[:, None]
    return Bodies(
        xy=xy,
        long=long,
        wide=wide,
        angle=rng.uniform(0, 2 * np.pi, n) if angle is None else angle,
        waves=rng.normal(0, uneven, (n, len(HARMONICS), 2)) * 4 / orders**2,
        edge=edge,
        cover=np.full(n, 0.75) if cover is None else cover,
        blue=blue,
        eosin=eosin,
        texture=np.zeros(n) if texture is None else texture,
        rim=np.zeros(n) if rim is None else rim,
        spots=np.zeros((n, 2)) if spots is None else spots,
        spot_at=rng.uniform(-0.45, 0.45, (n, 2, 2)),
    )
