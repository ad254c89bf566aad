"""What is asked of numbers of cells, what is reported of them, and what a correction adds, by hand."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import Cells, InvalidInputError
from cellweave.layouts import (
    CountingCategories,
    CountRecord,
    CountRequest,
    GeneratedLayout,
    TrainingCounts,
    corrected_layouts,
    count_line,
    count_report,
    parse_counts,
)
from cellweave.layouts.corrections import TRIES, named_correction

CLASSES = ("a", "b")
BINS = CountingCategories((10.0, 50.0))


def cells(first, second, *, shape=(64, 64)):
    """Return cells of both classes; the score of number i is 1 / (1 + i)."""
    count = first + second
    xy = np.stack([np.arange(count) % 60 + 0.5, np.arange(count) // 60 + 0.5], axis=1)
    labels = [0] * first + [1] * second
    return Cells(xy, labels, classes=CLASSES, shape=shape, scores=1 / (1 + np.arange(count)))


class Model:
    """What corrections need of a model."""

    categories = BINS


def drawing(made, request):
    """Return how to draw layouts: ``made[attempt]`` is the number of cells of each class at a try."""

    def draw(indices, attempt):
        for index in indices:
            yield GeneratedLayout(index, cells(*made[min(attempt, len(made) - 1)]), request)

    return draw


@pytest.mark.parametrize(
    ("request_", "made", "met", "distance"),
    [
        (CountRequest(category=1), (5, 6), True, 0),
        (CountRequest(category=1), (5, 5), False, 1),  # 10 cells are the last of the category before
        (CountRequest(category=1), (30, 24), False, 4),
        (CountRequest(category=2), (30, 10), False, 11),
        (CountRequest(category=1, windows=4.0), (60, 60), True, 0),
        (CountRequest(category=0, windows=4.0), (30, 30), False, 20),
        (CountRequest(counts=(40, 3)), (42, 4), True, 0),
        (CountRequest(counts=(40, 3)), (43, 3), False, 3),
        (CountRequest(counts=(40, 3)), (40, 5), False, 2),
        (CountRequest(), (1, 1), True, 0),
    ],
)
def test_a_request_is_met_within_its_category_or_five_percent_or_one_cell(request_, made, met, distance):
    assert request_.is_met(made, BINS) is met
    assert request_.distance(made, BINS) == pytest.approx(distance, abs=1e-6)
    assert (request_.distance(made, BINS) == 0) is met


def test_trimming_keeps_the_highest_of_each_class_and_adds_none():
    trimmed = CountRequest(counts=(2, 9)).trimmed(cells(5, 3), BINS)
    assert trimmed.counts() == {"a": 2, "b": 3}
    assert trimmed.scores.tolist() == pytest.approx([1, 1 / 2, 1 / 6, 1 / 7, 1 / 8])


def test_trimming_to_a_category_keeps_as_many_as_it_holds():
    assert len(CountRequest(category=0).trimmed(cells(5, 9), BINS)) == 10
    assert len(CountRequest(category=0, windows=1.5).trimmed(cells(9, 9), BINS)) == 15
    assert len(CountRequest(category=2).trimmed(cells(50, 50), BINS)) == 100
    assert len(CountRequest(category=1).trimmed(cells(3, 3), BINS)) == 6


@given(st.tuples(*[st.integers(0, 40)] * 2), st.tuples(*[st.integers(0, 40)] * 2))
def test_trimmed_counts_never_exceed_the_request_nor_what_was_made(asked, made):
    kept = CountRequest(counts=asked).trimmed(cells(*made), BINS).counts()
    assert tuple(kept.values()) == tuple(map(min, asked, made))


def test_rejecting_draws_again_until_the_request_is_met():
    draw = drawing([(9, 9), (3, 0), (4, 2)], CountRequest(counts=(4, 2)))
    [(kept, record)] = corrected_layouts(Model(), [7], "reject", draw)
    assert kept.counts() == {"a": 4, "b": 2}
    assert (record.made, record.kept, record.tries, record.met) == ((9, 9), (4, 2), 3, True)


def test_rejecting_ends_and_keeps_the_nearest_try():
    tries = [(20, 20), (9, 0), (30, 30)]
    [(kept, record)] = corrected_layouts(Model(), [7], "reject", drawing(tries, CountRequest(counts=(9, 4))))
    assert kept.counts() == {"a": 9, "b": 0}
    assert (record.made, record.tries, record.met) == ((20, 20), TRIES, False)


def test_without_a_correction_nothing_changes():
    [(kept, record)] = corrected_layouts(Model(), [7], None, drawing([(9, 9)], CountRequest(counts=(4, 2))))
    assert (len(kept), record.made, record.kept, record.tries) == (18, (9, 9), (9, 9), 1)


def record_of(request, made, **changes):
    values = {"kept": made, "tries": 1, "met": request.is_met(made, BINS), **changes}
    return CountRecord(0, request, made, **values)


def test_records_are_stored_as_json():
    for request in (CountRequest(category=1, windows=2.5), CountRequest(counts=(3, 4))):
        record = record_of(request, (3, 5), kept=(3, 4), tries=2)
        assert CountRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_the_report_on_categories_by_hand():
    made = [(0, (4, 4)), (0, (9, 9)), (1, (20, 10)), (2, (30, 20))]
    some = [record_of(CountRequest(category=category), counts) for category, counts in made]
    report = count_report(some, classes=CLASSES, categories=BINS)
    before = report["before_correction"]
    assert before["met"] == 0.5
    assert before["mean_cells"] == (8 + 18 + 30 + 50) / 4
    assert before["mean_cells_by_class"] == {"a": 63 / 4, "b": 43 / 4}
    assert [(one["asked"], one["met"], one["mean_cells"]) for one in before["categories"]["each"]] == [
        (2, 1, 13.0),
        (1, 1, 30.0),
        (1, 0, 50.0),
    ]
    assert report["after_correction"] is None
    assert (
        count_line(report) == "counts before correction: 26.5 cells on average, 50% in the counting category asked for"
    )


def test_the_report_on_counts_by_hand():
    request = CountRequest(counts=(10, 30))
    some = [record_of(request, (11, 30), tries=3), record_of(request, (10, 20), kept=(10, 30), tries=2, met=True)]
    counts = TrainingCounts.of([[10, 10], [12, 20]])
    options = {"classes": CLASSES, "categories": BINS, "training_counts": counts, "asked": {"a": 10}}
    report = count_report(some, **options, correction="reject")
    said = report["before_correction"]["counts"]
    assert said["each"]["a"] == {
        "asked_by": "user",
        "mean_asked": 10.0,
        "mean_absolute_error": 0.5,
        "relative_error": 0.05,
    }
    assert (said["each"]["b"]["asked_by"], said["each"]["b"]["mean_absolute_error"]) == ("training crop", 5.0)
    assert (said["mean_absolute_error"], said["relative_error"]) == (11 / 4, 11 / 80)
    errors = {"mean_absolute_error": 11 / 2, "relative_error": 11 / 80}
    assert said["all_cells"] == {**errors, "in_fifth": None, "fifth_bounds": None}  # two crops have no fifths
    assert ", all cells together by 13.8%, 50% meet all counts" in count_line(report)
    assert report["before_correction"]["met"] == 0.5
    assert report["after_correction"] == {
        "kind": "reject",
        "mean_cells": 40.5,
        "met": 1.0,
        "tries": 5,
        "acceptance_rate": 0.4,
        "given_up": 0,
    }
    assert count_line(report).endswith("after it: acceptance rate 40% of 5 tries, 100% meet the request")
    assert report["notes"][0] == "counts of b are those of training crops with similar counts of the classes asked for."
    assert "40 cells in all are asked for; training crops had 20 to 32" in report["notes"][1]


def test_the_share_in_the_fifth_asked_for_by_hand():
    counts = TrainingCounts.of([[total - 2, 2] for total in (2, 4, 6, 8, 10, 12, 14, 16, 18, 20)])
    fifths = counts.fifths()
    assert fifths is not None
    assert fifths.bounds == (4.0, 8.0, 12.0, 16.0)
    pairs = [
        ((1, 3), (2, 2)),
        ((3, 2), (2, 2)),
        ((5, 4), (12, 0)),
        ((10, 7), (90, 0)),
    ]  # 5 cells were asked for, 4 made
    some = [record_of(CountRequest(counts=asked), made) for asked, made in pairs]
    options = {"classes": CLASSES, "categories": BINS, "training_counts": counts}
    report = count_report(some, **options)
    said = report["before_correction"]["counts"]["all_cells"]
    assert (said["in_fifth"], said["fifth_bounds"]) == (0.75, [4.0, 8.0, 12.0, 16.0])
    assert ", 75% have a total in the fifth asked for, " in count_line(report)

    # 16 cells on four times the area are 4 on that of a crop, 17 are more than 4
    large = [record_of(CountRequest(counts=(10, 6), windows=4.0), made) for made in ((8, 8), (9, 8))]
    assert count_report(large, **options)["before_correction"]["counts"]["all_cells"]["in_fifth"] == 0.5


def test_crops_of_too_few_different_numbers_have_no_fifths():
    assert TrainingCounts.of([[total, 0] for total in (1, 2, 2, 3, 4)]).fifths() is None
    assert TrainingCounts.of([[total, 0] for total in (1, 2, 3, 4, 5)]).fifths() == CountingCategories((1, 2, 3, 4))


def test_the_report_on_trimming_and_on_layouts_that_nothing_is_asked_of():
    trimmed = [record_of(CountRequest(counts=(1, 1)), (5, 1), kept=(1, 1), met=True)]
    after = count_report(trimmed, classes=CLASSES, categories=BINS, correction="trim")["after_correction"]
    assert after == {"kind": "trim", "mean_cells": 2.0, "met": 1.0, "cells_removed": 4}
    free = count_report([record_of(CountRequest(windows=2.0), (5, 1))], classes=CLASSES, categories=BINS)
    assert free["before_correction"]["met"] is None
    assert free["notes"] == []
    large = count_report([record_of(CountRequest(category=0, windows=2.0), (5, 1))], classes=CLASSES, categories=BINS)
    assert large["notes"] == ["layouts are 2 times the training crop: the category is that of every window."]
    with pytest.raises(InvalidInputError, match="needs at least one layout"):
        count_report([], classes=CLASSES, categories=BINS)


@pytest.mark.parametrize("text", ["", "a", "a=", "=3", "a=-1", "a=1.5", "a=3,,b=2", "a=3;b=2", "a=12345678901", "a=٣"])
def test_texts_that_are_no_counts_are_refused(text):
    with pytest.raises(InvalidInputError, match="counts are CLASS=NUMBER, commas between classes"):
        parse_counts(text)


def test_a_count_is_given_once_and_not_in_millions():
    with pytest.raises(InvalidInputError, match="the count of class 'a' is given twice"):
        parse_counts("a=1,a=2")
    with pytest.raises(InvalidInputError, match="a count is at most 1,000,000"):
        parse_counts("a=1000001")


def test_corrections_have_names():
    assert [named_correction(name) for name in ("trim", "reject", None)] == ["trim", "reject", None]
    with pytest.raises(InvalidInputError, match="a correction is one of trim, reject, got 'cut'"):
        named_correction("cut")
