"""Writers of cells in formats that other programs read; every file is written whole or not at all."""

from cellweave.data.writers.anndata import write_anndata
from cellweave.data.writers.coco import write_coco
from cellweave.data.writers.geojson import write_geojson
from cellweave.data.writers.table import cells_table, write_annotation_table, write_cells_table

__all__ = [
    "cells_table",
    "write_anndata",
    "write_annotation_table",
    "write_cells_table",
    "write_coco",
    "write_geojson",
]
