import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

from cellweave.core import InvalidInputError
from cellweave.patterns import betti_curves, homology_is_installed, persistence

needs_ripser = pytest.mark.skipif(not homology_is_installed(), reason="the extra topology is not installed")
SCALES = np.arange(0.0, 11.0)


@needs_ripser
def test_a_square_by_hand():
    # Sides 2, diagonals 2.83: joined at 2 around a hole, which the diagonals fill
    curves = betti_curves([[0, 0], [2, 0], [2, 2], [0, 2]], [0, 1.9, 2, 2.8, 2.9])
    assert curves.components.tolist() == [4, 4, 1, 1, 1]
    assert curves.loops.tolist() == [0, 0, 1, 1, 0]


@needs_ripser
def test_pieces_are_those_that_the_minimum_spanning_tree_leaves():
    xy = np.random.default_rng(0).random((60, 2)) * 40
    edges = minimum_spanning_tree(cdist(xy, xy)).data
    expected = [60 - (edges <= scale).sum() for scale in SCALES]
    assert betti_curves(xy, SCALES).components.tolist() == expected


@needs_ripser
@pytest.mark.parametrize(
    ("xy", "components"),
    [([], [0, 0, 0]), ([[3, 3]], [1, 1, 1]), ([[0, 0], [1, 0]], [2, 1, 1]), ([[1, 1]] * 3, [1, 1, 1])],
)
def test_none_one_two_and_equal_points(xy, components):
    curves = betti_curves(xy, [0.0, 1.0, 2.0])
    assert curves.components.tolist() == components
    assert curves.loops.tolist() == [0, 0, 0]


def test_bad_input_and_a_missing_library_are_named(monkeypatch):
    with pytest.raises(InvalidInputError, match=r"ascending numbers >= 0, got \[2.0, 1.0\]"):
        betti_curves([[0, 0]], [2, 1])
    with pytest.raises(InvalidInputError, match=r"shape \(N, 2\), got \(3,\)"):
        betti_curves([1, 2, 3], [1])
    monkeypatch.setattr(persistence, "find_spec", lambda name: None)
    with pytest.raises(InvalidInputError, match=r"needs ripser, which is not installed; pip install 'cellweave"):
        betti_curves([[0, 0]], [1])
