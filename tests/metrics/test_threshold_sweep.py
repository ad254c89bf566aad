import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellweave.core import Cells, InvalidInputError, Length, numpy_generator
from cellweave.metrics import score_cells
from cellweave.metrics.threshold_sweep import sweep_thresholds

CLASSES = ("a", "b")


def cells(xy, labels, scores=None):
    return Cells(xy, labels, classes=CLASSES, shape=(100, 100), scores=scores)


TRUTH = {"i": cells([[10, 10], [30, 10]], [0, 1]), "j": cells([[10, 10]], [0])}
FOUND = {
    "i": cells([[10, 10], [30, 10], [80, 80]], [0, 0, 1], [0.75, 0.5, 0.25]),  # right, wrong class, nothing there
    "j": cells([[10, 10], [50, 50]], [0, 1], [1.0, 0.25]),
}


def sweep_of(truth, found, **options):
    [sweep] = sweep_thresholds(truth, found, **{"protocol": "matching", "radii": [Length(5)]} | options)
    return sweep


def test_by_hand():
    sweep = sweep_of(TRUTH, FOUND)
    assert sweep.thresholds.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert sweep.counts[:, 0].tolist() == [[3, 2, 0], [3, 0, 0], [2, 0, 1], [1, 0, 2]]
    assert sweep.counts[:, 1].tolist() == [[2, 1, 0], [2, 1, 0], [2, 0, 0], [1, 0, 1]]
    assert sweep.counts[:, 2].tolist() == [[0, 2, 1], [0, 0, 1], [0, 0, 1], [0, 0, 1]]
    assert sweep.false_per_image[:, 0].tolist() == [1, 0, 0, 0]
    assert sweep.f1["mean class"].tolist() == pytest.approx([0.4, 0.4, 0.5, 1 / 3])
    assert [sweep.best(label) for label in ("all", "a", "b", "mean class")] == [1, 2, 0, 2]


def test_json():
    told = sweep_of(TRUTH, FOUND).to_json()
    assert told == json.loads(json.dumps(told, allow_nan=False))
    assert told["best"]["all"] == {
        "threshold": 0.5,
        "precision": 1,
        "recall": 1,
        "f1": 1,
        "false_positives_per_image": 0,
    }
    assert told["best"]["mean class"] == {"threshold": 0.75, "f1": 0.5}
    assert told["curves"]["b"]["precision"] == [0, None, None, None]
    assert "optimistic" in told["note"]


def test_cells_are_paired_anew_at_every_threshold():
    # At 0.5 the near prediction serves the left truth; without it the far one must.
    truth = {"i": cells([[10, 10]], [0])}
    found = {"i": cells([[11, 10], [13, 10]], [0, 0], [0.5, 0.75])}
    assert sweep_of(truth, found, protocol="greedy").counts[:, 0].tolist() == [[1, 1, 0], [1, 0, 0]]


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from(["matching", "greedy"]))
def test_every_threshold_is_scored_as_if_only_its_predictions_were_there(seed, protocol):
    generator = numpy_generator(seed)
    truth = {name: cells(generator.uniform(0, 100, (20, 2)), generator.integers(-1, 2, 20)) for name in "ij"}
    found = {
        name: cells(generator.uniform(0, 100, (30, 2)), generator.integers(-1, 2, 30), generator.integers(0, 5, 30))
        for name in "ij"
    }
    sweep = sweep_of(truth, found, protocol=protocol, radii=[Length(12)])
    for threshold, counts in zip(sweep.thresholds, sweep.counts, strict=True):
        kept = {name: one.select(one.scores >= threshold) for name, one in found.items()}
        rows = score_cells(truth, kept, protocol=protocol, radii=[Length(12)], resamples=0).rows
        assert [[row.tp, row.fp, row.fn] for row in rows] == counts.tolist()
    assert (np.diff(sweep.counts[..., 0] + sweep.counts[..., 1], axis=0) <= 0).all()


def test_many_scores_are_thinned_by_rank_and_the_ends_are_kept():
    found = {"i": cells(np.full((1000, 2), 50.0), np.zeros(1000, int), np.linspace(0, 1, 1000) ** 8)}
    sweep = sweep_of(TRUTH, found, limit=11)
    assert len(sweep.thresholds) == 11
    assert (sweep.thresholds[0], sweep.thresholds[-1]) == (0, 1)
    left = (sweep.counts[:, 0, 0] + sweep.counts[:, 0, 1]).tolist()
    assert left == pytest.approx(np.linspace(1000, 1, 11), abs=1)


def test_the_lowest_of_equally_good_thresholds_is_best():
    found = {"i": cells([[80, 80], [90, 90]], [0, 0], [0.25, 0.5])}
    assert sweep_of(TRUTH, found).best("all") == 0


@pytest.mark.parametrize(
    ("found", "options", "message"),
    [
        ({"i": cells([[1, 1]], [0])}, {}, "image 'i': the predictions have no scores"),
        ({"i": cells([], [])}, {}, "there is no prediction, so no threshold"),
        (FOUND, {"limit": 1}, "at least 2 thresholds, got 1"),
        (FOUND, {"protocol": "nearest"}, "no scoring protocol 'nearest'"),
    ],
)
def test_bad_arguments_are_told(found, options, message):
    with pytest.raises(InvalidInputError, match=message):
        sweep_of(TRUTH, found, **options)
