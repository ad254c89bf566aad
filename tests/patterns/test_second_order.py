import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellweave.core import InvalidInputError
from cellweave.patterns import (
    inhibit,
    pair_correlation,
    pair_counts,
    poisson_points,
    pool_pairs,
    ripley_k,
    ripley_l,
    thomas_points,
)

SHAPE = (30.0, 50.0)
# Multiples of 1/8: shifts, quarter turns and doubling are then exact, and no pair changes its class by rounding.
GRID = st.integers(0, 160).map(lambda i: i / 8)
POINTS = arrays(float, st.tuples(st.integers(0, 25), st.just(2)), elements=GRID)
WINDOW = (20.0, 20.0)
EDGES = np.array([0.0, 1.0, 2.5, 4.0, 8.0])


def one_by_one(xy, to, shape, edges):
    """Numerators by the definition, pair by pair: the independent formulation to compare with."""
    weights = np.zeros(len(edges) - 1)
    for i in range(len(xy)):
        for j in range(len(xy if to is None else to)):
            if to is None and i == j:
                continue
            dx, dy = np.abs(xy[i] - (xy if to is None else to)[j])
            for k in range(len(weights)):
                d = np.hypot(dx, dy)
                if edges[k] < d <= edges[k + 1] or (k == 0 and d == edges[0]):
                    weights[k] += shape[0] * shape[1] / ((shape[0] - dy) * (shape[1] - dx))
    return weights


@given(xy=POINTS, to=st.none() | POINTS)
def test_weights_are_those_of_the_definition(xy, to):
    counts = pair_counts(xy, WINDOW, EDGES, to=to)
    np.testing.assert_allclose(counts.weights, one_by_one(xy, to, WINDOW, EDGES), rtol=1e-12)
    assert counts.product_density == pytest.approx(len(xy) * (len(xy) - 1 if to is None else len(to)) / 400)


def test_more_points_than_a_block_are_counted_once(monkeypatch):
    xy = np.random.default_rng(0).random((50, 2)) * 20
    whole = pair_counts(xy, WINDOW, EDGES).weights
    monkeypatch.setattr("cellweave.patterns.pairs._BLOCK", 7)
    np.testing.assert_allclose(pair_counts(xy, WINDOW, EDGES).weights, whole, rtol=1e-12)


def test_two_points_by_hand():
    # Distance 5; the window and itself shifted by (3, 4) overlap in 7 × 6 of 100. Two ordered pairs.
    xy = [[1.0, 1.0], [4.0, 5.0]]
    k = ripley_k(xy, (10.0, 10.0), [4.9, 5.0, 6.0])
    np.testing.assert_allclose(k, [0, 100 * 2 * (100 / 42) / 2, 100 * 2 * (100 / 42) / 2])
    np.testing.assert_allclose(ripley_l(xy, (10.0, 10.0), [5.0]), np.sqrt(k[1] / np.pi))
    ring = np.pi * (36 - 16)
    np.testing.assert_allclose(pair_correlation(xy, (10.0, 10.0), [2, 4, 6]), [0, k[1] / ring])


def test_poisson_by_closed_form():
    rng = np.random.default_rng(1)
    edges = np.arange(0.0, 11.0)
    pooled = pool_pairs(pair_counts(poisson_points(0.2, SHAPE, rng), SHAPE, edges) for _ in range(200))
    # 200 × 300 points have 200 × 300 × 0.2 × 2 pi r / 2 = 38,000 r pairs a class: standard error below 1 % from r = 1.
    np.testing.assert_allclose(pooled.pair_correlation(), 1, atol=0.02)
    np.testing.assert_allclose(pooled.ripley_k(), np.pi * edges[1:] ** 2, rtol=0.02)


def test_two_independent_classes_have_cross_correlation_one():
    rng = np.random.default_rng(2)
    pooled = pool_pairs(
        pair_counts(thomas_points(0.02, 8, 1, shape=SHAPE, rng=rng), SHAPE, EDGES, to=poisson_points(0.2, SHAPE, rng))
        for _ in range(200)
    )
    np.testing.assert_allclose(pooled.pair_correlation(), 1, atol=0.05)


def test_thomas_by_closed_form():
    rng = np.random.default_rng(3)
    kappa, sigma = 0.05, 1.0
    edges = np.arange(0.0, 6.5, 0.5)
    shape = (60.0, 80.0)
    patterns = [thomas_points(kappa, 5, sigma, shape=shape, rng=rng) for _ in range(150)]
    found = pool_pairs(pair_counts(xy, shape, edges) for xy in patterns)
    k = np.pi * edges**2 + (1 - np.exp(-(edges**2) / (4 * sigma**2))) / kappa
    expected = np.diff(k) / (np.pi * np.diff(edges**2))  # g = 1 + exp(-r² / 4 sigma²) / (4 pi sigma² kappa), over rings
    # 36,000 clusters; pooled relative standard error about 1 %.
    np.testing.assert_allclose(found.pair_correlation(), expected, rtol=0.05)
    np.testing.assert_allclose(found.ripley_k(), k[1:], rtol=0.05)


