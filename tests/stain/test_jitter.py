import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import InvalidInputError
from cellweave.stain import RUIFROK_HE, compose, jitter_stains


@given(seed=st.integers(0, 10_000), degrees=st.floats(0, 45))
def test_stains_turn_no_farther_than_asked_and_stay_stains(seed, degrees):
    stains = jitter_stains(RUIFROK_HE, np.random.default_rng(seed), degrees=degrees).stains
    angles = np.rad2deg(np.arccos(np.clip((stains * RUIFROK_HE).sum(axis=1), -1, 1)))
    assert (angles <= degrees + 1e-5).all()
    assert (stains >= 0).all()
    np.testing.assert_allclose(np.linalg.norm(stains, axis=1), 1)


def test_amounts_fill_their_ranges():
    rng = np.random.default_rng(3)
    drawn = [jitter_stains(RUIFROK_HE, rng, strength=0.2, darkening=10) for _ in range(300)]
    strengths = np.array([one.strengths for one in drawn])
    backgrounds = np.array([one.background for one in drawn])
    for values, low, high in ((strengths, 0.8, 1.2), (backgrounds, 245, 255)):
        margin = 0.03 * (high - low)
        assert low <= values.min() < low + margin
        assert high - margin < values.max() <= high


def test_no_jitter_is_the_reference():
    same = jitter_stains(RUIFROK_HE, np.random.default_rng(0), degrees=0, strength=0, darkening=0)
    concentrations = np.random.default_rng(0).random((5, 5, 2))
    np.testing.assert_array_equal(same.compose(concentrations), compose(concentrations, RUIFROK_HE))


def test_amounts_out_of_range_are_named():
    with pytest.raises(InvalidInputError, match=r"strength must lie in \[0, 1\], got 1.5"):
        jitter_stains(RUIFROK_HE, np.random.default_rng(0), strength=1.5)
    with pytest.raises(InvalidInputError, match=r"degrees must lie in \[0, 45\], got nan"):
        jitter_stains(RUIFROK_HE, np.random.default_rng(0), degrees=float("nan"))
