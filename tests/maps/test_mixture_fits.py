import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.mixture import GaussianMixture

from cellweave.maps.density_fits import fit_gaussian_mixture, fit_gaussian_mixtures
from cellweave.maps.mixture_em import expectation, maximisation, monomials
from cellweave.maps.mixture_fits import best_mixtures, fit_mixtures, padded_length, padded_width, refine_mixtures
from cellweave.maps.mixture_starts import k_means, spread_seeds

RNG = np.random.default_rng(0)
CENTRES = np.array([[20.0, 30.0], [120.0, 40.0], [60.0, 150.0]])
THREE = np.concatenate([RNG.normal(centre, (8, 12), (60, 2)) for centre in CENTRES])
FLOOR = np.full((1, 2), 9.0)


def one_fit(points, size, *, seed=0):
    return fit_mixtures([points], [[size]], floors=FLOOR, seed=seed)[0][size]


def test_a_step_of_em_is_the_one_worked_out_by_hand():
    # Equal Gaussians of variance 1 at x = 0 and x = 2: at x = 0 the first has 1 / (1 + e^-2), at x = 2 the other.
    points, mask = np.array([[[0.0, 0.0], [2.0, 0.0], [0.0, 0.0]]]), np.array([[1.0, 1.0, 0.0]])
    mixtures = np.array([[[0.5, 0, 0, 1, 0, 1], [0.5, 2, 0, 1, 0, 1]]])
    features = monomials(points, mask)
    shares, log_density = expectation(mixtures, features, np.ones((1, 2), bool))
    near = 1 / (1 + np.exp(-2))
    np.testing.assert_allclose(shares[0, :, :2], [[near, 1 - near], [1 - near, near]])
    np.testing.assert_allclose(np.exp(log_density[0, :2]), 0.5 * (1 + np.exp(-2)) / (2 * np.pi))
    updated = maximisation(shares, features, np.array([[0.25, 0.5]]))[0]
    x, variance = 2 * (1 - near), 4 * near * (1 - near) + 0.25
    np.testing.assert_allclose(updated, [[0.5, x, 0, variance, 0, 0.5], [0.5, 2 - x, 0, variance, 0, 0.5]], atol=1e-12)


def test_padding_components_take_no_part():
    points = RNG.normal(0, 5, (1, 12, 2))
    features, alive = monomials(points, np.ones((1, 12))), np.array([[True, True, False]])
    mixtures = np.array([[[0.5, -3, 0, 9, 1, 9], [0.5, 3, 1, 9, 0, 4], [1.0, 0, 0, 1, 0, 1]]])
    padded, with_padding = expectation(mixtures, features, alive)
    bare, without = expectation(mixtures[:, :2], features, alive[:, :2])
    np.testing.assert_allclose(padded[:, :2], bare, rtol=1e-12)
    np.testing.assert_allclose(with_padding, without, rtol=1e-12)
    assert not padded[:, 2].any()


def test_one_component_is_the_mean_and_the_covariance():
    fit = one_fit(THREE, 1)
    np.testing.assert_allclose(fit.means[0], THREE.mean(axis=0))
    np.testing.assert_allclose(fit.covariances[0], np.cov(THREE.T, bias=True) + 9 * np.eye(2))


def test_well_separated_clusters_are_found_as_scikit_learn_finds_them():
    fit = refine_mixtures([THREE], [one_fit(THREE, 3)], floors=FLOOR)[0]
    other = GaussianMixture(3, reg_covar=9.0, random_state=0, tol=1e-9, max_iter=500).fit(THREE)
    order, others = np.argsort(fit.means[:, 0]), np.argsort(other.means_[:, 0])
    np.testing.assert_allclose(fit.weights[order], other.weights_[others], atol=1e-4)
    np.testing.assert_allclose(fit.means[order], other.means_[others], atol=1e-2)
    np.testing.assert_allclose(fit.covariances[order], other.covariances_[others], rtol=1e-3, atol=1e-2)
    assert fit.log_likelihood / len(THREE) == pytest.approx(other.score(THREE), abs=1e-5)


def test_the_log_likelihood_is_that_of_the_mixture():
    fit, mixture = one_fit(THREE, 4), fit_gaussian_mixture(THREE, components=4)
    assert np.log(mixture.density(THREE)).sum() == pytest.approx(fit.log_likelihood, abs=0.5)
    refined = refine_mixtures([THREE], [fit], floors=FLOOR)[0]
    assert np.log(mixture.density(THREE)).sum() == pytest.approx(refined.log_likelihood, abs=1e-6)


