import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellweave.core import InvalidInputError
from cellweave.patterns import inhibit

DISTANCES = np.array([[1.0, 2.0], [2.0, 0.5]])


def one_by_one(points, labels, distances):
    """The definition, in the plainest way: the independent formulation to compare with."""
    kept = []
    for i in range(len(points)):
        near = [np.linalg.norm(points[i] - points[j]) < distances[labels[i], labels[j]] for j in kept]
        if not any(near):
            kept.append(i)
    return kept


@given(xy=arrays(float, (25, 2), elements=st.floats(0, 8)), labels=arrays(np.int64, 25, elements=st.integers(0, 1)))
def test_it_is_dart_throwing(xy, labels):
    assert np.flatnonzero(inhibit(xy, labels, DISTANCES)).tolist() == one_by_one(xy, labels, DISTANCES)


def test_the_distance_itself_is_allowed_and_classes_have_their_own():
    xy = np.array([[0.0, 0.0], [1.0, 0.0], [2.9, 0.0], [1.4, 0.0]])
    labels = np.array([0, 0, 1, 1])
    # 1 is at distance 1 of 0: stays. 2 is 1.9 from 1, of the other class: goes. 3 is 0.4 from 1: goes.
    assert inhibit(xy, labels, DISTANCES).tolist() == [True, True, False, False]


def test_a_point_that_went_excludes_nothing():
    xy = np.array([[0.0, 0.0], [0.6, 0.0], [1.2, 0.0]])
    assert inhibit(xy, np.zeros(3, int), [[1.0]]).tolist() == [True, False, True]


def test_no_points_and_one_point():
    assert inhibit(np.zeros((0, 2)), np.zeros(0, int), DISTANCES).tolist() == []
    assert inhibit(np.zeros((1, 2)), np.zeros(1, int), DISTANCES).tolist() == [True]


def test_bad_input_is_named():
    with pytest.raises(InvalidInputError, match=r"symmetric \(C, C\) matrix"):
        inhibit(np.zeros((1, 2)), np.zeros(1, int), [[1.0, 2.0], [3.0, 1.0]])
    with pytest.raises(InvalidInputError, match=r"labels lie in 0\.\.1, got 2\.\.2"):
        inhibit(np.zeros((1, 2)), np.array([2]), DISTANCES)
    with pytest.raises(InvalidInputError, match="got 2 labels for 1 points"):
        inhibit(np.zeros((1, 2)), np.array([0, 0]), DISTANCES)
