"""Rows of tables and of figures, from measures small enough to follow by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from cellweave.core import OutputError
from cellweave.training import TrainingError
from cellweave.workflows.studies.arm_values import ArmValues, difference, read_arm
from cellweave.workflows.studies.design import Arm, Design, Pair
from cellweave.workflows.studies.figure_rows import means_and_ends, rows_of_pairs
from cellweave.workflows.studies.spread import HOLDS, OPEN, REFUTED
from cellweave.workflows.studies.table_rows import (
    arm_rows,
    difference_rows,
    machines_in_words,
    measured_arms,
    median_cost,
    row_where,
    score_rows,
    seeds_in_words,
    titles_of,
)
from cellweave.workflows.studies.trial_result import result_of_folds

DESIGN = Design(
    "test", "A test", tuple(Arm(name, name.upper()) for name in "abc"), (Pair("a", "b"), Pair("c", "a"), Pair("b", "a"))
)
MEASURES = ("error", "score", "unknown", "unclaimed")


def arm(name, value):
    """Return an arm with one value of all measures and no doubt about any, but the one without an interval."""
    values = np.full((1, 4), float(value))
    samples = np.tile(values, (3, 1, 1))
    samples[..., 2] = np.nan
    return ArmValues(name, (0,), (("i",),), MEASURES, values, samples)


def places(values):
    return [((number,), {"measure": name}) for number, name in enumerate(values.quantities)]


def better(row):
    return {"error": -1, "score": 1, "unknown": 1}.get(row["measure"])


@pytest.fixture
def measured():
    return {"a": arm("a", 2), "b": arm("b", 5)}


def test_scores_have_a_row_an_arm_and_measure(measured):
    rows = score_rows(measured, places)
    assert [(row["arm"], row["measure"], row["mean"], row["seeds"]) for row in rows] == [
        (name, measure, value, 1) for name, value in (("a", 2), ("b", 5)) for measure in MEASURES
    ]
    assert (rows[1]["low"], rows[1]["high"]) == (2, 2)
    assert math.isnan(rows[2]["low"])
    assert list(rows[0]) == ["arm", "measure", "mean", "sd", "low", "high", "seeds"]


def test_differences_say_what_the_claim_comes_to(measured):
    rows = difference_rows(DESIGN, measured, difference, places=places, better=better)
    # c was not measured, and nothing is claimed of the last measure
    assert [(row["better"], row["other"], row["measure"], row["mean"], row["verdict"]) for row in rows] == [
        ("a", "b", "error", -3, HOLDS),
        ("a", "b", "score", -3, REFUTED),
        ("a", "b", "unknown", -3, "–"),
        ("b", "a", "error", 3, REFUTED),
        ("b", "a", "score", 3, HOLDS),
        ("b", "a", "unknown", 3, "–"),
    ]
    rows = difference_rows(DESIGN, measured, difference, places=places, better=better, undefined=OPEN)
    assert rows[2]["verdict"] == OPEN


def test_arms_say_where_they_were_run_and_why_they_failed():
    about = {"title": "A", "value": 0.5, "threads": 2, "hardware": "a machine"}
    results = {
        "a": {10: {**about, "failed": None, "cost": 4}, 2: {**about, "failed": "no"}},
        "c": {0: {**about, "title": "C", "threads": 1, "failed": "never"}},
    }
    rows = arm_rows(DESIGN, results, lambda trials: {"cost": trials[10]["cost"] if 10 in trials else None})
    assert rows == [
        {**about, "arm": "a", "cost": 4, "seeds": "2,10", "failed": "seed 2: no"},
        {**about, "arm": "c", "title": "C", "threads": 1, "cost": None, "seeds": "0", "failed": "seed 0: never"},
    ]
    assert list(rows[0]) == ["arm", "title", "value", "cost", "threads", "hardware", "seeds", "failed"]
    assert measured_arms(DESIGN, results, lambda name, ended: (name, list(ended))) == {"a": ("a", [10])}
    arms = pd.DataFrame(rows)
    assert (seeds_in_words(arms), machines_in_words(arms)) == ("0, 2, 10", "a machine, 1, 2 threads")
    assert titles_of(arms) == {"a": "A", "c": "C"}
    assert titles_of(pd.DataFrame([])) == {}


def test_an_arm_names_all_that_its_seeds_were_run_on():
    about = {"title": "A", "value": None, "failed": None}
    machines = {0: (10, "b, fast"), 1: (2, "a"), 2: (10, "a")}
    results = {
        "a": {seed: {**about, "threads": threads, "hardware": name} for seed, (threads, name) in machines.items()},
        "b": {0: {**about, "threads": 1, "hardware": "a"}},
    }
    rows = arm_rows(DESIGN, results)
    assert [(row["threads"], row["hardware"]) for row in rows] == [("2; 10", "a; b, fast"), (1, "a")]
    assert machines_in_words(pd.DataFrame(rows)) == "a, b, fast, 1, 2, 10 threads"


def test_a_row_is_found_or_not():
    table = pd.DataFrame([{"arm": "a", "of": "x", "mean": 1}, {"arm": "a", "of": "y", "mean": 2}])
    assert row_where(table, arm="a", of="y")["mean"] == 2
    assert row_where(table, arm="b", of="y") is None
    assert row_where(pd.DataFrame([]), arm="a") is None


def test_costs_are_medians():
    assert median_cost([1.0, 9.0, 2.00004]) == 2.0
    assert math.isnan(median_cost([]))


def test_figures_show_the_rows_asked_for(measured):
    table = pd.DataFrame(difference_rows(DESIGN, measured, difference, places=places, better=better))
    labels, rows = rows_of_pairs(table, {"a": "A", "b": "B"}, column="measure", columns=["score", "error"])
    assert labels == ["A\nminus B", "B\nminus A"]
    assert [[row["verdict"] for row in line] for line in rows] == [[REFUTED, HOLDS], [HOLDS, REFUTED]]
    values, ends = means_and_ends(rows)
    assert values.tolist() == [[-3, -3], [3, 3]]
    assert ends.tolist() == [[[-3, -3], [-3, -3]], [[3, 3], [3, 3]]]


def test_arms_are_read_from_their_results():
    def read(result):
        folds = [fold["value"] for fold in result["folds"]]
        return ("sum",), np.array([sum(folds)]), np.array([[sum(folds)], [0.0]])

    def result(*values, image="i"):
        return {"folds": [{"held_out": [image], "value": value} for value in values]}

    values = read_arm("a", {4: result(3.0), 1: result(1.0)}, read)
    assert (values.seeds, values.held_out) == ((1, 4), (("i",),))
    assert values.values.tolist() == [[1], [3]]
    assert values.samples.tolist() == [[[1], [3]], [[0], [0]]]
    with pytest.raises(OutputError, match="the seeds of arm a were compared with different images"):
        read_arm("a", {0: result(1.0), 1: result(1.0, image="j")}, read)
    with pytest.raises(OutputError, match="a result of arm a is damaged"):
        read_arm("a", {0: {"folds": [{"held_out": ["i"]}]}}, read)


def test_what_does_not_learn_is_a_result():
    def folds(*, learns):
        yield {"fold": 1}
        if not learns:
            raise TrainingError("the loss is not finite at step 3")

    assert result_of_folds({"title": "A"}, folds(learns=True)) == {"title": "A", "failed": None, "folds": [{"fold": 1}]}
    failed = result_of_folds({"title": "A"}, folds(learns=False))
    assert failed == {"title": "A", "failed": "the loss is not finite at step 3"}
