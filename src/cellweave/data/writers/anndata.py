"""Cells as AnnData, the table that scanpy, squidpy and other programs for single cells read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cellweave.core import Cells, InvalidInputError, atomic_file
from cellweave.data.writers.table import cells_table


def write_anndata(
    path: str | os.PathLike[str],
    cells: Mapping[str, Cells],
    colours: Mapping[str, str],
    *,
    images: pd.DataFrame | None = None,
    about: Mapping[str, str] | None = None,
) -> None:
    """Write the cells of many images as one ``.h5ad`` file, one observation a cell.

    ``obs`` has image and label (categories; the label is missing where unknown) and, where cells have them, score;
    ``obsm["spatial"]`` the positions in pixels of the image, x right and y down, where squidpy looks for them
    (``library_key="image"``), ``uns["spatial_unit"]`` the word ``pixel``, and ``obsm["spatial_um"]`` the positions in
    micrometres, where the scale of all images is known;
    ``uns["label_colors"]`` the colours of the labels, in their order, where scanpy does; ``uns["images"]`` a table of
    the images, those without cells included, with width, height (pixels) and mpp (µm per pixel, NaN where unknown);
    and ``uns["mpp"]`` their scale, where all have the same. There are no measurements, so there is no ``X``.

    Args:
        path: The file to write.
        cells: Cells of every image.
        colours: ``#rrggbb`` of every class.
        images: More on the images, one row each in the order of ``cells``: further columns of ``uns["images"]``.
        about: Words on the whole, stored as ``uns["cellweave"]``.

    Raises:
        InvalidInputError: ``path`` does not end in ``.h5ad``, or a class has no colour.
        OutputError: The file cannot be written.
    """
    if not os.fspath(path).lower().endswith(".h5ad"):
        raise InvalidInputError(f"{path} must end in .h5ad, which is how AnnData files are called.")
    classes = next(iter(cells.values())).classes if cells else ()
    bare = next((name for name in classes if name not in colours), None)
    if bare is not None:
        raise InvalidInputError(f"class {bare!r} has no colour; the colours are {dict(colours)}.")
    annotated = _annotated(cells, classes)
    annotated.uns["label_colors"] = np.array([colours[name] for name in classes], dtype=object)
    annotated.uns["spatial_unit"] = "pixel"
    annotated.uns["images"] = _images_table(cells, images)
    scales = {one.mpp for one in cells.values()}
    if len(scales) == 1 and None not in scales:
        annotated.uns["mpp"] = scales.pop()
    if about is not None:
        annotated.uns["cellweave"] = dict(about)
    with atomic_file(path) as partial:
        annotated.write_h5ad(partial)


def _images_table(cells: Mapping[str, Cells], images: pd.DataFrame | None) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "width": [one.shape[1] for one in cells.values()],
            "height": [one.shape[0] for one in cells.values()],
            "mpp": [np.nan if one.mpp is None else one.mpp for one in cells.values()],
        },
        index=pd.Index(list(cells), dtype=object, name="image"),
    )
    return table if images is None else table.assign(**{key: images[key].to_numpy() for key in images.columns})


def _annotated(cells: Mapping[str, Cells], classes: tuple[str, ...]) -> Any:
    from anndata import AnnData  # half a second, which nothing else here needs

    table = cells_table(cells)
    names = [f"{image}-{i}" for image, one in cells.items() for i in range(len(one))]
    obs = pd.DataFrame(
        {
            "image": pd.Categorical(table["image"], categories=list(cells)),
            "label": pd.Categorical(table["label"], categories=list(classes)),
        },
        index=pd.Index(names, dtype=object),
    )
    if any(one.scores is not None for one in cells.values()):
        obs["score"] = table["score"].to_numpy()
    annotated = AnnData(obs=obs, obsm={"spatial": table[["x", "y"]].to_numpy()})
    if all(one.mpp is not None for one in cells.values()):
        annotated.obsm["spatial_um"] = np.concatenate(
            [np.zeros((0, 2)), *(one.xy * one.mpp for one in cells.values() if one.mpp is not None)]
        )
    return annotated
