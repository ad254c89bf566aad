"""A data set in the formats that other programs read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from cellweave.core import Cells, InvalidInputError, OutputError, atomic_folder
from cellweave.core.progress import Progress, silent
from cellweave.data import CellDataset, counted
from cellweave.data.writers import write_anndata, write_annotation_table, write_coco, write_geojson

ENDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"geojson": (), "coco": (".json",), "csv": (".csv", ".parquet"), "anndata": (".h5ad",)}
)
"""Endings of the file of every format; GeoJSON is written to a folder, one file an image."""


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What was exported.

    Attributes:
        path: The file, or the folder of GeoJSON files.
        images: Number of images.
        cells: Number of cells of every class.
        unlabelled: Number of cells without a class.
        notes: What the format does not hold, one sentence each.
    """

    path: Path
    images: int
    cells: dict[str, int]
    unlabelled: int
    notes: tuple[str, ...]


def export_dataset(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    to: str,
    split: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> ExportSummary:
    """Write the cells of a data set for other programs, whole or not at all; the images stay where they are.

    Args:
        path: The data set.
        out: The file to write, with an ending of :data:`ENDINGS`; for ``geojson`` the folder to make.
        to: The format: ``geojson`` (QuPath), ``coco``, ``csv`` (or Parquet) or ``anndata``.
        split: Images of this split only; all when None.
        overwrite: Replace ``out`` where it is there already.
        progress: Called after every image.

    Raises:
        InvalidInputError: There is no such format, or ``out`` has another ending.
        DatasetError: There is no such data set, or no image in the split, or COCO is asked for layouts.
        OutputError: ``out`` is there already, lies in the data set, or cannot be written.
    """
    path, out = Path(path), Path(out)
    _require_ending(out, to)
    dataset = CellDataset.open(path)
    _require_place(out, to, dataset, overwrite=overwrite)
    cells: dict[str, Cells] = {}
    names = dataset.names(split)
    for done, name in enumerate(names, start=1):
        cells[name] = dataset.read_cells(name)
        progress("reading cells", done, len(names))
    images = dataset.images[dataset.images["image"].isin(names)]
    about = {"name": dataset.name, "licence": dataset.licence, "source": dataset.source}
    if to == "geojson":
        _write_geojson_folder(out, dataset, cells, overwrite=overwrite)
    elif to == "coco":
        write_coco(out, cells, images, dataset.colours, **about)
    elif to == "csv":
        write_annotation_table(out, cells, images)
    else:
        more = images[["file", "split", "group"]]
        write_anndata(out, cells, dataset.colours, images=more, about=about)
    return ExportSummary(
        path=out,
        images=len(cells),
        cells={name: sum(one.counts()[name] for one in cells.values()) for name in dataset.class_names},
        unlabelled=sum(int((one.labels < 0).sum()) for one in cells.values()),
        notes=_notes(to, cells),
    )


def _require_ending(out: Path, to: str) -> None:
    if to not in ENDINGS:
        raise InvalidInputError(f"there is no format {to!r} to export to; the formats are {', '.join(ENDINGS)}.")
    endings = ENDINGS[to]
    if endings and out.suffix.lower() not in endings:
        raise InvalidInputError(f"{out} must end in {' or '.join(endings)}, as files of the format {to} do.")


def _require_place(out: Path, to: str, dataset: CellDataset, *, overwrite: bool) -> None:
    if out.resolve().is_relative_to(dataset.root.resolve()):
        raise OutputError(f"{out} lies in the data set, which holds nothing but its own files; choose another place.")
    if ENDINGS[to] and out.is_file() and not overwrite:
        raise OutputError(f"{out} exists; choose another output path or pass --overwrite.")


def _write_geojson_folder(out: Path, dataset: CellDataset, cells: dict[str, Cells], *, overwrite: bool) -> None:
    own = frozenset(f"{name}.geojson" for name in dataset.names())  # of any split, exported before
    with atomic_folder(out, overwrite=overwrite, own=own) as folder:
        for name, one in cells.items():
            write_geojson(folder / f"{name}.geojson", one, dataset.colours)


def _notes(to: str, cells: dict[str, Cells]) -> tuple[str, ...]:
    empty = sum(len(one) == 0 for one in cells.values())
    if to == "csv" and empty:
        return (f"Without a row, because there is no cell in them: {counted(empty, 'image')}.",)
    return ()
