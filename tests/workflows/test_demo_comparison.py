"""The change from one localiser to another: by hand, and its interval."""

import pytest

from cellweave.core import Cells, Length
from cellweave.workflows.demo_comparison import Difference, compare_located

RADIUS = Length(3.0)


def cells(*places, labels=None):
    labels = [0] * len(places) if labels is None else labels
    return Cells([[x, 10] for x in places], labels, classes=("a", "b"), shape=(20, 100), mpp=0.5)


def test_values_by_hand():
    truth = {"one": cells(10, 30, labels=[0, 1]), "two": cells(50, 70, labels=[0, 1])}
    first = {"one": cells(10), "two": cells(50)}  # F1 of all 2/3, of a 1, of b 0
    second = dict(truth)
    comparison = compare_located(truth, first, second, radius=RADIUS, groups={"one": "p", "two": "q"}, seed=0)
    assert comparison.all_cells.value == pytest.approx(1 / 3)
    assert comparison.mean_class.value == pytest.approx(1 / 2)
    assert comparison.groups == 2
    # both patients show the same change, so every resample does
    assert comparison.all_cells.interval == pytest.approx((1 / 3, 1 / 3))
    assert comparison.mean_class.interval == pytest.approx((1 / 2, 1 / 2))


def test_the_same_localiser_twice_differs_by_nothing():
    truth = {f"{i}": cells(10, 30, 20 + 10 * i) for i in range(5)}
    found = {name: cells(11, 80) for name in truth}
    comparison = compare_located(truth, found, found, radius=RADIUS, groups={name: name for name in truth}, seed=0)
    assert comparison.all_cells == Difference(0.0, (0.0, 0.0))


def test_pairs_leave_out_what_patients_differ_in():
    """Patients differ much in F1, but the second localiser finds one more cell in every one of them."""
    truth = {f"{i}": cells(*range(5, 95, 10)) for i in range(6)}
    first = {f"{i}": cells(*range(5, 5 + 10 * (i + 1), 10)) for i in range(6)}
    second = {f"{i}": cells(*range(5, 5 + 10 * (i + 2), 10)) for i in range(6)}
    comparison = compare_located(truth, first, second, radius=RADIUS, groups={name: name for name in truth}, seed=0)
    low, high = comparison.all_cells.interval
    assert 0 < low < comparison.all_cells.value < high < 0.2


def test_one_group_has_no_interval_and_says_nothing():
    truth = {"one": cells(10), "two": cells(30)}
    comparison = compare_located(
        truth, {"one": cells(10), "two": cells()}, truth, radius=RADIUS, groups={"one": "p", "two": "p"}, seed=0
    )
    assert comparison.all_cells == Difference(pytest.approx(1 / 3), None)
    assert comparison.all_cells.in_words("F1").endswith("images of one group do not tell whether they help.")


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (Difference(0.05, (0.01, 0.09)), "F1 changed by +0.050 (+0.010 to +0.090): they help."),
        (Difference(-0.05, (-0.09, -0.01)), "F1 changed by −0.050 (−0.090 to −0.010): they do harm."),
        (Difference(0.0, (-0.01, 0.0)), "F1 changed by +0.000 (−0.010 to +0.000): these images do not tell whether"),
        (Difference(None, None), "F1 is undefined for one of the localisers."),
    ],
)
def test_the_sentence_follows_from_the_numbers(difference, words):
    assert difference.in_words("F1").startswith(words)
