"""The picture of known failures that a validation writes: the regions with most errors."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cellweave.core import Cells, Length
from cellweave.data import CellDataset, RgbImage
from cellweave.localization import Locator
from cellweave.metrics.candidates import Candidates
from cellweave.metrics.protocols import pairing_rule
from cellweave.report import Outcomes, WorstRegion, failure_sheet, worst_regions

LARGEST_PICTURE_BYTES = 1_500_000
"""A model folder is copied about: its picture stays small beside its weights."""

_REGIONS = 12
_REGION_UM, _REGION_PX = 64.0, 128


@dataclass(frozen=True, slots=True, eq=False)
class Failures:
    """The regions with most errors.

    Attributes:
        png: The picture, a PNG file.
        regions: What it shows, worst first.
    """

    png: bytes
    regions: Sequence[WorstRegion]


def draw_failures(
    dataset: CellDataset,
    split: str,
    truth: Mapping[str, Cells],
    found: Mapping[str, Cells],
    locator: Locator,
    *,
    protocol: str,
    radius: Length,
) -> Failures | None:
    """Return the picture of the worst regions of some images; None where nothing is wrong.

    A region has a side of 64 µm, or 128 pixels of an image whose scale nobody knows. There are at most two of an image,
    more only where there are fewer than six images, and fewer in all where the file would get large.

    Args:
        dataset: The data set.
        split: Of the images, for the title.
        truth: Annotated cells of every image.
        found: Predicted cells of every image.
        locator: What found them.
        protocol: How cells are paired.
        radius: Distance within which a cell counts as found.

    Raises:
        DatasetError: An image is not as recorded.
        InvalidImageError: An image cannot be read.
    """
    radii = {name: radius_in_px(cells, locator, radius) for name, cells in truth.items()}
    outcomes = {name: outcomes_of(cells, found[name], radii[name], protocol) for name, cells in truth.items()}
    sides = {name: _region_side(cells, locator) for name, cells in truth.items()}
    regions = worst_regions(outcomes, sides_px=sides, count=_REGIONS, per_image=max(2, -(-_REGIONS // len(truth))))
    title = f"Regions with most errors: {dataset.name}, split {split} ({dataset.licence})"
    classes = bool(dataset.class_names and locator.class_names)
    while regions:
        crops = [(one, _crop(dataset, one), outcomes[one.image]) for one in regions]
        sheet = failure_sheet(crops, title=title, radii_px=[radii[one.image] for one in regions], classes=classes)
        stream = io.BytesIO()
        Image.fromarray(sheet).save(stream, format="PNG", optimize=True)
        if stream.tell() <= LARGEST_PICTURE_BYTES:
            return Failures(stream.getvalue(), regions)
        regions = regions[: max(0, len(regions) - 4)]
    return None


def radius_in_px(truth: Cells, locator: Locator, radius: Length) -> float:
    """Return a radius in pixels of an image, which is taken to have the model's scale where its own is not known.

    Raises:
        InvalidInputError: The radius is in µm, and neither scale is known.
    """
    return radius.to_px(mpp=locator.mpp if truth.mpp is None else truth.mpp)


def outcomes_of(truth: Cells, found: Cells, radius_px: float, protocol: str) -> Outcomes:
    """Return what became of the cells of an image; a cell of unknown class on either side is never of another class."""
    rule = pairing_rule(protocol)
    pairs = rule.assign(Candidates.within(truth.xy, found.xy, radius_px, closed=rule.closed))
    hit = pairs >= 0
    names, others = np.array(truth.label_names(), object), np.array(found.label_names(), object)
    named, called = names[hit], others[pairs[hit]]
    known = np.array([one is not None and other is not None for one, other in zip(named, called, strict=True)], bool)
    confused = known & (named != called)
    return Outcomes(
        right=truth.xy[hit][~confused],
        confused=truth.xy[hit][confused],
        missed=truth.xy[~hit],
        spurious=np.delete(found.xy, pairs[hit], axis=0),
        shape=truth.shape,
    )


def _region_side(truth: Cells, locator: Locator) -> int:
    mpp = locator.mpp if truth.mpp is None else truth.mpp
    return _REGION_PX if mpp is None else max(32, round(_REGION_UM / mpp))


def _crop(dataset: CellDataset, region: WorstRegion) -> RgbImage:
    pixels = dataset.read_image(region.image)
    rows = slice(region.row, region.row + region.height)
    return np.ascontiguousarray(pixels[rows, region.column : region.column + region.width])
