"""The objects of one QuPath GeoJSON file, as written by QuPath 0.2 to 0.6.

Source: QuPath's ``QuPathTypeAdapters`` and https://qupath.readthedocs.io/en/stable/docs/advanced/exporting_annotations.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import shape

from cellweave.core import TableError

_LEGACY_KINDS = {
    "PathCellObject": "cell",
    "PathDetectionObject": "detection",
    "PathAnnotationObject": "annotation",
    "PathTileObject": "tile",
    "TMACoreObject": "tmaCore",
    "PathRootObject": "root",
}
"""QuPath 0.2 stored the kind of an object as its id."""

_OUTLINES = ("Polygon", "MultiPolygon")
_WITHOUT_CELLS = ("tile", "tmaCore", "tma_core", "root")


@dataclass(frozen=True, slots=True)
class QuPathObject:
    """One point, or one outline reduced to its centroid.

    Attributes:
        row: Where it stands in the file, in words.
        kind: cell, detection, annotation, tile, …
        outlined: Whether it was drawn as an outline.
        xy: Its place in pixels of the full-resolution image.
        label: Name of its class; None where unclassified.
        colour: Colour of its class, ``#rrggbb``; None where the file has none.
    """

    row: str
    kind: str
    outlined: bool
    xy: tuple[float, float]
    label: str | None
    colour: str | None


def read_objects(path: Path) -> list[QuPathObject]:
    """Return the objects of a FeatureCollection, of a bare list of Features, or of a single Feature.

    Cells with a nucleus are placed by their nucleus. Tiles, TMA cores and the root, which are no cells, are left out.

    Raises:
        TableError: The file is no GeoJSON, or an object has no usable geometry or classification.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TableError(
            f"{path} cannot be read ({error.strerror}); give a GeoJSON file exported by QuPath."
        ) from error
    except (ValueError, RecursionError) as error:
        raise TableError(f"{path} is not valid JSON ({error}); export it from QuPath again, not compressed.") from error
    if isinstance(content, dict):
        content = content.get("features") if content.get("type") == "FeatureCollection" else [content]
    if not isinstance(content, list):
        raise TableError(f"{path} holds no list of GeoJSON features; export it from QuPath as GeoJSON.")
    return [one for i, feature in enumerate(content, start=1) for one in _read_feature(feature, f"feature {i}", path)]


def _read_feature(feature: Any, row: str, path: Path) -> Iterator[QuPathObject]:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise TableError(f"{path}: {row} is not a GeoJSON Feature; export the file from QuPath again.")
    properties = feature.get("properties") or {}
    if not isinstance(properties, dict):
        raise TableError(f"{path}: {row} has properties that are no object; export the file from QuPath again.")
    kind = _kind(feature, properties)
    if kind in _WITHOUT_CELLS:
        return
    geometry: Any = feature.get("nucleusGeometry") or feature.get("geometry")
    try:
        label, colour = _classification(properties.get("classification"))
        outlined = geometry["type"] in _OUTLINES
        places = _places(geometry)
    except (
        AttributeError,
        KeyError,
        IndexError,
        OverflowError,
        TypeError,
        ValueError,
        shapely.errors.ShapelyError,
    ) as error:
        raise TableError(
            f"{path}: {row} has no usable geometry or classification ({type(error).__name__}: {error}); "
            "cells are Point, MultiPoint, Polygon or MultiPolygon with a class that has a name."
        ) from error
    for xy in places:
        yield QuPathObject(row, kind, outlined, xy, label, colour)


def _kind(feature: dict[str, Any], properties: dict[str, Any]) -> str:
    given = properties.get("objectType") or properties.get("object_type") or _LEGACY_KINDS.get(str(feature.get("id")))
    return str(given or "annotation")  # QuPath's own default


def _places(geometry: dict[str, Any]) -> list[tuple[float, float]]:
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind == "Point":
        return [(float(coordinates[0]), float(coordinates[1]))]
    if kind == "MultiPoint":
        return [(float(point[0]), float(point[1])) for point in coordinates]
    if kind in _OUTLINES:
        centroid = shape(geometry).centroid
        return [(centroid.x, centroid.y)]
    raise ValueError(f"a {kind} is no cell")


def _classification(given: Any) -> tuple[str | None, str | None]:
    """Return name and colour of a class; QuPath has written ``name`` or ``names``, ``color`` or ``colorRGB``."""
    if given is None:
        return None, None
    names = given["names"] if "names" in given else [given["name"]]
    name = ": ".join(names) if isinstance(names, list) else names
    if not (isinstance(name, str) and name):
        raise ValueError(f"class name {name!r}")
    if given.get("color") is not None:
        red, green, blue = (int(value) for value in given["color"])
        return name, f"#{red & 255:02x}{green & 255:02x}{blue & 255:02x}"
    if given.get("colorRGB") is not None:
        return name, f"#{int(given['colorRGB']) & 0xFFFFFF:06x}"  # a signed ARGB integer of Java
    return name, None
