import numpy as np
import pytest

from cellweave.core import Cells, InvalidInputError
from cellweave.metrics.layout_clusters import CellClusters
from cellweave.patterns import hard_core_clusters, nearest_neighbour_distances
from cellweave.patterns.minimum_contrast import ThomasFit

CLASSES = ("a", "b")
SHAPE = (400, 440)
TRUE = (ThomasFit(8e-4, 8.0), ThomasFit(np.inf, 0.0))


def tissue(seed):
    """Clusters of a with a hard core of 4 µm, b anywhere with one of 6 µm, at 0.5 µm a pixel."""
    rng = np.random.default_rng(seed)
    cores = np.array([[4.0, 5.0], [5.0, 6.0]])
    made = hard_core_clusters([rng.poisson(150), 60], TRUE, cores, shape=(200, 220), rng=rng)
    xy = np.minimum(made.xy / 0.5, np.nextafter(SHAPE[::-1], 0.0))
    return Cells(xy, made.labels, classes=CLASSES, shape=SHAPE, mpp=0.5)


LAYOUTS = [tissue(i) for i in range(30)]
FITTED = CellClusters.fit(LAYOUTS, CLASSES)


def test_clusters_and_cores_are_recovered():
    about = FITTED.to_json()
    assert [one["class"] for one in about] == ["a", "b"]
    assert about[0]["hard_core_um"] == pytest.approx(4, abs=0.3)
    assert about[1]["hard_core_um"] == pytest.approx(5.2, abs=0.6)  # the nearest cell of any class, mostly one of a
    assert about[0]["spread_um"] == pytest.approx(8, rel=0.3)
    assert about[0]["clusters_per_mm2"] == pytest.approx(800, rel=0.3)
    assert about[1]["spread_um"] is None or about[1]["clusters_per_mm2"] > 2000


def test_thrown_layouts_keep_counts_frame_and_distances():
    cells = LAYOUTS[0]
    made, crowded = FITTED.throw(cells, seed=0, index=3)
    assert crowded == 0
    assert (made.counts(), made.shape, made.mpp) == (cells.counts(), cells.shape, cells.mpp)
    assert nearest_neighbour_distances(made.of_class("a").xy * 0.5).min() >= FITTED.cores_um[0]
    again, _ = FITTED.throw(cells, seed=0, index=3)
    np.testing.assert_array_equal(made.xy, again.xy)
    other, _ = FITTED.throw(cells, seed=0, index=4)
    assert not np.array_equal(made.xy, other.xy)


def test_cells_of_unknown_class_stay_unknown():
    xy = np.random.default_rng(0).random((20, 2)) * 300
    cells = Cells(xy, [-1] * 12 + [0] * 8, classes=CLASSES, shape=SHAPE, mpp=0.5)
    made, _ = CellClusters.fit([cells], CLASSES).throw(cells, seed=0, index=0)
    assert (made.labels == -1).sum() == 12
    assert made.counts() == {"a": 8, "b": 0}


def test_empty_layouts_and_absent_classes_have_no_clusters():
    empty = Cells.empty(classes=CLASSES, shape=SHAPE, mpp=0.5)
    lonely = Cells([[3, 3]], [0], classes=CLASSES, shape=SHAPE, mpp=0.5)
    process = CellClusters.fit([empty, lonely], CLASSES)
    assert [one["spread_um"] for one in process.to_json()] == [None, None]
    assert len(process.throw(empty, seed=0, index=0)[0]) == 0
    assert len(process.throw(lonely, seed=0, index=0)[0]) == 1


def test_a_layout_without_a_scale_is_refused():
    unknown = Cells([[3, 3], [9, 3]], [0, 0], classes=CLASSES, shape=SHAPE)
    with pytest.raises(InvalidInputError, match=r"no scale \(mpp\)"):
        CellClusters.fit([unknown], CLASSES)
    with pytest.raises(InvalidInputError, match=r"no scale \(mpp\)"):
        FITTED.throw(unknown, seed=0, index=0)