def test_bic_chooses_as_its_formula_does_by_hand():
    fits = fit_mixtures([THREE], [range(1, 6)], floors=FLOOR, seed=0)[0]
    bics = {k: -2 * fit.log_likelihood + (2 * k + 3 * k + k - 1) * np.log(180) for k, fit in fits.items()}
    assert min(bics, key=bics.get) == 3
    assert len(best_mixtures([THREE], [range(1, 6)], floors=FLOOR, seed=0)[0].parameters) == 3
    # on a line a component has a mean and a variance less, which makes more components worth their while
    line = np.stack([np.linspace(0, 100, 40), np.zeros(40)], axis=1)
    wide, narrow = (best_mixtures([line], [range(1, 11)], floors=FLOOR, seed=0, parameters=p)[0] for p in (3, 6))
    assert len(wide.parameters) >= len(narrow.parameters)


def test_a_second_coordinate_that_is_0_adds_nothing_to_the_likelihood():
    x = RNG.normal(10, 4, 50)
    floors = np.array([[1.0, 1 / (2 * np.pi)]])
    fit = fit_mixtures([np.stack([x, np.zeros(50)], axis=1)], [[1]], floors=floors, seed=0)[0][1]
    variance = x.var() + 1
    expected = -0.5 * (np.log(2 * np.pi * variance) + (x - x.mean()) ** 2 / variance).sum()
    assert fit.log_likelihood == pytest.approx(expected)


@settings(max_examples=10, deadline=None)
@given(counts=st.lists(st.integers(1, 70), min_size=2, max_size=6), seed=st.integers(0, 5))
def test_a_fit_does_not_depend_on_the_batch_bit_for_bit(counts, seed):
    rng = np.random.default_rng(seed)
    sets = [rng.normal(rng.uniform(0, 100, 2), rng.uniform(2, 20), (count, 2)) for count in counts]
    sizes = [range(1, min(6, max(1, len(one) // 3)) + 1) for one in sets]
    floors = np.full((len(sets), 2), 4.0)
    together = fit_mixtures(sets, sizes, floors=floors, seed=seed)
    for i, points in enumerate(sets):
        alone = fit_mixtures([points[::-1]], [sizes[i][-1:]], floors=floors[:1], seed=seed)[0]
        size = sizes[i][-1]
        np.testing.assert_array_equal(alone[size].parameters, together[i][size].parameters)
        assert alone[size].log_likelihood == together[i][size].log_likelihood
        assert alone[size].steps == together[i][size].steps


def test_blocks_make_no_difference(monkeypatch):
    sets = [THREE[i::7] for i in range(7)]
    whole = fit_gaussian_mixtures(sets)
    monkeypatch.setattr("cellweave.maps.mixture_fits._BLOCK", 500)
    for one, other in zip(whole, fit_gaussian_mixtures(sets), strict=True):
        np.testing.assert_array_equal(one.covariances, other.covariances)


def test_the_same_number_given_or_chosen_is_the_same_fit():
    chosen = fit_gaussian_mixture(THREE, seed=4)
    given_number = fit_gaussian_mixture(THREE, components=len(chosen.weights), seed=4)
    np.testing.assert_array_equal(chosen.means, given_number.means)


def test_more_starts_are_no_worse():
    points = RNG.random((90, 2)) * 200
    few, many = (fit_mixtures([points], [[8]], floors=FLOOR, seed=1, starts=n)[0][8] for n in (1, 12))
    assert many.log_likelihood > few.log_likelihood


def test_seeds_are_points_far_apart_and_prefixes_of_one_chain():
    mask = np.ones((1, 180))
    seeds = spread_seeds(THREE[None], mask, 3, starts=2, seed=0)
    assert seeds.shape == (2, 1, 3, 2)
    for chain in seeds[:, 0]:
        nearest = np.linalg.norm(chain[:, None] - CENTRES, axis=2).argmin(axis=1)
        assert sorted(nearest) == [0, 1, 2]
        assert all((one == THREE).all(axis=1).any() for one in chain)
    longer = spread_seeds(THREE[None], mask, 6, starts=2, seed=0)
    np.testing.assert_array_equal(longer[:, :, :3], seeds)
    assert not np.array_equal(spread_seeds(THREE[None], mask, 3, starts=2, seed=1), seeds)


def test_k_means_gives_every_point_to_the_nearest_centre():
    points = np.array([[[0.0, 0], [1, 0], [10, 0], [11, 0]]])
    features = monomials(points, np.ones((1, 4)))
    belongs = k_means(np.array([[[0.0, 0], [1, 0], [5, 0]]]), features, np.array([[True, True, False]]))
    np.testing.assert_array_equal(belongs[0], [[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("count", "length"), [(1, 8), (8, 8), (9, 12), (13, 16), (17, 24), (33, 48), (49, 64), (65, 96)]
)
def test_sets_are_padded_to_few_lengths(count, length):
    assert padded_length(count) == length


def test_mixtures_are_padded_to_few_numbers_of_components():
    assert [padded_width(size) for size in (1, 2, 3, 4, 6, 7, 10, 11, 13)] == [1, 3, 3, 6, 6, 10, 10, 12, 16]
