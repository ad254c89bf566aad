import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellweave.core import Cells, InvalidInputError, Length, numpy_generator
from cellweave.metrics import ALL, count_matches, radius_key, score_cells

CLASSES = ("lymphocyte", "tumor", "stromal")
FIVE = Length(5)


def cells(points, labels=None, *, classes=CLASSES, shape=(100, 100), mpp=None):
    return Cells(points, labels, classes=classes, shape=shape, mpp=mpp)


TRUTH = {
    "a": cells([[10, 10], [30, 10], [50, 10], [70, 10]], [0, 1, 1, -1]),
    "b": cells([[10, 10]], [2]),
}
FOUND = {
    "a": cells([[10, 14], [30, 12], [52, 10], [90, 90]], [0, 1, 0, 2]),  # found, found, wrong class, nothing there
    "c": cells([[5, 5]], [0]),  # an image that the truth does not name
}


def test_counts_and_rates_by_hand():
    scores = score_cells(TRUTH, FOUND, protocol="matching", radii=[FIVE])
    counts = {row.label: (row.tp, row.fp, row.fn) for row in scores.rows}
    # The truth of unknown class (70, 10) is missed in `all` and in no class.
    assert counts == {ALL: (3, 2, 2), "lymphocyte": (1, 2, 0), "tumor": (1, 0, 1), "stromal": (0, 1, 1)}
    assert scores.row("lymphocyte", FIVE).precision == pytest.approx(1 / 3)
    assert scores.row("tumor", FIVE).recall == 0.5
    assert scores.row(ALL, FIVE).f1 == pytest.approx(0.6)
    assert scores.mean_class_f1 == {"5": pytest.approx((1 / 2 + 2 / 3 + 0) / 3)}
    assert scores.images == scores.groups == 3
    assert (scores.mae, scores.rmse) == pytest.approx((2 / 3, np.sqrt(2 / 3)))  # errors 0, -1, 1


def test_json_has_the_keys_that_readers_rely_on():
    scores = score_cells(TRUTH, FOUND, protocol="greedy", radii=[Length(7.5), FIVE], resamples=0).to_json()
    assert scores == json.loads(json.dumps(scores, allow_nan=False))
    assert set(scores) == {"protocol", "rows", "mean_class_f1", "confusion", "counting", "images", "groups", "notes"}
    assert [(row["radius_px"], row["label"]) for row in scores["rows"][:5]] == [
        *((7.5, label) for label in (ALL, *CLASSES)),
        (5, ALL),
    ]
    assert set(scores["rows"][0]) == {"radius_px", "label", "precision", "recall", "f1", "tp", "fp", "fn"}
    assert list(scores["mean_class_f1"]) == ["7.5", "5"]
    assert set(scores["counting"]) == {"mae", "rmse"}
    assert (scores["protocol"], scores["images"]) == ("greedy", 3)


def test_intervals_are_further_keys():
    scores = score_cells(TRUTH, FOUND, protocol="matching", radii=[FIVE], resamples=200).to_json()
    assert scores == json.loads(json.dumps(scores, allow_nan=False))
    for row in scores["rows"]:
        for name in ("precision", "recall", "f1"):
            low, high = row["interval"][name]
            assert 0 <= low <= row[name] <= high <= 1
    between = scores["intervals"]
    assert (between["level"], between["groups"], between["resamples"]) == (0.95, 3, 200)
    low, high = between["mean_class_f1"]["5"]
    assert low <= scores["mean_class_f1"]["5"] <= high
    assert between["counting"]["mae"][0] <= scores["counting"]["mae"] <= between["counting"]["mae"][1]


def test_images_are_scored_alone_beside_the_sum():
    scores = score_cells(TRUTH, FOUND, protocol="matching", radii=[FIVE], groups={"a": "p"}, resamples=0)
    assert "per_image" not in scores.to_json()
    per_image = scores.to_json(per_image=True)["per_image"]
    assert per_image == json.loads(json.dumps(per_image, allow_nan=False))
    facts = [(one["image"], one["group"], one["truth"], one["predicted"]) for one in per_image]
    assert facts == [("a", "p", 4, 4), ("b", None, 1, 0), ("c", None, 0, 1)]
    assert [(row["tp"], row["fp"], row["fn"]) for row in per_image[0]["rows"]] == [
        *((3, 1, 1), (1, 1, 0)),
        *((1, 0, 1), (0, 1, 0)),
    ]
    assert [one["rows"][0]["f1"] for one in per_image] == [0.75, 0, 0]
    for n, row in enumerate(scores.rows):
        assert row.tp == sum(image.rows[n].tp for image in scores.per_image)


