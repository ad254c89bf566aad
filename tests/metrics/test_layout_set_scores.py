import json

import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics import score_layout_sets, score_layouts
from cellweave.metrics.layout_scores import COLUMNS, KINDS
from cellweave.metrics.layout_set_scores import Spread
from cellweave.metrics.layout_table import layout_set_table
from cellweave.patterns import poisson_points, thomas_points
from cellweave.report.spatial_figures import layout_curves

CLASSES = ("a", "b")
SHAPE = (260, 250)


def layout(seed, spread):
    rng = np.random.default_rng(seed)
    of_a, of_b = thomas_points(2e-4, 8, spread, shape=SHAPE, rng=rng), poisson_points(1e-3, SHAPE, rng)
    labels = [0] * len(of_a) + [1] * len(of_b)
    return Cells(np.concatenate([of_a, of_b]), labels, classes=CLASSES, shape=SHAPE, mpp=0.5)


REAL = [layout(i, 8) for i in range(24)]
GROUPS = [f"patient {i // 2}" for i in range(24)]
NEAR = [layout(100 + i, 8) for i in range(12)]
FAR = [layout(200 + i, 20) for i in range(12)]
OPTIONS = {"groups": GROUPS, "splits": 4, "resamples": 20, "seed": 1}


def features(layouts, classes):
    """How many cells of every class there are, and how many of them lie near another."""
    return np.array([[value for name in classes for value in _of_class(one.of_class(name).xy)] for one in layouts])


def _of_class(xy):
    distances = np.linalg.norm(xy[:, None] - xy, axis=2)
    return len(xy) / 20, (distances < 15).sum() / 20


@pytest.fixture(scope="module")
def three():
    return score_layout_sets(REAL, {"near": NEAR, "copy": list(NEAR), "far": FAR}, features=features, **OPTIONS)


def test_a_set_beside_others_has_the_scores_it_has_alone(three):
    assert three.scores[2] == score_layouts(REAL, FAR, features=features, **OPTIONS)
    assert three.scores[0] == three.scores[1]


def test_two_copies_of_one_set_differ_by_nothing(three):
    copy = three.differences[0]
    assert (copy.name, copy.first) == ("copy", "near")
    assert (copy.overall.value, copy.overall.interval) == (0, (0, 0))
    told = [change for row in copy.rows for change in (row.distance, row.position) if change.value is not None]
    assert len(told) > 20
    for change in told:
        assert change.value == 0
        assert change.interval in (None, (0, 0))
    assert copy.row("spatial_fid").distance.interval == (0, 0)


def test_differences_are_of_the_same_draws(three):
    near, far = three.scores[0], three.scores[2]
    change = three.differences[1].row("ripley_l", "a")
    assert change.distance.value == far.row("ripley_l", "a").distance.mean - near.row("ripley_l", "a").distance.mean
    assert change.position.value == far.row("ripley_l", "a").position - near.row("ripley_l", "a").position
    low, high = change.position.interval
    assert 0 < low < change.position.value < high
    told = [three.differences[1].row(*place).position.value for place in columns_of(three)]
    assert three.differences[1].overall.value == pytest.approx(np.mean([one for one in told if one is not None]))


def columns_of(three):
    there = {(row.measure, row.label) for row in three.scores[0].rows}
    return [(measure, label) for _, measure, label in COLUMNS if (measure, label) in there]


def test_what_is_alike_in_two_sets_leaves_no_doubt_in_their_difference():
    nearly = [*NEAR[:11], layout(300, 8)]
    both = score_layout_sets(REAL, {"near": NEAR, "nearly": nearly}, **OPTIONS)
    paired = both.differences[0].row("nearest_neighbour").distance.interval
    alone = both.scores[0].row("nearest_neighbour").interval
    row = both.scores[0].row("nearest_neighbour")
    span = row.ceiling.mean - row.floor.mean
    assert paired[1] - paired[0] < 0.7 * (alone[1] - alone[0]) * span


def test_the_mean_of_three_by_hand(three):
    rows = [one.row("nearest_neighbour") for one in three.scores]
    near, far = rows[0], rows[2]
    found = three.distance("nearest_neighbour")
    assert found.mean == pytest.approx((2 * near.distance.mean + far.distance.mean) / 3)
    assert (found.smallest, found.largest) == (near.distance.mean, far.distance.mean)
    assert three.position("nearest_neighbour").largest == far.position
    assert Spread.of([1.0, 2.0, 6.0]) == (3, 1, 6)
    assert Spread.of([1.0, None, 6.0]) is None