def test_no_pairs_below_a_hard_core():
    rng = np.random.default_rng(4)
    xy = poisson_points(1.0, SHAPE, rng)
    xy = xy[inhibit(xy, np.zeros(len(xy), int), [[1.0]])]
    g = pair_correlation(xy, SHAPE, [0, 0.5, 0.999, 1.5, 10, 14])
    assert g[:2].tolist() == [0, 0]
    assert g[2] > 1
    assert g[-1] == pytest.approx(1, abs=0.03)


@given(xy=POINTS)
def test_unit_and_quarter_turns_and_order_make_no_difference(xy):
    xy = np.concatenate([xy, [[1.0, 2.0], [3.0, 2.0]]])
    g = pair_correlation(xy, WINDOW, EDGES)
    np.testing.assert_allclose(pair_correlation(4 * xy, (80.0, 80.0), 4 * EDGES), g, rtol=1e-9)
    turned = np.stack([20 - xy[:, 1], xy[:, 0]], axis=1)
    np.testing.assert_allclose(pair_correlation(turned, WINDOW, EDGES), g, rtol=1e-9)
    np.testing.assert_allclose(pair_correlation(xy[::-1], WINDOW, EDGES), g, rtol=1e-9)


@given(xy=POINTS, dx=st.integers(0, 40), dy=st.integers(0, 40))
def test_only_differences_of_positions_count(xy, dx, dy):
    window = (25.0, 25.0)
    moved = pair_counts(xy + np.array([dx / 8, dy / 8]), window, EDGES)
    np.testing.assert_allclose(moved.weights, pair_counts(xy, window, EDGES).weights, rtol=1e-12)


@given(xy=POINTS, to=POINTS)
def test_cross_counts_are_symmetric(xy, to):
    there, back = pair_counts(xy, WINDOW, EDGES, to=to), pair_counts(to, WINDOW, EDGES, to=xy)
    np.testing.assert_allclose(there.weights, back.weights, rtol=1e-12)


def test_pooling_sums_numerators_and_denominators():
    few, many = ([[1, 1], [2, 1]], np.random.default_rng(5).random((60, 2)) * 20)
    counts = [pair_counts(xy, WINDOW, EDGES) for xy in (few, many)]
    pooled = pool_pairs(counts)
    np.testing.assert_allclose(pooled.weights, counts[0].weights + counts[1].weights)
    expected = pooled.weights / ((2 + 60 * 59) / 400 * np.pi * np.diff(EDGES**2))
    np.testing.assert_allclose(pooled.pair_correlation(), expected)


@pytest.mark.parametrize("xy", [np.zeros((0, 2)), [[1.0, 1.0]]])
def test_without_a_pair_to_look_at_there_is_no_value(xy):
    assert np.isnan(pair_correlation(xy, WINDOW, EDGES)).all()
    assert np.isnan(ripley_k(xy, WINDOW, [1.0, 2.0])).all()
    assert np.isnan(pair_correlation([[1.0, 1.0]], WINDOW, EDGES, to=np.zeros((0, 2)))).all()


def test_bad_input_is_named():
    with pytest.raises(InvalidInputError, match=r"points\[1\] is \[5.0, 21.0\], outside the window of height 20"):
        pair_correlation([[1, 1], [5, 21]], WINDOW, EDGES)
    with pytest.raises(InvalidInputError, match=r"shorter side, 20, got 20; use shorter distances"):
        pair_correlation([[1, 1]], WINDOW, [0, 20])
    with pytest.raises(InvalidInputError, match=r"ascending distances >= 0, got \[3.0, 2.0\]"):
        pair_correlation([[1, 1]], WINDOW, [3, 2])
    with pytest.raises(InvalidInputError, match=r"radii must be ascending numbers > 0, got \[0.0, 2.0\]"):
        ripley_k([[1, 1]], WINDOW, [0, 2])
    with pytest.raises(InvalidInputError, match=r"the edges begin with 2\.0"):
        pair_counts([[1, 1]], WINDOW, [2, 3]).ripley_k()
    with pytest.raises(InvalidInputError, match="no pair counts to pool"):
        pool_pairs([])
    with pytest.raises(InvalidInputError, match="pooled over equal distances"):
        pool_pairs([pair_counts([[1, 1]], WINDOW, [2, 3]), pair_counts([[1, 1]], WINDOW, [2, 4])])
    with pytest.raises(InvalidInputError, match=r"shape \(N, 2\), got \(3,\)"):
        pair_counts([1, 2, 3], WINDOW, EDGES)
