import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cellweave.core import DatasetError, InvalidInputError, TableError
from cellweave.data import write_png
from cellweave.data.readers import ImportedImage, read_qupath_geojson

TUMOUR = {"name": "Tumor", "color": [200, 0, 16]}
SQUARE = {"type": "Polygon", "coordinates": [[[2, 2], [6, 2], [6, 6], [2, 6], [2, 2]]]}
# A 4×4 square without its right-hand 2×2 quarter: (16 * (4, 4) - 4 * (5, 5)) / 12
NOTCHED = {
    "type": "Polygon",
    "coordinates": [*SQUARE["coordinates"], [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]]],
}


def feature(geometry: Any, classification: Any = None, kind: str | None = None, **extra: Any) -> dict[str, Any]:
    properties: dict[str, Any] = {} if kind is None else {"objectType": kind}
    if classification is not None:
        properties["classification"] = classification
    return {"type": "Feature", "geometry": geometry, "properties": properties, **extra}


def point(x: float, y: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [x, y]}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_png(tmp_path / "a.png", np.zeros((20, 30, 3), np.uint8))
    return tmp_path


def read(source: Path, content: Any, **options: Any) -> ImportedImage:
    (source / "a.geojson").write_text(json.dumps(content))
    (image,) = read_qupath_geojson(source, **options).images
    return image


def test_points_are_not_shifted(source: Path) -> None:
    image = read(
        source, {"type": "FeatureCollection", "features": [feature(point(3.25, 7), TUMOUR), feature(point(0, 0))]}
    )
    assert image.cells.xy.tolist() == [[3.25, 7.0], [0.0, 0.0]]
    assert image.cells.label_names() == ["Tumor", None]
    assert (image.name, image.split, image.group, image.cells.mpp) == ("a", "training", "a", None)


