"""Cells as a COCO file of instances, which annotation and detection programs read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from cellweave.core import Cells, DatasetError, atomic_file

NUCLEUS_UM = 8.0
"""Side of the box around a cell, in µm; about the width of a nucleus."""

BOX_PX = 16.0
"""Side of the box in images of unknown scale, in pixels."""

UNLABELLED = "unlabelled"
"""Name of the category of cells without a class, which the format does not know; it occurs only where they do."""


def write_coco(
    path: str | os.PathLike[str],
    cells: Mapping[str, Cells],
    images: pd.DataFrame,
    colours: Mapping[str, str],
    *,
    name: str,
    licence: str,
    source: str,
) -> None:
    """Write the cells of many images as one COCO file.

    A cell becomes an annotation with one visible keypoint, ``centre``, at its very place, and a square ``bbox`` around
    it, 8 µm wide or 16 pixels where the scale is unknown, which may reach beyond the image; ``segmentation`` is empty,
    because outlines are not known. Programs for detection take the boxes, and others the keypoints. COCO counts pixels
    as :class:`Cells` do, so nothing is shifted. Ids count from 1. What the format has no place for is stored under the
    key ``cellweave``: split, group and mpp (µm per pixel) of images, and which category stands for cells without a
    class. Colours of categories are where panoptic COCO has them. There is no place for scores.

    Args:
        path: The file to write.
        cells: Cells of every image, in pixels.
        images: One row an image of ``cells``: image, file, split, group; see :attr:`cellweave.data.CellDataset.images`.
        colours: ``#rrggbb`` of every class that occurs.
        name: Name of the data set.
        licence: Licence of images and annotations, in words.
        source: Where they come from, in words.

    Raises:
        DatasetError: An image has no file, so there is nothing that the annotations could belong to.
        OutputError: The file cannot be written.
    """
    rows = {str(row["image"]): row for row in images.to_dict("records")}
    bare = next((image for image in cells if not rows[image]["file"]), None)
    if bare is not None:
        raise DatasetError(f"{bare!r} is a layout without an image, which COCO cannot hold; choose another format.")
    classes = list(next(iter(cells.values())).classes) if cells else []
    unlabelled = any((one.labels < 0).any() for one in cells.values())
    about = {
        "info": {"description": name, "contributor": source},
        "licenses": [{"id": 1, "name": licence, "url": ""}],
        "images": [_image(i, rows[image], one) for i, (image, one) in enumerate(cells.items(), start=1)],
        "categories": [*_categories(classes, colours), *([_unlabelled(classes)] if unlabelled else [])],
    }
    with atomic_file(path) as partial, partial.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(about, ensure_ascii=False)[:-1] + ', "annotations": [')
        separator = "\n"
        for annotation in _annotations(cells, without_class=len(classes) + 1):
            stream.write(separator + json.dumps(annotation))
            separator = ",\n"
        stream.write("\n]}\n")


def _image(number: int, row: Mapping[Any, Any], cells: Cells) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": os.path.basename(str(row["file"])),
        "width": cells.shape[1],
        "height": cells.shape[0],
        "license": 1,
        "cellweave": {"split": row["split"], "group": row["group"], "mpp": cells.mpp},
    }


def _categories(classes: list[str], colours: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "id": i,
            "name": one,
            "supercategory": "cell",
            "keypoints": ["centre"],
            "skeleton": [],
            "color": list(bytes.fromhex(colours[one].removeprefix("#"))),
        }
        for i, one in enumerate(classes, start=1)
    ]


def _unlabelled(classes: list[str]) -> dict[str, Any]:
    name = UNLABELLED
    while name in classes:
        name += "_"
    return {
        "id": len(classes) + 1,
        "name": name,
        "supercategory": "cell",
        "keypoints": ["centre"],
        "skeleton": [],
        "cellweave": {"unlabelled": True},
    }


def _annotations(cells: Mapping[str, Cells], *, without_class: int) -> Iterator[dict[str, Any]]:
    number = 0
    for image, one in enumerate(cells.values(), start=1):
        side = BOX_PX if one.mpp is None else NUCLEUS_UM / one.mpp
        for (x, y), label in zip(one.xy.tolist(), one.labels.tolist(), strict=True):
            number += 1
            yield {
                "id": number,
                "image_id": image,
                "category_id": without_class if label < 0 else label + 1,
                "bbox": [x - side / 2, y - side / 2, side, side],
                "area": side * side,
                "iscrowd": 0,
                "segmentation": [],
                "keypoints": [x, y, 2],
                "num_keypoints": 1,
            }
