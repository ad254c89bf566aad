"""Streams that depend on a seed and on the names of what they are for, on nothing else."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cellweave.core import numpy_generator, torch_generator

KEYS = st.lists(st.one_of(st.integers(0, 2**31), st.text(max_size=4)), max_size=3).map(tuple)


def from_numpy(seed, *keys):
    return numpy_generator(seed, *keys).integers(0, 2**63, 4).tolist()


def from_torch(seed, *keys):
    return torch.randint(2**62, (4,), generator=torch_generator(seed, *keys)).tolist()


@pytest.mark.parametrize("draw", [from_numpy, from_torch])
@given(st.integers(0, 2**40), KEYS)
def test_equal_keys_give_equal_streams(draw, seed, keys):
    assert draw(seed, *keys) == draw(seed, *keys)


@pytest.mark.parametrize("draw", [from_numpy, from_torch])
def test_keys_that_are_easily_confused_give_different_streams(draw):
    keys = [
        (),
        (0,),
        (0, 0),
        (1,),
        (0, 1),
        (2**32,),
        ("",),
        ("0",),
        ("x",),
        ("x", 0),
        ("x", 0, 0),
        ("x", 1),
        (0, "x"),
        ("x", "y"),
        ("y", "x"),
        ("xy",),
    ]
    streams = {key: draw(7, *key) for key in keys} | {"another seed": draw(8)}
    assert [pair for pair in combinations(streams, 2) if streams[pair[0]] == streams[pair[1]]] == []


@pytest.mark.parametrize("draw", [from_numpy, from_torch])
@given(st.integers(0, 3), KEYS, KEYS)
def test_different_keys_give_different_streams(draw, seed, one, other):
    # 252 random bits never agree by chance; names are hashed to 32 bits, which Hypothesis does not hit by chance either
    assert (draw(seed, *one) == draw(seed, *other)) == (one == other)


def test_streams_of_neighbouring_numbers_are_independent():
    first, second = np.array([numpy_generator(3, "sample", i).uniform(-1, 1, 2) for i in range(2000)]).T
    # means and correlations of 2000 independent uniform numbers stay within 4 standard errors of 0
    assert abs(first.mean()) < 4 / np.sqrt(3 * 2000)
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 4 / np.sqrt(2000)
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(2000)


def test_global_randomness_is_neither_used_nor_touched():
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    drawn = from_numpy(1, "a"), from_torch(1, "a")
    assert (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before  # noqa: NPY002
    torch.rand(3)
    assert (from_numpy(1, "a"), from_torch(1, "a")) == drawn


def test_streams_are_those_of_every_run_made_so_far():
    # a change of these numbers changes every sample of every seed: it needs an entry in the changelog
    assert numpy_generator(7, "layout", 12).bit_generator.random_raw(2).tolist() == [
        5012452186400017665,
        1023920409405139989,
    ]
    assert torch_generator(7, "layout", 12).initial_seed() == 5036587159645207882
