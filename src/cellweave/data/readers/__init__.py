"""Readers of annotated images, one file a kind of source.

A reader takes the path of its source, and options by keyword, and returns an :class:`AnnotatedSource`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cellweave.data.readers.annotated_source import AnnotatedSource, ImportedImage
from cellweave.data.readers.brca_m2c import read_brca_m2c
from cellweave.data.readers.points_csv import read_points_csv
from cellweave.data.readers.qupath_geojson import read_qupath_geojson

READERS: Mapping[str, Callable[..., AnnotatedSource]] = MappingProxyType(
    {
        "brca-m2c": read_brca_m2c,
        "points-csv": read_points_csv,
        "qupath-geojson": read_qupath_geojson,
    }
)
"""The reader of every kind of source, by the name that ``cellweave data import`` knows it under."""

__all__ = ["READERS", "AnnotatedSource", "ImportedImage", "read_brca_m2c", "read_points_csv", "read_qupath_geojson"]