def test_undefined_rates_are_null_and_said():
    none = Cells.empty(classes=CLASSES, shape=(9, 9))
    truth = {"a": Cells([[1, 1]], [0], classes=CLASSES, shape=(9, 9)), "b": none}
    found = {"a": none, "b": Cells([[1, 1]], [1], classes=CLASSES, shape=(9, 9))}
    scores = score_cells(truth, found, protocol="matching", radii=[FIVE])
    lymphocyte, tumor, stromal = scores.rows[1:]
    assert (lymphocyte.precision, lymphocyte.recall, lymphocyte.f1) == (None, 0, 0)
    assert (tumor.precision, tumor.recall, tumor.f1) == (0, None, 0)
    assert (stromal.precision, stromal.recall, stromal.f1) == (None, None, None)
    assert stromal.intervals == {"precision": None, "recall": None, "f1": None}
    assert scores.mean_class_f1 == {"5": 0}
    assert scores.notes == (
        "neither truth nor predictions have a cell of stromal: left out of the class mean.",
        "only predictions have cells of tumor: F1 is 0 and counts in the class mean.",
    )


def test_truth_of_images_without_predictions_is_missed_once():
    scores = score_cells(TRUTH, {}, protocol="greedy", radii=[Length(6)])
    assert [(row.tp, row.fp, row.fn) for row in scores.rows] == [(0, 0, 5), (0, 0, 1), (0, 0, 2), (0, 0, 1)]


def test_classes_go_by_name_and_those_of_predictions_come_last():
    truth = {"a": cells([[1, 1], [9, 9]], [0, 1], classes=("tumor", "stromal"))}
    found = {"a": cells([[1, 1], [9, 9]], [1, 0], classes=("immune", "tumor"))}
    scores = score_cells(truth, found, protocol="matching", radii=[FIVE])
    assert [(row.label, row.tp, row.fp, row.fn) for row in scores.rows] == [
        (ALL, 2, 0, 0),
        ("tumor", 1, 0, 0),
        ("stromal", 0, 0, 1),
        ("immune", 0, 1, 0),
    ]


@pytest.mark.parametrize("bare", ["truth", "predictions"])
def test_without_classes_on_one_side_only_all_is_scored(bare):
    plain, labelled = {"a": cells([[1, 1]], classes=())}, {"a": cells([[1, 1]], [0])}
    truth, found = (plain, labelled) if bare == "truth" else (labelled, plain)
    scores = score_cells(truth, found, protocol="matching", radii=[FIVE])
    assert [row.label for row in scores.rows] == [ALL]
    assert scores.mean_class_f1 == {"5": None}


def test_micrometres_follow_the_scale_of_every_image():
    truth = {"fine": cells([[10, 10]], mpp=0.25), "coarse": cells([[10, 10]], mpp=0.5)}
    found = {"fine": cells([[20, 10]], mpp=0.25), "coarse": cells([[20, 10]])}  # 2.5 µm and 5 µm away
    scores = score_cells(truth, found, protocol="matching", radii=[Length(3, "um")], resamples=0)
    row = scores.to_json()["rows"][0]
    assert (row["tp"], row["fp"], row["fn"]) == (1, 1, 1)
    assert (row["radius_px"], row["radius_um"]) == (None, 3)
    assert list(scores.mean_class_f1) == ["3um"]
    fine = score_cells({"fine": truth["fine"]}, {}, protocol="matching", radii=[Length(3, "um")])
    assert fine.rows[0].radius_px == 12


def test_keys_of_radii():
    assert [radius_key(Length(5.0)), radius_key(Length(7.5)), radius_key(Length(3, "um"))] == ["5", "7.5", "3um"]


