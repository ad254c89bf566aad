"""Regions with most errors, and the picture of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import InvalidInputError
from cellweave.report import Outcomes, WorstRegion, failure_sheet, worst_regions
from cellweave.report.palette import FALSE_ALARM, HIT, MISS, WRONG_CLASS, rgb

NONE = np.zeros((0, 2))


def outcomes(*, missed=NONE, spurious=NONE, confused=NONE, right=NONE, shape=(100, 200)):
    kinds = (np.asarray(xy, float).reshape(-1, 2) for xy in (right, confused, missed, spurious))
    return Outcomes(*kinds, shape)


def test_the_worst_region_is_where_most_errors_are():
    one = outcomes(missed=[[10, 10], [12, 14], [150, 80]], spurious=[[15, 11]], confused=[[152, 82]], right=[[5, 5]])
    regions = worst_regions({"a": one}, sides_px={"a": 32}, count=12)
    assert [(r.missed, r.spurious, r.confused, r.errors) for r in regions] == [(2, 1, 0, 3), (1, 0, 1, 2)]
    assert (regions[0].row, regions[0].column, regions[0].height, regions[0].width) == (0, 0, 32, 32)
    assert regions[1].to_json() == {
        "image": "a",
        "x": regions[1].column,
        "y": regions[1].row,
        "width": 32,
        "height": 32,
        "missed": 1,
        "spurious": 0,
        "another_class": 1,
    }


def test_images_share_the_places_and_right_ones_get_none():
    bad = outcomes(missed=[[x, 50] for x in range(5, 200, 10)])
    fair = outcomes(spurious=[[50, 50]])
    good = outcomes(right=[[50, 50]])
    sides = dict.fromkeys(("bad", "fair", "good"), 40)
    regions = worst_regions({"bad": bad, "fair": fair, "good": good}, sides_px=sides, count=12)
    assert [r.image for r in regions] == ["bad", "bad", "fair"]
    assert [r.image for r in worst_regions({"bad": bad, "fair": fair}, sides_px=sides, count=1)] == ["bad"]
    assert worst_regions({"good": good}, sides_px=sides, count=12) == []


def test_a_small_image_is_one_region():
    [region] = worst_regions({"a": outcomes(missed=[[1, 1], [199, 99]])}, sides_px={"a": 500}, count=12)
    assert (region.height, region.width, region.missed) == (100, 200, 2)


points = st.lists(st.tuples(st.floats(0, 199.9), st.floats(0, 99.9)), max_size=30)


@given(points, points, st.integers(1, 150))
def test_regions_lie_inside_do_not_overlap_and_count_what_they_hold(missed, spurious, side):
    one = outcomes(missed=missed, spurious=spurious)
    regions = worst_regions({"a": one}, sides_px={"a": side}, count=50, per_image=50)
    taken = np.zeros((100, 200), int)
    for r in regions:
        assert 0 <= r.row <= r.row + r.height <= 100
        assert 0 <= r.column <= r.column + r.width <= 200
        taken[r.row : r.row + r.height, r.column : r.column + r.width] += 1
        inside = [
            (r.column <= x < r.column + r.width) and (r.row <= y < r.row + r.height) for x, y in [*missed, *spurious]
        ]
        assert sum(inside) == r.errors > 0
    assert taken.max() <= 1
    assert bool(regions) == bool(missed or spurious)


def test_every_outcome_has_its_mark():
    one = outcomes(missed=[[10.5, 10.5]], spurious=[[40.5, 10.5]], confused=[[10.5, 40.5]], right=[[40.5, 40.5]])
    white = np.full((64, 64, 3), 255, np.uint8)
    region = WorstRegion("a", 0, 0, 64, 64, 1, 1, 1)
    sheet = failure_sheet([(region, white, one)], title="t", radii_px=[5.0], tile_px=256)
    top = sheet.shape[0] - (256 + 38 + 8)  # the tile stands on its caption and a gap

    def at(x, y):
        return tuple(int(value) for value in sheet[top + int(4 * y), 12 + int(4 * x)])

    assert at(10.5 + 5, 10.5) == rgb(MISS)
    assert at(10.5, 10.5) == (255, 255, 255)
    assert at(40.5, 10.5) == rgb(FALSE_ALARM)
    assert at(10.5 + 5, 40.5) == at(10.5, 40.5) == rgb(WRONG_CLASS)
    assert at(40.5, 40.5) == rgb(HIT)
    assert at(40.5 + 5, 40.5) == (255, 255, 255)


def test_marks_move_with_their_region():
    one = outcomes(missed=[[130.5, 60.5]])
    region = WorstRegion("a", 40, 100, 60, 60, 1, 0, 0)
    crops = [(region, np.full((60, 60, 3), 255, np.uint8), one)] * 3
    sheet = failure_sheet(crops, title="t", radii_px=[5.0] * 3, columns=2, tile_px=120, classes=False)
    first, second = sheet.shape[0] - 2 * (120 + 38 + 8), sheet.shape[0] - (120 + 38 + 8)
    for top, left in ((first, 12), (first, 12 + 128), (second, 12)):
        assert tuple(sheet[top + int(2 * 20.5), left + int(2 * (30.5 + 5))]) == rgb(MISS)


def test_a_sheet_needs_a_region():
    with pytest.raises(InvalidInputError, match="got 0 regions, columns 4"):
        failure_sheet([], title="t", radii_px=[])
