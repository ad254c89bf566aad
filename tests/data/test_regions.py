import json

import numpy as np
import pytest

from cellweave.core import Cells, TableError
from cellweave.data.regions import read_regions, require_inside

SQUARE = [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]


def feature(coordinates=SQUARE, *, kind="Polygon", **properties):
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


@pytest.fixture
def write(tmp_path):
    def write(*features, whole=None):
        path = tmp_path / "regions.geojson"
        content = {"type": "FeatureCollection", "features": list(features)} if whole is None else whole
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_names_are_given_or_those_of_classes_or_numbers_and_differ(write):
    path = write(
        feature(name="hot spot"),
        feature(classification={"name": "Tumor"}),
        feature(classification={"name": "Tumor"}, objectType="annotation"),
        feature(),
        feature(name="Tumor (2)"),
    )
    assert [region.name for region in read_regions(path)] == [
        *("hot spot", "Tumor", "Tumor (2)", "region 4", "Tumor (2) (2)")
    ]


def test_a_region_holds_what_is_inside_or_on_its_border_but_not_in_its_hole(write):
    hole = [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]]
    [region] = read_regions(write(feature([*SQUARE, hole])))
    cells = Cells([[1, 1], [10, 5], [5, 5], [11, 5]], classes=(), shape=(20, 20))
    assert region.holds(cells).tolist() == [True, True, False, False]
    assert region.holds(Cells.empty(classes=(), shape=(20, 20))).tolist() == []


def test_several_areas_may_be_one_region_and_a_crossing_outline_is_what_it_encloses(write):
    far = [[[20, 20], [30, 20], [30, 30], [20, 20]]]
    bow_tie = [[[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]]
    both, crossed = read_regions(write(feature([SQUARE, far], kind="MultiPolygon"), feature(bow_tie)))
    assert both.outline.area == 150
    assert crossed.outline.area == 50


def test_cells_and_points_are_no_regions(write):
    point = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 1]}, "properties": {}}
    assert len(read_regions(write(point, feature(objectType="cell"), feature(objectType="annotation")))) == 1
    with pytest.raises(TableError, match=r"regions.geojson holds no polygon; draw the regions as annotations"):
        read_regions(write(point, feature(objectType="detection")))


@pytest.mark.parametrize("whole", [feature(name="a"), [feature(name="a")]])
def test_a_feature_alone_and_a_bare_list_are_read(write, whole):
    assert [region.name for region in read_regions(write(whole=whole))] == ["a"]


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        ("{", "is not valid JSON"),
        ('"text"', "holds no list of GeoJSON features"),
        ("[1]", "holds no list of GeoJSON features"),
        ([{"type": "Feature"}], "feature 1 is no usable region"),
        ([feature([[[0, 0], [1, 1]]])], "feature 1 is no usable region"),
        ([feature([[[0, 0], [1, 1], [2, 2], [0, 0]]])], "feature 1 encloses no area"),
        (
            [feature([[[0, 0], [1e300, 0], [1e300, 1e300], [0, 0]]])],
            "feature 1 .* a corner is not within 1e\\+09 pixels",
        ),
        ([feature([[[0, 0], [9, 0], [np.nan, 9], [0, 0]]])], "feature 1 is no usable region"),
        ([feature(), feature(classification="Tumor")], "feature 2 is no usable region"),
    ],
)
def test_what_is_no_region_is_told(write, whole, message):
    with pytest.raises(TableError, match=message):
        read_regions(write(whole=whole))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(TableError, match=r"none.geojson cannot be read \(No such file"):
        read_regions(tmp_path / "none.geojson")


def test_regions_lie_in_their_image(write):
    regions = read_regions(write(feature(name="near"), feature((np.array(SQUARE) + 50).tolist(), name="far")))
    require_inside(regions, "a", (60, 60))
    with pytest.raises(TableError, match=r"region 'far' lies outside image 'a', which is 40×45 \(width×height\) px"):
        require_inside(regions, "a", (45, 40))