def test_what_the_sets_share_is_measured_once():
    seen = []

    def counted(layouts, classes):
        seen.append(len(layouts))
        return features(layouts, classes)

    told = []
    score_layout_sets(
        REAL,
        {"near": NEAR, "far": FAR},
        features=counted,
        groups=GROUPS,
        splits=20,
        progress=lambda *about: told.append(about[:3]),
    )
    assert sorted(seen) == [12, 12, 24, 24, 24]
    assert told[-1][1:] == (96, 96)


def test_sets_of_different_sizes_are_compared_with_the_same_halves_in_the_smaller_number():
    both = score_layout_sets(REAL, {"near": NEAR, "few": FAR[:4]}, groups=GROUPS, splits=3, size=40)
    assert [one.layouts_per_side for one in both.scores] == [4, 4]
    assert [one.synthetic for one in both.scores] == [12, 4]
    first, second = (one.row("ripley_l") for one in both.scores)
    assert (first.floor, first.ceiling, first.fitted) == (second.floor, second.ceiling, second.fitted)
    assert first.distance != second.distance


def test_json_and_table_hold_every_set_the_mean_and_the_differences(three):
    about = json.loads(json.dumps(three.to_json(), allow_nan=False))
    assert [one["name"] for one in about["sets"]] == ["near", "copy", "far"]
    fid = next(row for row in about["sets"][2]["rows"] if row["measure"] == "spatial_fid")
    assert fid["floor"]["mean"] < fid["ceiling"]["mean"]
    assert [(one["set"], one["less"]) for one in about["differences"]] == [("copy", "near"), ("far", "near")]
    assert about["mean"]["overall_position"]["smallest"] == three.scores[0].overall["synthetic"][0]
    table = layout_set_table(three)
    rows = len(three.scores[0].rows)
    counts = len(three.scores[0].counts)
    kinds = table["layouts"].value_counts()
    assert kinds["synthetic"] == 3 * (rows + counts)
    assert (kinds["random"], kinds["fitted"], kinds["real"]) == (rows + counts,) * (len(KINDS) - 1)
    assert (kinds["mean"], kinds["difference"]) == (rows, 2 * rows)
    line = table[(table["set"] == "far") & (table["layouts"] == "difference") & (table["measure"] == "spatial_fid")]
    change = three.differences[1].row("spatial_fid")
    assert line["distance"].item() == change.distance.value
    assert (line["distance_low"].item(), line["distance_high"].item()) == change.distance.interval


def test_the_figure_has_a_curve_for_every_set(three):
    figure = layout_curves(three)
    [legend] = figure.legends
    assert [one.get_text() for one in legend.get_texts()] == ["real", "near", "copy", "far", "fitted", "random"]
    colours = [line.get_color() for line in figure.axes[0].lines]
    assert len(set(colours)) == 6
    assert len(figure.axes) == 3 * 3 + 2  # all and two classes, then L and the pair correlation across the classes
    assert [bool(axes.get_xlabel()) for axes in figure.axes] == [False] * 6 + [True, False, False] + [True] * 2


def test_a_set_may_be_called_as_the_layouts_that_it_is_compared_with():
    both = score_layout_sets(REAL[:8], {"real": NEAR[:4], "random": FAR[:4]}, splits=2)
    assert both.scores[0] == score_layouts(REAL[:8], NEAR[:4], splits=2)
    [legend] = layout_curves(both).legends
    names = ["real", "synthetic real", "synthetic random", "fitted", "random"]
    assert [one.get_text() for one in legend.get_texts()] == names


def test_no_set_and_an_empty_set_are_refused():
    with pytest.raises(InvalidInputError, match="no set of synthetic layouts"):
        score_layout_sets(REAL, {})
    with pytest.raises(InvalidInputError, match="no synthetic layout to score"):
        score_layout_sets(REAL, {"near": NEAR, "none": []})
    other = Cells([], classes=CLASSES, shape=SHAPE, mpp=0.25)
    with pytest.raises(InvalidInputError, match=r"far layout 1 has 0\.25 µm per pixel"):
        score_layout_sets(REAL, {"near": NEAR, "far": [other]})
