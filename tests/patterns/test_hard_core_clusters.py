import numpy as np
import pytest

from cellweave.core import InvalidInputError
from cellweave.patterns import (
    ThomasFit,
    hard_core_clusters,
    nearest_neighbour_distances,
    pair_counts,
    pool_pairs,
    thomas_k,
)

SHAPE = (120.0, 150.0)
LOOSE, TIGHT = ThomasFit(np.inf, 0.0), ThomasFit(1e-3, 6.0)
CORES = np.array([[6.0, 5.0], [5.0, 4.0]])


def test_numbers_frame_and_distances_are_kept():
    made = hard_core_clusters([40, 60], [LOOSE, TIGHT], CORES, shape=SHAPE, rng=np.random.default_rng(0))
    assert np.bincount(made.labels).tolist() == [40, 60]
    assert made.crowded == 0
    assert ((made.xy >= 0) & (made.xy < SHAPE[::-1])).all()
    first, second = made.xy[made.labels == 0], made.xy[made.labels == 1]
    assert nearest_neighbour_distances(first).min() >= 6
    assert nearest_neighbour_distances(second).min() >= 4
    assert nearest_neighbour_distances(first, to=second).min() >= 5


def test_without_a_core_pairs_are_those_of_the_thomas_process():
    edges = np.arange(0.0, 41.0, 4.0)
    rng = np.random.default_rng(1)
    pooled = pool_pairs(
        pair_counts(hard_core_clusters([rng.poisson(180)], [TIGHT], [[0.0]], shape=SHAPE, rng=rng).xy, SHAPE, edges)
        for _ in range(200)
    )
    # Numbers are given here and those of clusters vary: K comes out some per cent below that of free numbers
    expected = thomas_k(edges[1:], parents=TIGHT.parents, spread=TIGHT.spread)
    np.testing.assert_allclose(pooled.ripley_k()[:4], expected[:4], rtol=0.12)


def test_points_that_find_no_place_are_counted():
    made = hard_core_clusters([30], [LOOSE], [[50.0]], shape=SHAPE, rng=np.random.default_rng(2))
    assert len(made.xy) == 30
    assert 10 < made.crowded < 30


def test_same_generator_same_points():
    one, again, other = (
        hard_core_clusters([9, 9], [LOOSE, TIGHT], CORES, shape=SHAPE, rng=np.random.default_rng(seed)).xy
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_clusters_far_fewer_than_one_a_window_still_give_points():
    rare = ThomasFit(1e-9, 5.0)
    made = hard_core_clusters([12], [rare], [[0.0]], shape=SHAPE, rng=np.random.default_rng(5))
    assert made.xy.std(axis=0).max() < 12


def test_no_points_and_bad_input():
    nothing = hard_core_clusters([0, 0], [LOOSE, TIGHT], CORES, shape=SHAPE, rng=np.random.default_rng(0))
    assert (nothing.xy.shape, nothing.crowded) == ((0, 2), 0)
    with pytest.raises(InvalidInputError, match=r"got \[1\] and 2 processes"):
        hard_core_clusters([1], [LOOSE, TIGHT], CORES, shape=SHAPE, rng=np.random.default_rng(0))
    with pytest.raises(InvalidInputError, match=r"2 classes need exclusion distances \(2, 2\), got \(1, 1\)"):
        hard_core_clusters([1, 1], [LOOSE, TIGHT], [[3.0]], shape=SHAPE, rng=np.random.default_rng(0))
