"""Cells as GeoJSON that QuPath opens."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cellweave.core import Cells, InvalidInputError, atomic_file

_COLOUR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


def write_geojson(path: str | os.PathLike[str], cells: Cells, colours: Mapping[str, str]) -> None:
    """Write the cells of one image as a FeatureCollection, one Point a cell, for QuPath or any GIS program.

    The points are *detections*: QuPath draws and measures them by the hundred thousand, where annotations are meant for
    things drawn by hand and slow down by the thousand. QuPath's frame is that of :class:`Cells`, so nothing is shifted.
    A score becomes the measurement ``score``; a cell without a class stays unclassified.

    Args:
        path: The file to write.
        cells: Cells in the pixels of the full-resolution image.
        colours: ``#rrggbb`` of every class that occurs; others get QuPath's own colours.

    Raises:
        InvalidInputError: A colour is not ``#rrggbb``.
        OutputError: The file cannot be written.
    """
    classifications = [_classification(name, colours) for name in cells.classes]
    with atomic_file(path) as partial, partial.open("w", encoding="utf-8") as stream:
        stream.write('{"type": "FeatureCollection", "features": [')
        separator = "\n"
        for feature in _features(cells, classifications):
            stream.write(separator + json.dumps(feature, ensure_ascii=False))
            separator = ",\n"
        stream.write("\n]}\n")


def _classification(name: str, colours: Mapping[str, str]) -> dict[str, Any]:
    if name not in colours:
        return {"name": name}
    match = _COLOUR.fullmatch(colours[name])
    if match is None:
        raise InvalidInputError(f"the colour of class {name!r} is {colours[name]!r}; write it as #rrggbb.")
    return {"name": name, "color": [int(channel, 16) for channel in match.groups()]}


def _features(cells: Cells, classifications: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    scores = [None] * len(cells) if cells.scores is None else cells.scores.tolist()
    for (x, y), label, score in zip(cells.xy.tolist(), cells.labels.tolist(), scores, strict=True):
        properties: dict[str, Any] = {"objectType": "detection"}
        if label >= 0:
            properties["classification"] = classifications[label]
        if score is not None:
            properties["measurements"] = {"score": round(score, 6)}
        yield {"type": "Feature", "geometry": {"type": "Point", "coordinates": [x, y]}, "properties": properties}
