import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from sklearn.linear_model import Lasso

from cellweave.stain import MACENKO_HE, RUIFROK_HE, compose, rgb_to_density, unit_stains
from cellweave.stain.macenko import macenko_stains
from cellweave.stain.separation import two_stain_concentrations, unmix
from cellweave.stain.vahadane import vahadane_stains


def degrees(one, other):
    return np.rad2deg(np.arccos(np.clip((one * other).sum(axis=1), -1, 1)))


def haematoxylin_first(stains):
    return stains[np.argsort(-stains[:, 0])]


def planted(rng, stains, *, pixels=4000, noise=0.0):
    """Return densities of tissue: nuclei of the first stain, fibres of the second, and both over one another."""
    amounts = rng.uniform(0.2, 1.0, (pixels, 2))
    amounts[: pixels // 3, 0] = 0
    amounts[pixels // 3 : 2 * pixels // 3, 1] = 0
    return np.maximum(amounts @ stains + noise * rng.normal(size=(pixels, 3)), 0)


def test_by_hand():
    # Orthogonal stains: each is v_j - λ where that is positive; at an overlap of 0.6 the inner solution is
    # (0.5 - 0.6 * 0.5) / 0.64 = 0.3125 for both, and a pixel of the first stain alone stays so.
    first, second = np.array([0.5, 1.0, -0.1]), np.array([0.5, 0.6, -0.2])
    h1, h2 = two_stain_concentrations(first, second, 0.6)
    np.testing.assert_allclose(h1, [0.3125, 1.0, 0.0])
    np.testing.assert_allclose(h2, [0.3125, 0.0, 0.0], atol=1e-15)


@given(seed=st.integers(0, 10_000))
def test_without_sparsity_it_is_non_negative_least_squares(seed):
    rng = np.random.default_rng(seed)
    stains = unit_stains(rng.uniform(0.01, 1, (2, 3)))
    densities = rng.uniform(-0.2, 2, (20, 3))
    expected = [nnls(stains.T, one)[0] for one in densities]
    np.testing.assert_allclose(unmix(densities, stains), expected, atol=1e-8)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), sparsity=st.floats(0.001, 0.5))
def test_with_sparsity_it_is_the_non_negative_lasso(seed, sparsity):
    rng = np.random.default_rng(seed)
    densities = rng.uniform(0, 2, (5, 3))
    # scikit-learn divides the squares by the number of channels
    solver = Lasso(alpha=sparsity / 3, fit_intercept=False, positive=True, tol=1e-12, max_iter=100_000)
    expected = [solver.fit(RUIFROK_HE.T, one).coef_ for one in densities]
    np.testing.assert_allclose(unmix(densities, RUIFROK_HE, sparsity=sparsity), expected, atol=1e-6)


def test_single_precision_is_close():
    densities = np.random.default_rng(0).uniform(0, 2, (1000, 3))
    first, second = (densities @ MACENKO_HE.T).T
    overlap = float(MACENKO_HE[0] @ MACENKO_HE[1])
    exact = two_stain_concentrations(first, second, overlap)
    single = two_stain_concentrations(first.astype(np.float32), second.astype(np.float32), overlap)
    assert single[0].dtype == np.float32
    np.testing.assert_allclose(single, exact, atol=1e-5)


@pytest.mark.parametrize("stains", [RUIFROK_HE, MACENKO_HE], ids=["ruifrok", "macenko"])
def test_planted_stains_are_found(stains):
    densities = planted(np.random.default_rng(1), stains)
    assert degrees(haematoxylin_first(macenko_stains(densities)), stains).max() < 0.01
    assert degrees(haematoxylin_first(vahadane_stains(densities, sparsity=1e-4)), stains).max() < 0.1


def test_planted_stains_are_found_through_noise_and_grey_levels():
    rng = np.random.default_rng(2)
    amounts = rng.uniform(0.2, 1.0, (4000, 2)) * rng.permuted(np.tile([[1, 0], [0, 1], [1, 1], [1, 1]], (1000, 1)))
    noisy = compose(amounts, RUIFROK_HE) + rng.normal(0, 2, (4000, 3))
    densities = rgb_to_density(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)).astype(np.float64)
    densities = densities[np.linalg.norm(densities, axis=1) > 0.15]
    # Noise of 2 grey levels of 150 turns a colour of density 0.3 by about a degree.
    assert degrees(haematoxylin_first(macenko_stains(densities)), RUIFROK_HE).max() < 3
    assert degrees(haematoxylin_first(vahadane_stains(densities)), RUIFROK_HE).max() < 5


def test_the_factorisation_lowers_its_objective_and_sparsity_draws_stains_together():
    densities = planted(np.random.default_rng(3), MACENKO_HE, noise=0.01)

    def objective(stains, sparsity):
        amounts = unmix(densities, stains, sparsity=sparsity)
        return ((densities - amounts @ stains) ** 2).sum() / 2 + sparsity * amounts.sum()

    angles = []
    for sparsity in (0.01, 0.05, 0.2):
        found = vahadane_stains(densities, sparsity=sparsity)
        assert objective(found, sparsity) < objective(macenko_stains(densities), sparsity)
        nudged = unit_stains(np.maximum(found + np.random.default_rng(0).normal(0, 0.01, (2, 3)), 0))
        assert objective(found, sparsity) < objective(nudged, sparsity)
        angles.append(degrees(found[:1], found[1:])[0])
    assert angles == sorted(angles, reverse=True)


def test_one_colour_does_not_break_the_factorisation():
    densities = np.linspace(0.2, 1, 200)[:, None] * RUIFROK_HE[0]
    found = vahadane_stains(densities)
    assert np.isfinite(found).all()
    assert degrees(found, np.tile(RUIFROK_HE[0], (2, 1))).max() < 1e-3