def test_groups_are_drawn_whole():
    # Ten images of one patient are one draw, so that patient alone gives no interval, and two give three outcomes.
    truth = {str(i): cells([[10, 10]], [0]) for i in range(10)}
    found = {name: truth[name] for name in list(truth)[:5]}
    one = score_cells(truth, found, protocol="matching", radii=[FIVE], groups=dict.fromkeys(truth, "p"))
    assert (one.groups, one.intervals, one.rows[0].intervals) == (1, None, None)
    halves = {name: "found" if name in found else "missed" for name in truth}
    two = score_cells(truth, found, protocol="matching", radii=[FIVE], groups=halves)
    assert two.groups == 2
    assert two.rows[0].intervals["recall"] == (0, 1)
    alone = score_cells(truth, found, protocol="matching", radii=[FIVE])
    assert 0.1 <= alone.rows[0].intervals["recall"][0] < 0.4


def test_an_image_without_a_group_is_not_mistaken_for_a_group_of_its_name():
    truth = {"p": cells([[10, 10]]), "q": cells([[10, 10]])}
    assert score_cells(truth, truth, protocol="matching", radii=[FIVE], groups={"q": "p"}).groups == 2


def test_equal_seeds_give_equal_intervals_in_any_order_of_the_images():
    generator = numpy_generator(0, "images")
    truth = {str(i): cells(generator.uniform(0, 100, (20, 2)), generator.integers(0, 3, 20)) for i in range(8)}
    found = {name: one.select(generator.random(20) < 0.7) for name, one in truth.items()}
    first = score_cells(truth, found, protocol="greedy", radii=[FIVE], seed=4)
    backwards = [dict(reversed(side.items())) for side in (truth, found)]
    assert score_cells(*backwards, protocol="greedy", radii=[FIVE], seed=4) == first
    assert score_cells(truth, found, protocol="greedy", radii=[FIVE], seed=5).intervals != first.intervals


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from(["matching", "greedy"]))
def test_scores_are_sums_of_images_scored_alone(seed, protocol):
    generator = numpy_generator(seed)
    sides = [
        {name: cells(generator.uniform(0, 100, (n, 2)), generator.integers(-1, 3, n)) for name, n in sizes.items()}
        for sizes in ({"a": 30, "b": 0, "c": 7}, {"a": 25, "b": 4, "c": 0})
    ]
    scores = score_cells(*sides, protocol=protocol, radii=[Length(10)], resamples=0)
    for row in scores.rows:
        pairs = [(sides[0][name], sides[1][name]) for name in "abc"]
        if row.label != ALL:
            pairs = [(true.of_class(row.label), found.of_class(row.label)) for true, found in pairs]
        alone = np.sum([count_matches(true, found, 10, protocol) for true, found in pairs], axis=0)
        assert (row.tp, row.fp, row.fn) == tuple(alone)
        assert row.tp + row.fn == sum(len(true) for true, _ in pairs)


def test_a_row_that_is_not_there():
    scores = score_cells(TRUTH, FOUND, protocol="matching", radii=[FIVE], resamples=0)
    with pytest.raises(KeyError, match="no row 'immune'"):
        scores.row("immune", FIVE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"truth": {}, "predictions": {}}, "there is no image to score"),
        ({"radii": []}, "no radius to score at"),
        ({"radii": [FIVE, Length(5.0)]}, r"a radius is given twice \(5 px, 5 px\)"),
        ({"radii": [Length(3, "um")]}, "image 'a': a length of 3 µm cannot be used on an image of unknown scale"),
        ({"protocol": "nearest"}, "no scoring protocol 'nearest'"),
        ({"resamples": -1}, "resamples must be >= 0, got -1"),
        ({"predictions": {"a": cells([[1, 1]], shape=(50, 60))}}, r"image 'a': .* 100×100 .* in 60×50; predict in"),
        ({"truth": {"a": cells([[1, 1]], classes=("all",))}}, "a class is called 'all'"),
    ],
)
def test_bad_arguments_are_told(arguments, message):
    given = {"truth": TRUTH, "predictions": FOUND, "protocol": "matching", "radii": [FIVE]} | arguments
    with pytest.raises(InvalidInputError, match=message):
        score_cells(given.pop("truth"), given.pop("predictions"), **given)
