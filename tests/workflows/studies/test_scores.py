"""Scores, spread and differences from counts small enough to follow by hand."""

import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.workflows.studies.counts import gather
from cellweave.workflows.studies.scores import difference, score_arm
from cellweave.workflows.studies.spread import HOLDS, OPEN, REFUTED, verdict

TWO = ("p", "q")


def scores(make_result, *counts, groups=TWO, arm="arm", seeds=None):
    seeds = range(len(counts)) if seeds is None else seeds
    return score_arm(gather(arm, {seed: make_result(one, groups) for seed, one in zip(seeds, counts, strict=True)}))


def at(values, scored, measure):
    return values[..., 0, 0, 0, scored.measures.index(measure)]


def test_scores_by_hand(make_result):
    scored = scores(make_result, [(6, 2, 0), (2, 2, 4)], [(6, 0, 0), (6, 0, 0)])
    classes = ("f1:tumor", "precision:tumor", "recall:tumor")
    assert scored.measures == ("precision", "recall", "f1", "mean_class_f1", *classes, "mae", "rmse")
    # summed over images: tp 8, fp 4, fn 4; then tp 12
    np.testing.assert_allclose(at(scored.values, scored, "precision"), [8 / 12, 1])
    np.testing.assert_allclose(at(scored.values, scored, "f1"), [16 / 24, 1])
    np.testing.assert_allclose(at(scored.values, scored, "mean_class_f1"), [16 / 24, 1])
    np.testing.assert_allclose(at(scored.values, scored, "f1:tumor"), [16 / 24, 1])
    # 8 found of 6, 4 of 6
    np.testing.assert_allclose(at(scored.values, scored, "mae"), [2, 0])
    np.testing.assert_allclose(at(scored.values, scored, "rmse"), [2, 0])
    spreads = scored.spread()
    assert at(spreads.mean, scored, "f1") == pytest.approx(5 / 6)
    assert at(spreads.sd, scored, "f1") == pytest.approx(np.std([2 / 3, 1], ddof=1))


def test_rates_of_the_classes_by_hand(make_result):
    # 2 + 1 found, 4 + 1 spurious, 3 + 0 missed
    scored = scores(make_result, [(2, 4, 3), (1, 1, 0)])
    for measure, rate in (("precision", 3 / 8), ("recall", 3 / 6), ("f1", 6 / 14)):
        assert at(scored.values, scored, f"{measure}:tumor") == pytest.approx(rate)


def test_intervals_hold_what_groups_and_seeds_could_give(make_result):
    scored = scores(make_result, [(10, 0, 0), (0, 10, 10)])
    spreads = scored.spread()
    # one of the groups twice, or both: 1, 0 or 1/2
    assert (at(spreads.low, scored, "f1"), at(spreads.high, scored, "f1")) == (0, 1)
    assert np.isnan(at(spreads.sd, scored, "f1"))
    same_groups = scores(make_result, [(10, 0, 0)] * 2, [(0, 10, 10)] * 2)
    spreads = same_groups.spread()
    assert (at(spreads.low, same_groups, "f1"), at(spreads.high, same_groups, "f1")) == (0, 1)


def test_one_group_has_no_interval(make_result):
    spreads = scores(make_result, [(10, 0, 0), (5, 5, 5)], groups=("p", "p")).spread()
    assert np.isnan(spreads.low).all()
    assert np.isnan(spreads.high).all()
    assert not np.isnan(spreads.mean).any()


def test_differences_are_paired(make_result):
    # groups are very different, but the second arm is better by the same in each: pairing leaves no doubt
    first = scores(make_result, [(90, 10, 10), (20, 80, 80), (50, 50, 50)], groups=("p", "q", "r"))
    second = scores(make_result, [(80, 20, 20), (10, 90, 90), (40, 60, 60)], groups=("p", "q", "r"), arm="other")
    between = difference(first, second)
    assert between is not None
    for end in (between.mean, between.low, between.high):
        assert at(end, first, "f1") == pytest.approx(0.1)
    alone = first.spread()
    assert at(alone.high, first, "f1") - at(alone.low, first, "f1") > 0.2


def test_differences_take_common_seeds_only(make_result):
    first = scores(make_result, [(10, 0, 0)] * 2, [(5, 5, 5)] * 2, seeds=(0, 3))
    second = scores(make_result, [(5, 5, 5)] * 2, [(0, 10, 10)] * 2, seeds=(3, 4), arm="other")
    between = difference(first, second)
    assert between is not None
    assert between.seeds == (3,)
    assert at(between.mean, first, "f1") == 0
    assert difference(first, scores(make_result, [(1, 0, 9)] * 2, seeds=(7,))) is None


def test_arms_of_different_images_are_not_compared(make_result):
    first = scores(make_result, [(10, 0, 0)] * 2)
    with pytest.raises(InvalidInputError, match="scored on different images"):
        difference(first, scores(make_result, [(10, 0, 0)] * 3, groups=("p", "q", "r")))


def test_verdicts():
    assert [verdict(0.01, 0.02), verdict(-0.02, -0.01), verdict(-0.01, 0.01)] == [HOLDS, REFUTED, OPEN]
    assert verdict(float("nan"), float("nan")) == OPEN
