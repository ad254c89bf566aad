import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics import count_matches, match_cells, match_greedily, match_maximum
from cellweave.metrics.candidates import Candidates
from cellweave.metrics.matching import nearest_most_pairs

# Whole pixels in a small square: many points at equal distances, at the radius itself, and at the same place.
crowds = st.integers(0, 14).flatmap(lambda count: arrays(np.float64, (count, 2), elements=st.integers(0, 12)))
radii = st.sampled_from([1.0, 2.0, 5.0, 7.5])


def near(truth, predicted, radius):
    return [[np.hypot(*(t - p)) <= radius for p in predicted] for t in truth]


def most_pairs(truth, predicted, radius):
    """Return the size of a maximum matching, by augmenting paths, one true point after the other."""
    allowed = near(truth, predicted, radius)
    owner = {}

    def augment(t, seen):
        for p in range(len(predicted)):
            if allowed[t][p] and p not in seen:
                seen.add(p)
                if p not in owner or augment(owner[p], seen):
                    owner[p] = t
                    return True
        return False

    return sum(augment(t, set()) for t in range(len(truth)))


@settings(deadline=None)
@given(crowds, crowds, radii)
def test_makes_as_many_pairs_as_augmenting_paths(truth, predicted, radius):
    matched = match_maximum(truth, predicted, radius)
    assert (matched >= 0).sum() == most_pairs(truth, predicted, radius)


@settings(deadline=None)
@given(crowds, crowds, radii)
def test_pairs_are_near_and_no_prediction_is_used_twice(truth, predicted, radius):
    allowed = near(truth, predicted, radius)
    for match in (match_maximum, match_greedily):
        pairs = [(t, p) for t, p in enumerate(match(truth, predicted, radius)) if p >= 0]
        assert len({p for _, p in pairs}) == len(pairs)
        assert all(allowed[t][p] for t, p in pairs)


@settings(deadline=None)
@given(crowds, crowds, radii)
def test_never_makes_fewer_pairs_than_greedy_or_than_a_smaller_radius(truth, predicted, radius):
    pairs = (match_maximum(truth, predicted, radius) >= 0).sum()
    assert pairs >= (match_greedily(truth, predicted, radius) >= 0).sum()
    assert pairs >= (match_maximum(truth, predicted, radius / 2) >= 0).sum()


def least_distance(truth, predicted, radius):
    """Return the number of pairs and their sum of distances, by dense assignment."""
    distance = np.hypot(*(truth[:, None] - predicted[None]).transpose(2, 0, 1))
    far = distance > radius
    rows, columns = linear_sum_assignment(np.where(far, 1e4, distance))  # being far costs more than all pairs
    made = ~far[rows, columns]
    return int(made.sum()), distance[rows, columns][made].sum()


@given(crowds, crowds, radii)
def test_of_the_largest_matchings_the_nearest_is_found(truth, predicted, radius):
    matched = nearest_most_pairs(Candidates.within(truth, predicted, radius, closed=True))
    found = np.flatnonzero(matched >= 0)
    distance = np.hypot(*(truth[found] - predicted[matched[found]]).T)
    assert len(set(matched[found])) == len(found)
    assert (distance <= radius).all()
    assert (len(found), distance.sum()) == (pytest.approx(least_distance(truth, predicted, radius), abs=1e-9))


def test_groups_are_told_apart_however_many_are_solved_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    truth, predicted = rng.uniform(0, 100, (2, 300, 2))
    candidates = Candidates.within(truth, predicted, 4.0, closed=True)
    whole = nearest_most_pairs(candidates)
    monkeypatch.setattr("cellweave.metrics.matching._PAIRS_AT_ONCE", 1)
    assert nearest_most_pairs(candidates).tolist() == whole.tolist()
    assert (whole >= 0).sum() == (match_maximum(truth, predicted, 4.0) >= 0).sum() > 150


def test_rearranges_pairs_where_the_nearest_would_leave_one_alone():
    # Both truths reach the prediction at 3; only the second reaches the one at 9.
    truth, predicted = np.array([[0.0, 0], [4, 0]]), np.array([[9.0, 0], [3, 0]])
    assert match_maximum(truth, predicted, 5.0).tolist() == [1, 0]


def test_the_radius_itself_counts():
    cells = Cells([[1, 1]], classes=(), shape=(10, 10))
    found = Cells([[4, 5]], classes=(), shape=(10, 10))  # 3, 4, 5
    assert count_matches(cells, found, 5.0, "matching") == (1, 0, 0)
    assert count_matches(cells, found, 5.0, "greedy") == (0, 1, 1)
    assert count_matches(cells, found, np.nextafter(5.0, 6), "greedy") == (1, 0, 0)
    assert count_matches(cells, found, np.nextafter(5.0, 4), "matching") == (0, 1, 1)


@pytest.mark.parametrize("protocol", ["matching", "greedy"])
def test_nothing_to_pair(protocol):
    none = Cells.empty(classes=(), shape=(10, 10))
    two = Cells([[1, 1], [2, 2]], classes=(), shape=(10, 10))
    assert count_matches(none, none, 5.0, protocol) == (0, 0, 0)
    assert count_matches(two, none, 5.0, protocol) == (0, 0, 2)
    assert count_matches(none, two, 5.0, protocol) == (0, 2, 0)
    assert match_cells(two, none, 5.0, protocol).tolist() == [-1, -1]


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan"), float("inf")])
def test_a_radius_is_positive(radius):
    cells = Cells([[1, 1]], classes=(), shape=(10, 10))
    for protocol in ("matching", "greedy"):
        with pytest.raises(InvalidInputError, match="radius must be a positive number of pixels, got"):
            count_matches(cells, cells, radius, protocol)


def test_an_unknown_protocol_is_named():
    cells = Cells([[1, 1]], classes=(), shape=(10, 10))
    with pytest.raises(InvalidInputError, match="no scoring protocol 'nearest'; choose one of matching, greedy"):
        count_matches(cells, cells, 5.0, "nearest")


def test_a_radius_that_pairs_everything_with_everything_is_refused(monkeypatch):
    monkeypatch.setattr("cellweave.metrics.neighbours.MAX_PAIRS", 20)
    crowd = np.arange(10.0).reshape(5, 2)
    assert (match_maximum(crowd, crowd, 1.0) >= 0).all()
    with pytest.raises(InvalidInputError, match="more than 20 pairs of 5 true and 5 predicted cells lie within 99 px"):
        match_maximum(crowd, crowd, 99.0)
