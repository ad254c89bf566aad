"""Cutting a data set with masks into a data set of patches."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cellweave.core import DatasetError, InvalidInputError, OutputError
from cellweave.core.progress import Progress, silent
from cellweave.data import SPLITS, CellDataset, DatasetWriter, cut_patch, plan_patches


@dataclass(frozen=True, slots=True)
class PatchSummary:
    """What was cut.

    Attributes:
        path: The data set of patches.
        patches: Number of patches of every split.
        unknown: Number of places left out because too many of their pixels are unknown.
        shared: Number of places left out because they reach into a held-out area.
        without_mask: Number of images that have no mask, and no patches.
        too_small: Number of images, with a mask, smaller than a patch.
        untested: Number of images whose held-out area gives no patch.
    """

    path: Path
    patches: dict[str, int]
    unknown: int
    shared: int
    without_mask: int
    too_small: int
    untested: int


def cut_patches(
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    side: int = 128,
    overlap: float = 0.5,
    reduce: int = 1,
    unknown_share: float = 0.0,
    held_out: float = 0.075,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress = silent,
) -> PatchSummary:
    """Cut the images of a data set that have masks into overlapping patches, with their cells and masks.

    Patches of an image of the training split that lie in its held-out area become the test split; all others keep the
    split of their image. All keep its group.

    Args:
        data: The data set.
        out: The data set to make.
        side: Height and width of the patches made, in pixels; in the image they are ``side * reduce``.
        overlap: Share of its side that a patch shares with the next one, 0 to below 1.
        reduce: How many times smaller patches become: 2 makes 10x of 20x.
        unknown_share: Largest share of unknown pixels in a patch.
        held_out: Share of the area of every training image, 0 to below 1.
        seed: Of the held-out areas.
        overwrite: Replace ``out``.
        progress: Called after every image.

    Raises:
        DatasetError: There is no such data set, no image has a mask, or none gives a patch.
        InvalidInputError: A number is out of its range.
        OutputError: ``out`` cannot be written.
    """
    dataset = CellDataset.open(data)
    place, read = Path(out).resolve(), dataset.root.resolve()
    if place.is_relative_to(read) or read.is_relative_to(place):
        raise OutputError(f"{out} is, lies in or holds {data}, which is read; choose another output folder.")
    if side < 8 or reduce < 1:
        raise InvalidInputError(f"patches have a side of 8 px or more, reduced once or more, got {side} and {reduce}.")
    masked = [name for name in dataset.names() if dataset.has_mask(name)]
    if not masked:
        raise DatasetError(f"no image of {data} has a mask of classes; import data that are annotated by masks.")
    splits = dict(zip(dataset.images["image"].astype(str), dataset.images["split"].astype(str), strict=True))
    groups, large = dataset.groups(), side * reduce
    counts = dict.fromkeys(SPLITS, 0)
    unknown = shared = too_small = untested = 0
    with DatasetWriter(
        out,
        name=f"patches of {dataset.name}",
        classes=dataset.classes,
        licence=dataset.licence,
        source=f"{dataset.source}; patches of {side} px, reduced {reduce} times, seed {seed}",
        overwrite=overwrite,
    ) as writer:
        for done, name in enumerate(masked, start=1):
            pixels, cells, mask = dataset.read_image(name), dataset.read_cells(name), dataset.read_mask(name)
            plan = plan_patches(
                mask,
                side=large,
                overlap=overlap,
                unknown_share=unknown_share,
                held_out=held_out if splits[name] == "training" else 0.0,
                seed=seed,
                image=name,
            )
            unknown, shared = unknown + plan.unknown, shared + plan.shared
            too_small += min(mask.shape) < large
            untested += plan.area is not None and not plan.held_out
            for corners, split in ((plan.corners, splits[name]), (plan.held_out, "test")):
                for row, column in corners:
                    patch = cut_patch(pixels, cells, mask, (row, column), side=large, reduce=reduce)
                    writer.add(
                        f"{name}-{row:05d}-{column:05d}",
                        patch.cells,
                        pixels=patch.pixels,
                        split=split,
                        group=groups[name],
                        mask=patch.mask,
                    )
                    counts[split] += 1
            progress("cutting patches", done, len(masked))
        if not sum(counts.values()):
            raise DatasetError(
                f"the images of {data} give no patch of {large} px: {unknown} places have too many unknown pixels, "
                f"{shared} reach into held-out areas, {too_small} images are too small; lower --size, or raise "
                "--unknown."
            )
    kept = {split: count for split, count in counts.items() if count}
    without_mask = len(dataset.names()) - len(masked)
    return PatchSummary(Path(out), kept, unknown, shared, without_mask, too_small, untested)
