import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import Cells, Length, numpy_generator
from cellweave.metrics import score_cells

CLASSES = ("a", "b", "c")
RADIUS = Length(6)


def confusion_of(truth, found, protocol="matching"):
    scores = score_cells({"i": truth}, {"i": found}, protocol=protocol, radii=[RADIUS], resamples=0)
    return scores, scores.confusions["6"]


def crowd(generator, count, *, unknown=False):
    labels = generator.integers(-1 if unknown else 0, 3, count)
    return Cells(generator.uniform(0, 60, (count, 2)), labels, classes=CLASSES, shape=(60, 60))


def test_by_hand():
    truth = Cells([[10, 10], [30, 10], [50, 10], [10, 50]], [0, 0, 1, 2], classes=CLASSES, shape=(60, 60))
    found = Cells([[11, 10], [31, 10], [51, 10], [50, 50]], [0, 1, 1, 2], classes=CLASSES, shape=(60, 60))
    _, confusion = confusion_of(truth, found)
    assert confusion.to_json() == {
        "labels": ["a", "b", "c"],
        "matched": [[1, 1, 0], [0, 1, 0], [0, 0, 0]],
        "missed": [0, 0, 1],
        "spurious": [0, 0, 1],
        "right": pytest.approx(2 / 3),
    }


def test_cells_of_unknown_class_have_a_row_and_a_column_of_their_own_and_are_neither_right_nor_wrong():
    truth = Cells([[10, 10], [30, 10]], [-1, 1], classes=CLASSES, shape=(60, 60))
    found = Cells([[10, 10], [30, 10], [50, 50]], [0, 1, -1], classes=CLASSES, shape=(60, 60))
    _, confusion = confusion_of(truth, found)
    assert confusion.labels == ("a", "b", "c", None)
    assert confusion.matched.tolist() == [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert (confusion.missed.tolist(), confusion.spurious.tolist()) == ([0, 0, 0, 0], [0, 0, 0, 1])
    assert confusion.right == 1


def test_of_two_ways_to_pair_two_cells_the_nearer_tells_the_classes():
    # All four are within 6 px of one another; crosswise the classes would all be wrong.
    truth = Cells([[10, 10], [13, 10]], [0, 1], classes=CLASSES, shape=(60, 60))
    found = Cells([[13, 11], [10, 11]], [1, 0], classes=CLASSES, shape=(60, 60))
    assert confusion_of(truth, found)[1].right == 1


def test_without_classes_there_is_none():
    plain = Cells([[1, 1]], classes=(), shape=(9, 9))
    assert score_cells({"i": plain}, {"i": plain}, protocol="greedy", radii=[RADIUS]).confusions == {}


def test_nothing_found_is_neither_right_nor_wrong():
    truth, none = Cells([[1, 1]], [0], classes=CLASSES, shape=(9, 9)), Cells.empty(classes=CLASSES, shape=(9, 9))
    _, confusion = confusion_of(truth, none)
    assert (confusion.right, confusion.missed.tolist(), int(confusion.matched.sum())) == (None, [1, 0, 0], 0)


@given(st.integers(0, 2**32), st.sampled_from(["matching", "greedy"]), st.booleans())
def test_rows_and_columns_add_up_to_the_cells_and_the_table_to_the_pairs(seed, protocol, unknown):
    generator = numpy_generator(seed)
    truth, found = (crowd(generator, int(generator.integers(0, 40)), unknown=unknown) for _ in range(2))
    scores, confusion = confusion_of(truth, found, protocol)
    for cells, sums in (
        (truth, confusion.matched.sum(axis=1) + confusion.missed),
        (found, confusion.matched.sum(axis=0) + confusion.spurious),
    ):
        assert dict(zip(CLASSES, sums.tolist(), strict=False)) == cells.counts()
        assert sums.sum() == len(cells)
    assert confusion.matched.sum() == scores.row("all", RADIUS).tp


@given(st.integers(0, 2**32), st.sampled_from(["matching", "greedy"]), st.integers(4, 12))
def test_the_order_of_the_cells_does_not_matter(seed, protocol, side):
    # Whole pixels in a small square: equal distances and equal places abound.
    generator = numpy_generator(seed)
    sides = []
    for count in (12, 14):
        labels = generator.integers(0, 3, count)
        sides.append(Cells(generator.integers(0, side, (count, 2)), labels, classes=CLASSES, shape=(side, side)))
    shuffled = [cells.select(generator.permutation(len(cells))) for cells in sides]
    assert confusion_of(*sides, protocol)[1].to_json() == confusion_of(*shuffled, protocol)[1].to_json()


@given(st.integers(0, 2**32), st.sampled_from(["matching", "greedy"]))
def test_perfect_predictions_are_on_the_diagonal(seed, protocol):
    generator = numpy_generator(seed)
    truth = crowd(generator, 20)
    scores, confusion = confusion_of(truth, truth, protocol)
    assert confusion.matched.tolist() == np.diag(list(truth.counts().values())).tolist()
    assert not confusion.missed.any()
    assert not confusion.spurious.any()
    assert {row.f1 for row in scores.rows} <= {1.0, None}
    assert (scores.mae, scores.rmse) == (0, 0)
