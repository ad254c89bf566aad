import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from cellweave.core import InvalidInputError
from cellweave.maps import UnivariateMixture
from cellweave.maps.univariate_mixtures import quantile_of

MIXTURE = UnivariateMixture(np.array([0.3, 0.7]), np.array([-2.0, 5.0]), np.array([1.0, 2.0]))


def test_density_and_distribution_are_weighted_sums():
    x = np.linspace(-8, 12, 41)
    np.testing.assert_allclose(MIXTURE.density(x), 0.3 * norm.pdf(x, -2, 1) + 0.7 * norm.pdf(x, 5, 2))
    np.testing.assert_allclose(MIXTURE.distribution(x), 0.3 * norm.cdf(x, -2, 1) + 0.7 * norm.cdf(x, 5, 2))
    # 0.3 * (1 + 4) + 0.7 * (4 + 25) less the square of the mean 2.9
    assert MIXTURE.spread == pytest.approx(np.sqrt(0.3 * 5 + 0.7 * 29 - 2.9**2))


def test_the_quantile_of_one_gaussian_is_the_known_one():
    one = UnivariateMixture(np.ones(1), np.array([10.0]), np.array([3.0]))
    np.testing.assert_allclose(one.quantile([0.5, norm.cdf(1.5)]), [10, 14.5])


@settings(max_examples=20, deadline=None)
@given(
    means=st.lists(st.floats(-100, 100), min_size=1, max_size=5),
    spreads=st.lists(st.floats(0.05, 30), min_size=5, max_size=5),
    weights=st.lists(st.floats(0.01, 1), min_size=5, max_size=5),
)
def test_quantiles_ascend_and_turn_back_into_their_shares(means, spreads, weights):
    count = len(means)
    mixture = UnivariateMixture(
        np.array(weights[:count]) / sum(weights[:count]), np.array(means), np.array(spreads[:count])
    )
    shares = np.array([1e-10, 1e-4, 0.1, 0.3, 0.5, 0.7, 0.9, 1 - 1e-4, 1 - 1e-10])
    found = mixture.quantile(shares)
    assert (np.diff(found) > 0).all()
    # a share is off by the tolerance of 1e-9 spreads times a density of at most 0.4 in these units
    np.testing.assert_allclose(mixture.distribution(found), shares, rtol=0, atol=5e-10)


def test_a_quantile_does_not_depend_on_those_beside_it_or_far_on_where_it_starts():
    shares = np.linspace(0.01, 0.99, 50)
    columns = [np.repeat(one[:, None], 50, axis=1) for one in (MIXTURE.weights, MIXTURE.means, MIXTURE.spreads)]
    whole = quantile_of(*columns, shares)
    alone = [quantile_of(*(one[:, i : i + 1] for one in columns), shares[i : i + 1])[0] for i in range(50)]
    np.testing.assert_array_equal(whole, alone)
    elsewhere = quantile_of(*columns, shares, guess=np.full(50, 1e3))
    np.testing.assert_allclose(elsewhere, whole, atol=1e-8)


def test_bad_components_are_named():
    with pytest.raises(InvalidInputError, match=r"spreads are > 0, got \[0\.0\]"):
        UnivariateMixture(np.ones(1), np.zeros(1), np.zeros(1))
    with pytest.raises(InvalidInputError, match=r"one shape \(K,\), got \[\(1,\), \(2,\)\]"):
        UnivariateMixture(np.ones(1), np.zeros(2), np.ones(2))
