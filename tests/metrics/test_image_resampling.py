"""KID, FID and IS of weighted patches, against those of the patches themselves."""

import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.metrics.image_distances import frechet_distance, inception_score, kernel_distance
from cellweave.metrics.image_resampling import (
    drawn_weights,
    frechet_distances,
    inception_scores,
    kernel_distances,
)


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(24, 4)).astype(np.float32)
    return first, (rng.normal(size=(24, 4)) * 1.3 + 0.4).astype(np.float32)


UNITS = np.repeat(np.arange(12), 2)
ALL = np.ones((1, 12))


def test_unweighted_distances_are_those_of_torchmetrics(sides):
    exact = kernel_distance(*sides, subset=24, subsets=1).mean
    apart = np.arange(24), np.arange(24, 48)
    assert kernel_distances(*sides, apart, np.ones((1, 48)))[0] == pytest.approx(exact, abs=1e-6)
    assert frechet_distances(*sides, (UNITS, UNITS), ALL)[0] == pytest.approx(frechet_distance(*sides), abs=1e-6)


def test_units_that_are_not_taken_are_as_if_they_were_not_there(sides):
    weights = ALL.copy()
    weights[0, 7:] = 0
    left = [one[:14] for one in sides]
    expected = kernel_distances(*left, (UNITS[:14], UNITS[:14]), ALL[:, :7])
    assert kernel_distances(*sides, (UNITS, UNITS), weights) == pytest.approx(expected)
    assert frechet_distances(*sides, (UNITS, UNITS), weights)[0] == pytest.approx(frechet_distance(*left), abs=1e-6)


def test_a_repeated_unit_is_a_repeated_patch_to_an_fid(sides):
    weights = ALL.copy()
    weights[0, 0] = 3
    repeated = [np.concatenate([one[:2], one[:2], one]) for one in sides]
    expected = frechet_distance(*repeated)
    assert frechet_distances(*sides, (UNITS, UNITS), weights)[0] == pytest.approx(expected, abs=1e-6)


def test_patches_of_one_unit_are_not_compared():
    one, other = np.array([[1.0], [3.0]], np.float32), np.array([[0.0], [1.0]], np.float32)
    units = np.arange(2)
    # k(1, 3) = 64 and k(0, 1) = 1; across k(1, 1) = 8 and k(3, 0) = 1, not k(1, 0) and k(3, 1) of the same units
    value = 64 + 1 - 2 * (8 + 1) / 2
    weights = np.array([[1.0, 1.0], [2.0, 1.0]])
    assert kernel_distances(one, other, (units, units), weights) == pytest.approx([value, value])


def test_resampled_distances_scatter_around_the_value():
    rng = np.random.default_rng(1)
    one, other = (rng.normal(size=(200, 3)).astype(np.float32) for _ in range(2))
    units = np.arange(200)
    weights = drawn_weights(200, resamples=100, seed=0)
    found = kernel_distances(one, other, (units, units), weights)
    # of the same distribution KID is 0 on average, also in resamples
    assert abs(found[1:].mean() - found[0]) < found[1:].std()
    assert weights.shape == (101, 200)
    assert (weights.sum(axis=1) == 200).all()


def test_inception_scores_are_those_of_all_patches():
    logits = np.random.default_rng(2).normal(size=(20, 3)).astype(np.float32) * 3
    both = np.concatenate([logits, logits])  # two parts that are alike have the score of the whole
    units = np.arange(20)
    whole = inception_scores(logits, units, np.ones((1, 20)))[0]
    assert 1 < whole < 3
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    by_hand = np.exp((shares * np.log(shares / shares.mean(axis=0))).sum(axis=1).mean())
    assert whole == pytest.approx(by_hand, rel=1e-6)
    assert inception_scores(both, np.arange(40), np.ones((1, 40)))[0] == pytest.approx(whole, rel=1e-6)
    assert inception_score(both, parts=2).mean == pytest.approx(whole, rel=0.2)


def test_what_is_not_defined(sides):
    few = (sides[0][:4], sides[1][:4])
    units = np.arange(4)
    assert np.isnan(frechet_distances(*few, (units, units), np.ones((3, 4)))).all()
    # of two units, one taken twice leaves one patch a side
    two = (sides[0][:2], sides[1][:2])
    found = kernel_distances(*two, (units[:2], units[:2]), np.array([[1.0, 1.0], [2.0, 0.0]]))
    assert np.isfinite(found).tolist() == [True, False]
    one = (sides[0][:1], sides[1][:1])
    assert np.isnan(kernel_distances(*one, (units[:1], units[:1]), np.ones((1, 1)))).all()


def test_what_is_refused(sides):
    with pytest.raises(InvalidInputError, match=r"features are \(N, F\) with one F"):
        kernel_distances(sides[0], sides[1][:, :3], (UNITS, UNITS), ALL)
    with pytest.raises(InvalidInputError, match="24 patches need as many units, from 0 to 11"):
        frechet_distances(*sides, (UNITS, UNITS + 1), ALL)
