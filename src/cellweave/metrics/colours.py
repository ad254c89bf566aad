"""Colours of images, and how dark they are where their cells are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics.cell_scores import ALL
from cellweave.stain import ReinhardStyle, rgb_to_density

RADIUS_PX = 4.0
"""About the radius of a lymphocyte's nucleus at 0.5 µm per pixel: within it, a cell's pixels are its nucleus."""

ELSEWHERE = -2


@dataclass(frozen=True, slots=True)
class ImageColours:
    """Colours of a set of images.

    Attributes:
        style: Mean and spread of L*, a* and b* of an image, averaged over the images.
        density: Mean optical density (0 is clear glass) near ``all`` cells and near the cells of every class, over the
            pixels of all images; None where there is no such pixel.
        elsewhere: The same of pixels that are near no cell.
        radius_px: So near is near, in pixels.
        images: Number of images.
    """

    style: ReinhardStyle
    density: Mapping[str, float | None]
    elsewhere: float | None
    radius_px: float
    images: int

    def to_json(self) -> dict[str, Any]:
        """Return the colours as JSON."""
        return {
            "lab": self.style.to_json(),
            "density": {"near": dict(self.density), "elsewhere": self.elsewhere, "radius_px": self.radius_px},
            "images": self.images,
        }


def measure_colours(
    images: Iterable[tuple[npt.NDArray[np.uint8], Cells]], *, classes: Sequence[str], radius_px: float = RADIUS_PX
) -> ImageColours:
    """Measure the colours of images, one at a time.

    A pixel near several cells is counted for the nearest. Optical density is the mean of that of red, green and blue.

    Args:
        images: Pixels, uint8 (H, W, 3), and the cells that they show.
        classes: Names of the classes; those of all cells.
        radius_px: Pixels whose centres are no farther from a cell are near it.

    Raises:
        InvalidInputError: There are no images, an image is not of the size of its cells' frame, or classes differ.
    """
    styles: list[ReinhardStyle] = []
    sums, pixels = np.zeros(len(classes) + 2), np.zeros(len(classes) + 2)
    for image, cells in images:
        if image.shape[:2] != cells.shape or cells.classes != tuple(classes):
            raise InvalidInputError(
                f"an image of shape {image.shape} does not go with cells of {list(cells.classes)} in {cells.shape}; "
                f"give the image's own cells, of the classes {list(classes)}."
            )
        styles.append(ReinhardStyle.of(image))
        density = rgb_to_density(image).mean(axis=2)
        places = nearest_labels(cells, radius_px).ravel() - ELSEWHERE  # 0 elsewhere, 1 unknown, 2 the first class
        sums += np.bincount(places, weights=density.ravel(), minlength=len(sums))
        pixels += np.bincount(places, minlength=len(pixels))
    if not styles:
        raise InvalidInputError("there are no images whose colours could be measured.")
    near = {name: _mean(sums[i], pixels[i]) for i, name in enumerate(classes, start=2)}
    return ImageColours(
        _mean_style(styles),
        {ALL: _mean(sums[1:].sum(), pixels[1:].sum()), **near},
        elsewhere=_mean(sums[0], pixels[0]),
        radius_px=radius_px,
        images=len(styles),
    )


def nearest_labels(cells: Cells, radius_px: float) -> npt.NDArray[np.int64]:
    """Return the label of the nearest cell of every pixel, int64 (H, W); -2 where none is within the radius.

    Example:
        >>> cells = Cells([[0.5, 0.5], [3.5, 0.5]], [0, -1], classes=["tumor"], shape=(1, 6))
        >>> nearest_labels(cells, 1.0).tolist()
        [[0, 0, -1, -1, -1, -2]]
    """
    labels = np.full(cells.shape, ELSEWHERE)
    if len(cells) == 0:
        return labels
    steps = np.arange(-int(np.ceil(radius_px)), int(np.ceil(radius_px)) + 1)
    around = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    places = (np.floor(cells.xy).astype(int)[:, None] + around).reshape(-1, 2)
    places = places[((places >= 0) & (places < cells.shape[::-1])).all(axis=1)]
    reached = np.zeros(cells.shape, bool)
    reached[places[:, 1], places[:, 0]] = True
    rows, columns = np.nonzero(reached)
    distance, nearest = (np.asarray(one) for one in cKDTree(cells.xy).query(np.column_stack([columns, rows]) + 0.5))
    near = distance <= radius_px
    labels[rows[near], columns[near]] = cells.labels[nearest[near]]
    return labels


def _mean_style(styles: Sequence[ReinhardStyle]) -> ReinhardStyle:
    mean = np.mean([style.mean for style in styles], axis=0).tolist()
    spread = np.mean([style.spread for style in styles], axis=0).tolist()
    return ReinhardStyle((mean[0], mean[1], mean[2]), (spread[0], spread[1], spread[2]))


def _mean(total: float, count: float) -> float | None:
    return float(total / count) if count else None
