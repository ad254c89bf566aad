import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import Cells, InvalidInputError
from cellweave.data import write_geojson, write_png
from cellweave.data.readers import read_qupath_geojson

CLASSES = ("tumor", "Ly mφ")
COLOURS = {"tumor": "#d55e00", "Ly mφ": "#0072B2"}
SHAPE = (40, 30)
positions = st.tuples(st.floats(0, 30, exclude_max=True), st.floats(0, 40, exclude_max=True), st.integers(-1, 1))


def test_a_cell_as_qupath_wants_it(tmp_path: Path) -> None:
    cells = Cells([[1.25, 2], [3, 4]], [1, -1], classes=CLASSES, shape=SHAPE, scores=[0.75, 0.1])
    write_geojson(tmp_path / "a.geojson", cells, COLOURS)
    assert json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8")) == {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [1.25, 2.0]},
                "properties": {
                    "objectType": "detection",
                    "classification": {"name": "Ly mφ", "color": [0, 114, 178]},
                    "measurements": {"score": 0.75},
                },
            },
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [3.0, 4.0]},
                "properties": {"objectType": "detection", "measurements": {"score": 0.1}},
            },
        ],
    }


def test_no_cells_is_an_empty_collection(tmp_path: Path) -> None:
    write_geojson(tmp_path / "a.geojson", Cells.empty(classes=CLASSES, shape=SHAPE), {})
    assert json.loads((tmp_path / "a.geojson").read_text()) == {"type": "FeatureCollection", "features": []}


def test_a_bad_colour_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="the colour of class 'tumor' is 'red'; write it as #rrggbb"):
        write_geojson(tmp_path / "a.geojson", Cells.empty(classes=CLASSES, shape=SHAPE), {"tumor": "red"})
    assert list(tmp_path.iterdir()) == []


@given(st.lists(positions, max_size=15))
def test_the_reader_returns_the_very_cells(rows: list[tuple[float, float, int]]) -> None:
    cells = Cells([row[:2] for row in rows], [row[2] for row in rows], classes=CLASSES, shape=SHAPE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_png(folder / "a.png", np.zeros((*SHAPE, 3), np.uint8))
        write_geojson(folder / "a.geojson", cells, COLOURS)
        source = read_qupath_geojson(folder, classes=CLASSES)
        (image,) = source.images
    assert np.array_equal(image.cells.xy, cells.xy)
    assert np.array_equal(image.cells.labels, cells.labels)
    assert image.clipped == 0
    present = {label for label in cells.label_names() if label}
    assert {one.name: one.colour for one in source.classes if one.name in present} == {
        label: COLOURS[label].lower() for label in present
    }
