"""Readers of annotated images, one file a kind of source.

A reader takes the path of its source, and options by keyword, and returns an :class:`AnnotatedSource`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.bcdata import read_bcdata
from cellweave.data.readers.brca_m2c import read_brca_m2c
from cellweave.data.readers.ccrcc import read_ccrcc
from cellweave.data.readers.coco import read_coco
from cellweave.data.readers.conic import read_conic
from cellweave.data.readers.consep import read_consep
from cellweave.data.readers.crchistophenotypes import read_crchistophenotypes
from cellweave.data.readers.deepliif import read_deepliif
from cellweave.data.readers.lizard import read_lizard
from cellweave.data.readers.mask_folder import read_mask_folder
from cellweave.data.readers.nucls import read_nucls
from cellweave.data.readers.pannuke import read_pannuke
from cellweave.data.readers.points_csv import read_points_csv
from cellweave.data.readers.psu import read_psu
from cellweave.data.readers.qupath_geojson import read_qupath_geojson

READERS: Mapping[str, Callable[..., AnnotatedSource]] = MappingProxyType(
    {
        "bcdata": read_bcdata,
        "brca-m2c": read_brca_m2c,
        "ccrcc": read_ccrcc,
        "coco": read_coco,
        "conic": read_conic,
        "consep": read_consep,
        "crchistophenotypes": read_crchistophenotypes,
        "deepliif": read_deepliif,
        "lizard": read_lizard,
        "masks": read_mask_folder,
        "nucls": read_nucls,
        "pannuke": read_pannuke,
        "points-csv": read_points_csv,
        "psu": read_psu,
        "qupath-geojson": read_qupath_geojson,
    }
)
"""The reader of every kind of source, by the name that ``cellweave data import`` knows it under."""

__all__ = [
    "READERS",
    "AnnotatedSource",
    "ImportedImage",
    "read_bcdata",
    "read_brca_m2c",
    "read_ccrcc",
    "read_coco",
    "read_conic",
    "read_consep",
    "read_crchistophenotypes",
    "read_deepliif",
    "read_lizard",
    "read_mask_folder",
    "read_nucls",
    "read_pannuke",
    "read_points_csv",
    "read_psu",
    "read_qupath_geojson",
]
