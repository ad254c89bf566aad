"""Named regions of an image, drawn in QuPath and exported as GeoJSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import shape

from cellweave.core import Cells, TableError

FARTHEST_PX = 1e9
"""No image is as large; areas of corners beyond it cannot be computed."""

_REMEDY = "draw the regions as annotations in QuPath and export them as GeoJSON"
_AREAS = ("Polygon", "MultiPolygon")
_NO_REGIONS = ("cell", "detection", "tile", "root")


@dataclass(frozen=True, eq=False)
class Region:
    """An area of an image.

    Attributes:
        name: As it was given in QuPath, or that of its class, or ``region`` and its number; names differ.
        outline: Polygons, in pixels of the full-resolution image.
    """

    name: str
    outline: shapely.Geometry

    def holds(self, cells: Cells) -> npt.NDArray[np.bool_]:
        """Return which cells have their centre in the region or on its border, bool (N,)."""
        inside: npt.NDArray[np.bool_] = shapely.intersects_xy(self.outline, cells.xy)
        return inside


def read_regions(path: str | os.PathLike[str]) -> tuple[Region, ...]:
    """Read the polygons of a QuPath GeoJSON file; an outline that crosses itself is read as the areas it encloses.

    Cells, detections and tiles, and whatever is no area, are left out. A name that is there twice gets a number:
    ``tumor``, ``tumor (2)``.

    Raises:
        TableError: The file is no such GeoJSON, an outline is damaged, or there is no region.
    """
    path = Path(path)
    named: dict[str, Region] = {}
    for number, (given, outline) in enumerate(_areas(path), start=1):
        first = given or f"region {number}"
        name, times = first, 1
        while name in named:
            times += 1
            name = f"{first} ({times})"
        named[name] = Region(name, outline)
    if not named:
        raise TableError(f"{path} holds no polygon; {_REMEDY}.")
    return tuple(named.values())


def require_inside(regions: tuple[Region, ...], image: str, frame: tuple[int, int]) -> None:
    """Make sure that all regions touch the image that they are said to lie in.

    Args:
        regions: The regions.
        image: Name of the image.
        frame: Its height and width, in pixels.

    Raises:
        TableError: One lies outside.
    """
    height, width = frame
    for region in regions:
        if not region.outline.intersects(shapely.box(0, 0, width, height)):
            raise TableError(
                f"region {region.name!r} lies outside image {image!r}, which is {width}×{height} (width×height) px; "
                "give the regions of that image, in its pixels at full resolution."
            )


def _areas(path: Path) -> Iterator[tuple[str | None, shapely.Geometry]]:
    for number, feature in enumerate(_features(path), start=1):
        try:
            properties = feature.get("properties") or {}
            kind = properties.get("objectType") or properties.get("object_type")
            if feature["geometry"]["type"] not in _AREAS or kind in _NO_REGIONS:
                continue
            with np.errstate(invalid="ignore"):  # what is not finite is told in the next line
                drawn = shape(feature["geometry"])
            if not (abs(shapely.get_coordinates(drawn)) <= FARTHEST_PX).all():  # True for NaN
                raise ValueError(f"a corner is not within {FARTHEST_PX:g} pixels")
            outline = shapely.make_valid(drawn)
            name = properties.get("name") or (properties.get("classification") or {}).get("name")
            sound = np.isfinite(outline.bounds).all() and outline.area > 0
        except (AttributeError, KeyError, IndexError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
            raise TableError(
                f"{path}: feature {number} is no usable region ({type(error).__name__}: {error}); {_REMEDY}."
            ) from error
        if not sound:
            raise TableError(f"{path}: feature {number} encloses no area; {_REMEDY}.")
        yield None if name is None else str(name), outline


def _features(path: Path) -> list[Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TableError(f"{path} cannot be read ({error.strerror}); {_REMEDY}.") from error
    except (ValueError, RecursionError) as error:
        raise TableError(f"{path} is not valid JSON ({error}); {_REMEDY}.") from error
    if isinstance(content, dict):
        content = content.get("features") if content.get("type") == "FeatureCollection" else [content]
    if not isinstance(content, list) or not all(isinstance(one, dict) for one in content):
        raise TableError(f"{path} holds no list of GeoJSON features; {_REMEDY}.")
    return content
