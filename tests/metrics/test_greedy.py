import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellweave.metrics import match_greedily
from cellweave.metrics.candidates import Candidates
from cellweave.metrics.greedy import nearest_free

pixels = st.integers(0, 14).flatmap(lambda count: arrays(np.int64, (count, 2), elements=st.integers(0, 12)))
between = st.integers(0, 14).flatmap(lambda count: arrays(np.float64, (count, 2), elements=st.floats(0, 12, width=16)))
radii = st.sampled_from([1, 3, 5, 6])


def dot_map(xy):
    dots = np.zeros((13, 13), bool)
    dots[xy[:, 1], xy[:, 0]] = True
    return dots


def count_on_dot_maps(truth, predicted, radius):
    """Count pairs as the released program describes it: over maps of dots, erasing each prediction that is taken."""
    left = predicted.copy()
    pairs = 0
    for row, column in zip(*np.nonzero(truth), strict=True):
        rows, columns = np.nonzero(left)
        distance = np.sqrt((rows - row) ** 2.0 + (columns - column) ** 2.0)
        if distance.size and distance.min() < radius:
            nearest = np.argmin(distance)
            left[rows[nearest], columns[nearest]] = False
            pairs += 1
    return pairs


def count_point_by_point(truth, predicted, radius):
    left = sorted(predicted.tolist(), key=lambda xy: (np.floor(xy[1]), np.floor(xy[0]), xy[1], xy[0]))
    pairs = 0
    for x, y in sorted(truth.tolist(), key=lambda xy: (np.floor(xy[1]), np.floor(xy[0]), xy[1], xy[0])):
        distances = [np.hypot(x - px, y - py) for px, py in left]
        if distances and min(distances) < radius:
            left.pop(distances.index(min(distances)))
            pairs += 1
    return pairs


@settings(deadline=None)
@given(pixels, pixels, radii)
def test_counts_as_the_released_program_on_whole_pixels(truth, predicted, radius):
    on_maps = count_on_dot_maps(dot_map(truth), dot_map(predicted), radius)
    centres = [np.unique(xy, axis=0).reshape(-1, 2) + 0.5 for xy in (truth, predicted)]  # a map holds one dot a pixel
    assert (match_greedily(*centres, float(radius)) >= 0).sum() == on_maps


@settings(deadline=None)
@given(between, between, radii)
def test_counts_as_a_loop_over_points_between_pixels(truth, predicted, radius):
    assert (match_greedily(truth, predicted, float(radius)) >= 0).sum() == count_point_by_point(
        truth, predicted, radius
    )


def pairs_one_by_one(candidates):
    """Go through the pairs by truth, then distance, then prediction, and make each whose ends are free."""
    matched = np.full(len(candidates.truths), -1)
    rank, order = candidates.truths.rank[candidates.truth], candidates.predictions.rank[candidates.predicted]
    pairs = zip(rank, candidates.distance, order, candidates.truth, candidates.predicted, strict=True)
    for _, _, _, t, p in sorted(pairs):
        if matched[t] < 0 and p not in matched:
            matched[t] = p
    return matched


@given(between, between, radii)
def test_makes_the_pairs_of_truths_choosing_one_after_the_other(truth, predicted, radius):
    candidates = Candidates.within(truth, predicted, float(radius), closed=False)
    assert nearest_free(candidates).tolist() == pairs_one_by_one(candidates).tolist()


def test_a_chain_of_refusals_is_followed_to_its_end():
    # Every truth but the first likes best the prediction that the one before it gets.
    predicted = np.stack([np.arange(50) * 10.0, np.zeros(50)], axis=1)
    truth = predicted + np.array([4.0, 0.0])
    truth[0, 0] = 6.0  # takes the prediction at 10, so everyone moves on by one
    assert match_greedily(truth, predicted, 8.0).tolist() == [*range(1, 50), -1]


@settings(deadline=None)
@given(pixels, pixels, radii, st.randoms(use_true_random=False))
def test_the_order_of_the_points_does_not_matter(truth, predicted, radius, random):
    shuffled = [np.array(random.sample(xy.tolist(), len(xy)), float).reshape(-1, 2) for xy in (truth, predicted)]
    straight = match_greedily(truth.astype(float), predicted.astype(float), radius)
    assert (match_greedily(*shuffled, radius) >= 0).sum() == (straight >= 0).sum()


def test_upper_cells_choose_first_even_when_that_costs_a_pair():
    # The truth above takes the prediction at y = 3, its nearest; the one below finds none within 6, where
    # a maximum matching would have given it that prediction, and the one at y = -2 to the truth above.
    truth, predicted = np.array([[5.0, 8], [5, 2]]), np.array([[5.0, 3], [5, -2]])
    assert match_greedily(truth, predicted, 6.0).tolist() == [-1, 0]


def test_left_chooses_before_right_within_a_row_of_pixels():
    # 3.9 is lower than 3.1, but both lie in row 3, where the left one comes first.
    truth, predicted = np.array([[8.0, 3.1], [4.0, 3.9]]), np.array([[6.0, 3.5]])
    assert match_greedily(truth, predicted, 6.0).tolist() == [-1, 0]


def test_a_taken_prediction_leaves_the_next_nearest():
    truth, predicted = np.array([[1.0, 0], [2, 0]]), np.array([[2.0, 0], [5, 0]])
    assert match_greedily(truth, predicted, 6.0).tolist() == [0, 1]
