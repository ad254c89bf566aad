"""Statistics of a data set: how many cells of which class, how dense, how close together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cellweave import patterns
from cellweave.core import Cells
from cellweave.data.dataset import ALL, SPLITS, CellDataset


@dataclass(frozen=True, slots=True)
class CellStatistics:
    """Statistics of the cells of one class in one split.

    Attributes:
        split: training, validation or test.
        label: Name of the class, or ``all``.
        images: Number of images of the split.
        groups: Number of its groups (patients or slides).
        cells: Number of cells.
        cells_per_image_mean: Mean number of cells in an image.
        cells_per_image_min: Smallest number.
        cells_per_image_max: Largest number.
        density_per_mm2: Cells per mm² over the images of known scale; None where there is none.
        nearest_px: Median distance, in pixels, from a cell to the nearest other cell of the class in its image; None
            where no image has two.
        nearest_um: The same in µm over the images of known scale.
    """

    split: str
    label: str
    images: int
    groups: int
    cells: int
    cells_per_image_mean: float
    cells_per_image_min: int
    cells_per_image_max: int
    density_per_mm2: float | None
    nearest_px: float | None
    nearest_um: float | None


def dataset_statistics(dataset: CellDataset) -> tuple[CellStatistics, ...]:
    """Return the statistics of every split that has images, of all cells first, then of every class.

    Raises:
        DatasetError: A cell lies outside its image or has an unknown class; ``check_dataset`` lists them all.
    """
    groups = dataset.groups()
    found: list[CellStatistics] = []
    for split in SPLITS:
        if not (dataset.images["split"] == split).any():
            continue
        names = dataset.names(split)
        cells = [dataset.read_cells(name) for name in names]
        count = len({groups[name] for name in names})
        found.append(_statistics(split, ALL, cells, count))
        found += [
            _statistics(split, label, [one.of_class(label) for one in cells], count) for label in dataset.class_names
        ]
    return tuple(found)


def nearest_neighbour_distances(cells: Cells) -> npt.NDArray[np.float64]:
    """Return the distance from every cell to the nearest other one, in pixels, (N,); empty for fewer than two cells."""
    return patterns.nearest_neighbour_distances(cells.xy)


def _statistics(split: str, label: str, images: list[Cells], groups: int) -> CellStatistics:
    counts = np.array([len(one) for one in images])
    nearest_px = [nearest_neighbour_distances(one) for one in images]
    scaled = [(one, nearest, one.mpp) for one, nearest in zip(images, nearest_px, strict=True) if one.mpp is not None]
    area_mm2 = sum(one.shape[0] * mpp * one.shape[1] * mpp for one, _, mpp in scaled) / 1e6
    return CellStatistics(
        split=split,
        label=label,
        images=len(images),
        groups=groups,
        cells=int(counts.sum()),
        cells_per_image_mean=float(counts.mean()),
        cells_per_image_min=int(counts.min()),
        cells_per_image_max=int(counts.max()),
        density_per_mm2=sum(len(one) for one, _, _ in scaled) / area_mm2 if area_mm2 else None,
        nearest_px=_median(nearest_px),
        nearest_um=_median(nearest * mpp for _, nearest, mpp in scaled),
    )


def _median(distances: Iterable[npt.NDArray[np.float64]]) -> float | None:
    pooled = np.concatenate([np.zeros(0), *distances])
    return float(np.median(pooled)) if len(pooled) else None
