import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from cellweave.core import Cells
from cellweave.metrics.layout_curves import (
    MEASURES,
    LayoutCurves,
    curve_distance,
    feature_curves,
    measure_curves,
    readable,
)
from cellweave.metrics.layout_statistics import labels_of, layout_statistics
from cellweave.patterns import homology_is_installed, poisson_points, ripley_l

CLASSES = ("a", "b")
SHAPE = (260, 250)


def layout(xy_of_a, xy_of_b=(), *, topology=False):
    xy = np.concatenate([np.reshape(xy_of_a, (-1, 2)), np.reshape(xy_of_b, (-1, 2))])
    labels = [0] * len(xy_of_a) + [1] * len(xy_of_b)
    cells = Cells(xy, labels, classes=CLASSES, shape=SHAPE, mpp=0.5)
    return layout_statistics(cells, CLASSES, topology=topology)


def pooled(measure, label, *layouts):
    return measure_curves(measure, label, layouts).pooled(np.ones((1, len(layouts))))


def distance(measure, label, one, other):
    return curve_distance(measure, pooled(measure, label, one), pooled(measure, label, other)).item()


# Nearest neighbours 10 px (5 µm) everywhere against 14 px (7 µm) everywhere
NEAR, FAR = layout([[50, 50], [60, 50]], [[55, 150]]), layout([[50, 50], [64, 50]], [[57, 150]])


def test_nearest_neighbours_by_hand():
    assert distance("nearest_neighbour", "a", NEAR, FAR) == pytest.approx(2)
    assert distance("nearest_neighbour", "b → a", NEAR, NEAR) == 0


def test_nearest_neighbours_are_the_wasserstein_distance():
    rng = np.random.default_rng(0)
    sides = [[layout(poisson_points(n / 65000, SHAPE, rng)) for _ in range(5)] for n in (40, 90)]
    expected = wasserstein_distance(*(np.concatenate([one.nearest_um["a"] for one in side]) for side in sides))
    curves = [pooled("nearest_neighbour", "a", *side) for side in sides]
    assert curve_distance("nearest_neighbour", *curves).item() == pytest.approx(expected, abs=0.02)  # a grid of 0.25 µm


def test_pair_correlation_by_hand():
    # One pair in the class (4, 6] µm against one in (6, 8], each times area over overlap; all other classes are 0.
    area = 130 * 125
    g = [area * (area / ((125 - d) * 130)) / (np.pi * (hi**2 - (hi - 2) ** 2)) for d, hi in ((5, 6), (7, 8))]
    assert distance("pair_correlation", "a", NEAR, FAR) == pytest.approx(sum(g) / 29)


def test_l_by_hand():
    # K of either is 0 up to its pair then area × area over overlap; of 30 radii, the second and third differ
    area = 130 * 125
    near, far = (np.sqrt(area * area / ((125 - d) * 130) / np.pi) for d in (5, 7))
    assert distance("ripley_l", "a", NEAR, FAR) == pytest.approx((near + 27 * abs(near - far)) / 30)


def test_l_is_the_root_of_pooled_k():
    xy = poisson_points(0.002, SHAPE, np.random.default_rng(1))
    radii = np.arange(2.0, 61.0, 2.0)
    expected = ripley_l(xy / 2, (130, 125), radii)
    np.testing.assert_allclose(readable("ripley_l", pooled("ripley_l", "a", layout(xy)))[0], expected)


@pytest.mark.skipif(not homology_is_installed(), reason="the extra topology is not installed")
def test_pieces_by_hand():
    near, far = layout([[50, 50], [60, 50]], topology=True), layout([[50, 50], [64, 50]], topology=True)
    # Two cells become one piece at 5 or at 7 µm: half a piece a cell, for 2 µm
    assert distance("topology", "a", near, far) == pytest.approx(1)


def test_layouts_pool_by_summing_numerators_and_denominators():
    curves = LayoutCurves(np.array([[1.0, 2.0], [4.0, 6.0]]), np.array([1.0, 3.0]))
    np.testing.assert_allclose(curves.pooled(np.array([[1.0, 1.0], [2.0, 0.0]])), [[5 / 4, 2], [1, 2]])
    assert np.isnan(curves.pooled(np.zeros((1, 2)))).all()


def test_features_pool_to_their_mean_and_second_moments():
    found = feature_curves(np.array([[1.0, 2.0], [3.0, 6.0]])).pooled(np.ones((1, 2)))
    np.testing.assert_allclose(found, [[2, 4, 5, 10, 10, 20]])


@pytest.mark.parametrize("measure", [one for one in MEASURES if one not in ("topology", "spatial_fid")])
def test_without_cells_there_is_no_curve(measure):
    for empty in (layout([]), layout([[3, 3]]), layout([], [[3, 3]])):
        assert np.isnan(pooled(measure, "a", empty)).all()
        assert np.isnan(distance(measure, "a", NEAR, empty))


def test_labels():
    assert labels_of("nearest_neighbour", CLASSES)["class pair"] == ("a → b", "b → a")
    assert labels_of("ripley_l", CLASSES)["class pair"] == ("a – b",)
    assert labels_of("spatial_fid", CLASSES) == {"all": ("all",), "class": (), "class pair": ()}
