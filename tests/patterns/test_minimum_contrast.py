import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.patterns import (
    PairCounts,
    ThomasFit,
    fit_thomas,
    inhibit,
    pair_counts,
    poisson_points,
    pool_pairs,
    thomas_k,
    thomas_points,
)

EDGES = np.arange(0.0, 61.0, 2.0)
SHAPE = (200.0, 240.0)


def exact_pairs(parents, spread):
    """Pairs as they are on average: K of the closed form, in a pattern with one ordered pair a unit area."""
    return PairCounts(EDGES, np.diff(thomas_k(EDGES, parents=parents, spread=spread)), 1.0)


def test_k_of_dense_clusters_is_that_of_a_poisson_process():
    np.testing.assert_allclose(thomas_k(EDGES, parents=np.inf, spread=3), np.pi * EDGES**2)
    # Far beyond the clusters every pair of one is counted: 1 / parents more
    assert thomas_k(1000.0, parents=0.01, spread=3) == pytest.approx(np.pi * 1e6 + 100)


@pytest.mark.parametrize("start", [0.0, 9.0])
@pytest.mark.parametrize(("parents", "spread"), [(1e-3, 4.0), (2e-4, 12.0), (5e-4, 25.0)])
def test_the_closed_form_is_recovered(parents, spread, start):
    fit = fit_thomas(exact_pairs(parents, spread), start=start)
    assert (fit.parents, fit.spread) == pytest.approx((parents, spread), rel=0.01)
    assert fit.clusters


def test_a_simulated_process_is_recovered():
    rng = np.random.default_rng(1)
    counted = [
        pair_counts(thomas_points(5e-4, 8, 6, shape=SHAPE, rng=rng), SHAPE, EDGES) for _ in range(60)
    ]  # 1,400 clusters: parameters within some per cent
    fit = fit_thomas(pool_pairs(counted))
    assert (fit.parents, fit.spread) == pytest.approx((5e-4, 6), rel=0.15)


def test_a_hard_core_hides_clusters_from_k_unless_the_fit_starts_beyond_it():
    rng = np.random.default_rng(2)
    counted = []
    for _ in range(60):
        xy = rng.permutation(thomas_points(5e-4, 12, 12, shape=SHAPE, rng=rng))
        counted.append(pair_counts(xy[inhibit(xy, np.zeros(len(xy), int), [[5.0]])], SHAPE, EDGES))
    pooled = pool_pairs(counted)
    beyond, through = fit_thomas(pooled, start=10.0), fit_thomas(pooled)
    assert beyond.spread == pytest.approx(12, rel=0.25)
    assert abs(beyond.spread - 12) < abs(through.spread - 12)


def test_no_clusters_without_excess_of_pairs():
    rng = np.random.default_rng(3)
    pooled = pool_pairs(pair_counts(poisson_points(0.01, SHAPE, rng), SHAPE, EDGES) for _ in range(40))
    fit = fit_thomas(pooled)
    assert not fit.clusters or fit.parents > 0.01
    for empty in ([], [[1.0, 1.0]]):
        assert fit_thomas(pair_counts(empty, SHAPE, EDGES)) == ThomasFit(np.inf, 0.0)


def test_too_few_radii_are_refused():
    with pytest.raises(InvalidInputError, match="three radii or more beyond 55, but the pairs are counted up to 60"):
        fit_thomas(exact_pairs(1e-3, 4.0), start=55)
