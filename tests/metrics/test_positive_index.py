import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics.positive_index import (
    IndexClasses,
    index_of,
    index_of_cells,
    index_of_units,
    overall_index,
    wilson_interval,
)

shares = st.integers(0, 300).flatmap(lambda cells: st.tuples(st.integers(0, cells), st.just(cells)))


def test_the_index_by_hand():
    assert (index_of(30, 70), index_of(0, 5), index_of(5, 0)) == (0.3, 0, 1)
    assert index_of(0, 0) is None
    assert index_of_cells(0, 0).interval is None
    assert index_of_cells(0, 0).value is None


@given(shares)
def test_wilson_agrees_with_scipy_and_holds_the_share(share):
    positive, cells = share
    ends = wilson_interval(positive, cells)
    if not cells:
        assert ends is None
        return
    theirs = binomtest(positive, cells).proportion_ci(method="wilson")
    assert ends == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert 0 <= ends[0] <= positive / cells <= ends[1] <= 1


@pytest.mark.parametrize(("positive", "cells"), [(-1, 5), (6, 5)])
def test_what_is_no_share_is_told(positive, cells):
    with pytest.raises(InvalidInputError, match="is no share"):
        wilson_interval(positive, cells)


def test_several_images_are_drawn_whole():
    # Two images of 0 and 100 %: 200 cells, but only the outcomes 0, 50 and 100 %.
    both = index_of_units([[0, 100], [100, 0]], units="images")
    assert (both.value, both.interval, both.units) == (0.5, (0, 1), "images")
    one = index_of_units([[50, 50]], units="images")
    assert (one.interval, one.units) == (wilson_interval(50, 100), "cells")


def test_images_weigh_by_their_cells_and_empty_ones_nothing():
    assert index_of_units([[90, 10], [0, 900], [0, 0]], units="images").value == 0.09
    nothing = index_of_units([[0, 0], [0, 0]], units="images")
    assert (nothing.value, nothing.interval) == (None, None)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=8), st.integers(0, 99))
def test_the_interval_holds_the_index_within_the_images_and_a_seed_repeats_it(counts, seed):
    index = index_of_units(counts, units="images", resamples=200, seed=seed)
    assert index == index_of_units(counts, units="images", resamples=200, seed=seed)
    own = [index_of(*one) for one in counts if sum(one)]
    if index.value is not None:
        assert index.value == pytest.approx(np.sum(counts, axis=0)[0] / np.sum(counts))
        assert min(own) - 1e-9 <= index.interval[0] <= index.interval[1] <= max(own) + 1e-9


def test_overall_draws_patients_where_there_are_several():
    counts = {"a": (10, 0), "b": (10, 0), "c": (0, 10), "d": (0, 10)}
    by_patient = overall_index(counts, {"a": "p", "b": "p", "c": "q", "d": "q"})
    assert (by_patient.units, by_patient.value, by_patient.interval) == ("groups", 0.5, (0, 1))
    assert overall_index(counts, {}).units == "images"
    assert overall_index(counts, dict.fromkeys(counts, "p")).units == "images"
    assert overall_index({"a": (3, 1)}, {"a": "p"}).units == "cells"


def test_cells_of_other_classes_and_of_none_are_left_out():
    cells = Cells(np.ones((5, 2)), [0, 1, 1, 2, -1], classes=("+", "-", "other"), shape=(9, 9))
    assert IndexClasses("+", "-").count(cells) == (1, 2)
    assert IndexClasses("+", "none").count(cells) == (1, 0)


@pytest.mark.parametrize(
    ("text", "known", "pair"),
    [
        ("pos:neg", None, ("pos", "neg")),
        (" pos : neg ", ["neg", "pos"], ("pos", "neg")),
        (
            "Tumor: Positive:Tumor: Negative",
            ["Tumor: Positive", "Tumor: Negative"],
            ("Tumor: Positive", "Tumor: Negative"),
        ),
    ],
)
def test_two_classes_are_read(text, known, pair):
    classes = IndexClasses.parse(text, known)
    assert (classes.positive, classes.negative) == pair


@pytest.mark.parametrize(
    ("text", "known", "message"),
    [
        ("pos", ["pos", "neg"], "--index 'pos' does not name two classes; write it as POSITIVE:NEGATIVE"),
        (":neg", ["neg"], "does not name two classes"),
        ("", None, "does not name two classes"),
        ("pos:nge", ["pos", "neg"], "--index 'pos:nge': there is no class 'nge'; the classes are pos, neg"),
        ("pos:neg", [], "there is no class 'pos'; the classes are none"),
        ("pos:pos", ["pos", "neg"], "--index 'pos:pos' names one class twice"),
        ("a:b:c", ["a", "b:c", "a:b", "c"], "can be cut at several colons"),
        ("a:b:c", None, "can be cut at several colons"),
    ],
)
def test_what_are_not_two_classes_is_told(text, known, message):
    with pytest.raises(InvalidInputError, match=message):
        IndexClasses.parse(text, known)
