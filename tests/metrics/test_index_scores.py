import json

import numpy as np
import pytest
import shapely

from cellweave.core import Cells, InvalidInputError, numpy_generator
from cellweave.data.regions import Region
from cellweave.metrics.index_scores import score_index
from cellweave.metrics.positive_index import IndexClasses, wilson_interval

KI67 = IndexClasses("+", "-")


def cells(positive, negative, *, xy=None):
    count = positive + negative
    points = np.full((count, 2), 50.0) if xy is None else xy
    labels = [0] * positive + [1] * negative
    return Cells(points, labels, classes=("+", "-"), shape=(100, 100))


CELLS = {"a": cells(1, 3), "b": cells(3, 1), "c": cells(0, 0), "d": cells(2, 2)}
GROUPS = {"a": "p", "b": "p", "c": "q", "d": "q"}


def test_images_groups_and_all():
    scores = score_index(CELLS, KI67, groups=GROUPS)
    assert [row.scope for row in scores.rows] == ["image"] * 4 + ["group"] * 2 + ["all"]
    values = {row.image or row.group or row.scope: row.index.value for row in scores.rows}
    assert values == {"a": 0.25, "b": 0.75, "c": None, "d": 0.5, "p": 0.5, "q": 0.5, "all": 0.5}
    units = {row.image or row.group or row.scope: row.index.units for row in scores.rows}
    assert (units["a"], units["p"], units["all"]) == ("cells", "images", "groups")
    assert scores.row("image", "a").index.interval == wilson_interval(1, 4)
    assert scores.row("image", "a").group == "p"
    assert scores.notes == ("no positive and no negative cell, so no index: c.",)
    with pytest.raises(KeyError, match="no row of image 'z'"):
        scores.row("image", "z")


def test_an_image_that_is_its_own_group_is_noted_once():
    scores = score_index(CELLS, KI67, groups={image: image for image in CELLS})
    assert scores.notes == ("no positive and no negative cell, so no index: c.",)
    many = score_index({f"i{i}": cells(0, 0) for i in range(8)}, KI67, groups={f"i{i}": f"i{i}" for i in range(8)})
    assert many.notes == ("no positive and no negative cell, so no index: i0, i1, i2, i3, i4 and 3 more.",)


def test_json_and_table_have_the_same_keys_and_nothing_is_nan():
    told = score_index(CELLS, KI67, groups=GROUPS).to_json()
    assert told == json.loads(json.dumps(told, allow_nan=False))
    assert (told["positive"], told["negative"], told["level"]) == ("+", "-", 0.95)
    assert told["rows"][2] == {
        "scope": "image",
        "image": "c",
        "region": None,
        "group": "q",
        "positive": 0,
        "negative": 0,
        "index": None,
        "low": None,
        "high": None,
        "interval_over": "cells",
    }
    assert "agreement" not in told


def test_against_annotations():
    truth = {"a": cells(2, 2), "b": cells(3, 1), "c": cells(1, 1), "d": cells(1, 9)}
    scores = score_index(CELLS, KI67, truth=truth)
    points = {row.image: row.difference_points for row in scores.rows if row.scope == "image"}
    assert points == {"a": -25, "b": 0, "c": None, "d": pytest.approx(40)}
    assert scores.agreement == {
        "images": 3,
        "mean_absolute_points": pytest.approx(65 / 3),
        "mean_points": pytest.approx(5),
    }
    assert scores.row("all").difference_points == pytest.approx(100 * (6 / 12 - 7 / 20))
    assert scores.to_json()["rows"][3]["true_index"] == 0.1
    same = score_index(CELLS, KI67, truth=CELLS)
    assert same.agreement["mean_absolute_points"] == 0


def test_without_an_index_on_both_sides_there_is_no_agreement():
    none = {"a": cells(0, 0)}
    assert score_index(none, KI67, truth={"a": cells(1, 1)}).to_json()["agreement"] is None


def test_regions_count_what_lies_in_them_and_on_their_border():
    xy = [[10, 10], [20, 10], [30, 10], [90, 90]]
    one = {"a": cells(2, 2, xy=xy)}
    regions = {"a": (Region("left", shapely.box(0, 0, 20, 20)), Region("far", shapely.box(50, 0, 60, 10)))}
    scores = score_index(one, KI67, regions=regions)
    left, far = scores.row("region", "left"), scores.row("region", "far")
    assert (left.index.positive, left.index.negative, left.image) == (2, 0, "a")
    assert (far.index.value, far.index.interval) == (None, None)
    assert scores.notes == ("no positive and no negative cell, so no index: far.",)


def test_regions_that_part_an_image_add_up_to_it():
    generator = numpy_generator(3)
    xy = generator.uniform(0, 100, (200, 2))
    regions = {"a": (Region("west", shapely.box(0, 0, 50, 100)), Region("east", shapely.box(50, 0, 100, 100)))}
    scores = score_index({"a": cells(80, 120, xy=xy)}, KI67, regions=regions)
    parts = [scores.row("region", name).index for name in ("west", "east")]
    assert (sum(part.positive for part in parts), sum(part.negative for part in parts)) == (80, 120)


def test_the_order_of_images_and_cells_does_not_matter():
    scores = score_index(CELLS, KI67, groups=GROUPS, seed=5)
    backwards = {name: one.select(np.arange(len(one))[::-1]) for name, one in reversed(CELLS.items())}
    assert score_index(backwards, KI67, groups=GROUPS, seed=5) == scores


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cells": {}}, "no image whose index"),
        ({"truth": {"a": cells(1, 1)}}, r"the truth has other images: \['b', 'c', 'd'\]"),
        ({"resamples": 0}, "resamples must be at least 1, got 0"),
    ],
)
def test_bad_arguments_are_told(arguments, message):
    given = {"cells": CELLS} | arguments
    with pytest.raises(InvalidInputError, match=message):
        score_index(given.pop("cells"), KI67, **given)