def test_a_multipoint_is_many_cells(source: Path) -> None:
    image = read(source, [feature({"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]}, TUMOUR)])
    assert image.cells.xy.tolist() == [[1, 2], [3, 4]]
    assert image.cells.label_names() == ["Tumor", "Tumor"]


def test_outlines_are_placed_by_their_centroid(source: Path) -> None:
    two = {
        "type": "MultiPolygon",
        "coordinates": [SQUARE["coordinates"], [[[10, 2], [14, 2], [14, 6], [10, 6], [10, 2]]]],
    }
    image = read(
        source, [feature(SQUARE, kind="detection"), feature(NOTCHED, kind="detection"), feature(two, kind="cell")]
    )
    assert np.allclose(image.cells.xy, [[4, 4], [11 / 3, 11 / 3], [8, 4]])


def test_a_cell_is_placed_by_its_nucleus(source: Path) -> None:
    image = read(source, feature(SQUARE, kind="cell", nucleusGeometry=point(5, 3)))
    assert image.cells.xy.tolist() == [[5, 3]]


@pytest.mark.parametrize(
    ("classification", "name", "colour"),
    [
        (TUMOUR, "Tumor", "#c80010"),
        ({"name": "Tumor", "colorRGB": -3670000}, "Tumor", "#c80010"),
        ({"names": ["Tumor", "Positive"], "color": [1, 2, 3]}, "Tumor: Positive", "#010203"),
    ],
)
def test_classes_and_colours_of_every_version(source: Path, classification: Any, name: str, colour: str) -> None:
    read(source, [feature(point(1, 1), classification)])
    assert [(one.name, one.colour) for one in read_qupath_geojson(source).classes] == [(name, colour)]


def test_the_oldest_exports_keep_the_kind_in_the_id(source: Path) -> None:
    image = read(source, [feature(SQUARE, id="PathDetectionObject"), feature(SQUARE, id="PathRootObject")])
    assert image.cells.xy.tolist() == [[4, 4]]


def test_annotated_regions_beside_points_are_no_cells(source: Path) -> None:
    image = read(source, [feature(SQUARE, kind="annotation"), feature(point(1, 1)), feature(SQUARE, kind="tile")])
    assert image.cells.xy.tolist() == [[1, 1]]
    assert "taken for regions: 1 annotation drawn as an outline" in read_qupath_geojson(source).notes[0]


def test_annotated_outlines_alone_are_cells(source: Path) -> None:
    assert read(source, [feature(SQUARE, kind="annotation")]).cells.xy.tolist() == [[4, 4]]


def test_a_file_without_objects_is_an_image_without_cells(source: Path) -> None:
    image = read(source, {"type": "FeatureCollection", "features": []}, classes=["Tumor"], mpp=0.25)
    assert (len(image.cells), image.cells.classes, image.cells.mpp) == (0, ("Tumor",), 0.25)


def test_an_image_table_gives_split_group_and_scale(source: Path) -> None:
    (source / "table.csv").write_text("image,split,group,mpp\na.png,test,p7,0.5\n")
    image = read(source, [], image_table=source / "table.csv")
    assert (image.split, image.group, image.cells.mpp) == ("test", "p7", 0.5)


def test_images_without_an_export_are_noted(source: Path) -> None:
    write_png(source / "b.png", np.zeros((2, 2, 3), np.uint8))
    read(source, [])
    assert read_qupath_geojson(source).notes == ("Left out, because they have no .geojson: 1 image (b.png).",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"type": "Feature"}, r"feature 1 has no usable geometry"),
        ("text", r"holds no list of GeoJSON features"),
        ([3], r"feature 1 is not a GeoJSON Feature"),
        ([feature({"type": "LineString", "coordinates": [[0, 0], [1, 1]]})], r"feature 1 .*a LineString is no cell"),
        ([feature(point(1, 1)), feature({"type": "Point", "coordinates": []})], r"feature 2 has no usable geometry"),
        ([feature({"type": "Polygon", "coordinates": []})], r"feature 1 has no usable geometry"),
        ([feature(point(1, 1), {"color": [1, 2, 3]})], r"feature 1 has no usable geometry or classification"),
        ([feature(point(1, 1), {"name": ""})], r"feature 1 .*class name ''"),
        ([feature(point(1, 1), "Tumor")], r"feature 1 has no usable geometry or classification"),
        (
            [feature(point(1, 1), {"name": "Tumor", "color": "red"})],
            r"feature 1 has no usable geometry or classification",
        ),
        ([feature(point(1, 400))], r"feature 1: x 1, y 400 is not inside the image, which is 30×20"),
        ([feature(point(float("nan"), 4))], r"feature 1: x nan, y 4 is not inside"),
        ([feature(point(10**400, 4))], r"feature 1 has no usable geometry or classification \(OverflowError"),
        ([{"type": "Feature", "geometry": point(1, 1), "properties": [1]}], r"feature 1 has properties that are no"),
    ],
)
def test_bad_files_name_file_and_feature(source: Path, content: Any, message: str) -> None:
    with pytest.raises(TableError, match=rf"a\.geojson.*{message}"):
        read(source, content)


def test_an_unexpected_class_names_those_expected(source: Path) -> None:
    with pytest.raises(
        TableError, match=r"a\.geojson: feature 1: class 'Tumor' is not known; the classes are \['Stroma'\]"
    ):
        read(source, [feature(point(1, 1), TUMOUR)], classes=["Stroma"])
    with pytest.raises(InvalidInputError, match="class names must differ"):
        read(source, [], classes=["Stroma", "Stroma"])


def test_missing_things_are_said(source: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no \.geojson files"):
        read_qupath_geojson(source)
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        read_qupath_geojson(source / "nowhere")
    (source / "b.geojson").write_text("[]")
    with pytest.raises(TableError, match=r"b\.geojson: image 'b' is not in"):
        read_qupath_geojson(source)
    (source / "b.geojson").write_bytes(b"\x1f\x8b\x08")
    (source / "b.png").write_bytes((source / "a.png").read_bytes())
    with pytest.raises(TableError, match=r"b\.geojson is not valid JSON"):
        read_qupath_geojson(source)


def test_a_byte_order_mark_is_skipped_and_endless_nesting_is_no_json(source: Path) -> None:
    (source / "a.geojson").write_text("\ufeff" + json.dumps([feature(point(1, 1))]), encoding="utf-8")
    assert sum(len(image.cells) for image in read_qupath_geojson(source).images) == 1
    (source / "a.geojson").write_text("[" * 100_000)
    with pytest.raises(TableError, match=r"a\.geojson is not valid JSON"):
        read_qupath_geojson(source)
