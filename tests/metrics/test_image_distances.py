import numpy as np
import pytest
import torch

from cellweave.core import InvalidInputError
from cellweave.metrics.image_distances import frechet_distance, inception_score, kernel_distance

RNG = np.random.default_rng(0)
ONE, OTHER = (RNG.normal(size=(60, 4)).astype(np.float32) for _ in range(2))


def test_fid_by_hand():
    assert frechet_distance(ONE, ONE) == pytest.approx(0, abs=1e-6)
    # covariances S and 4 S: trace(S + 4 S - 2 · 2 S) = trace(S), beside the square of the shift
    wide = (ONE - ONE.mean(axis=0)) * 2 + ONE.mean(axis=0) + np.float32([3, 4, 0, 0])
    assert frechet_distance(ONE, wide) == pytest.approx(25 + np.cov(ONE.T).trace(), rel=1e-5)


def test_kid_by_hand():
    # subsets of all patches: the unbiased squared MMD with the kernel (x · y / 4 + 1)³
    def kernel(a, b):
        return (a.astype(float) @ b.T.astype(float) / 4 + 1) ** 3

    n = len(ONE)
    within = sum((k.sum() - np.trace(k)) / (n * (n - 1)) for k in (kernel(ONE, ONE), kernel(OTHER, OTHER)))
    expected = within - 2 * kernel(ONE, OTHER).mean()
    assert kernel_distance(ONE, OTHER, subset=n, subsets=3) == pytest.approx((expected, 0), abs=1e-9)


def test_kid_of_smaller_subsets_has_a_spread_and_no_bias():
    shifted = kernel_distance(ONE, OTHER + 2, subset=20)
    assert shifted.sd > 0
    assert shifted.mean == pytest.approx(kernel_distance(ONE, OTHER + 2, subset=60).mean, rel=0.2)
    assert kernel_distance(ONE[:5], OTHER) == kernel_distance(ONE[:5], OTHER, subset=5)


def test_is_by_hand():
    classes = np.eye(4, dtype=np.float32)[np.arange(400) % 4] * 50
    assert inception_score(classes).mean == pytest.approx(4, abs=0.1)
    assert inception_score(np.zeros((40, 4), np.float32)) == pytest.approx((1, 0))


def test_the_seed_alone_draws_subsets_and_other_draws_are_left_alone():
    torch.manual_seed(5)
    first = torch.rand(1)
    torch.manual_seed(5)
    one = kernel_distance(ONE, OTHER, subset=20, seed=1), inception_score(ONE, seed=1)
    assert torch.equal(torch.rand(1), first)
    assert one == (kernel_distance(ONE, OTHER, subset=20, seed=1), inception_score(ONE, seed=1))
    assert one[0] != kernel_distance(ONE, OTHER, subset=20, seed=2)


def test_bad_input_is_named():
    with pytest.raises(InvalidInputError, match="4 features needs more patches than features, got 4 and 60"):
        frechet_distance(ONE[:4], OTHER)
    with pytest.raises(InvalidInputError, match="use one encoder"):
        kernel_distance(ONE[:, :3], OTHER)
    with pytest.raises(InvalidInputError, match="two patches or more on either side, got 1"):
        kernel_distance(ONE[:1], OTHER)
    with pytest.raises(InvalidInputError, match="2 patches in each, got 9"):
        inception_score(ONE[:9])
